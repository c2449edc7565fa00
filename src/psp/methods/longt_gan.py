"""LongT GAN: a recurrent encoder whose code lets a decoder fill in masked sequences, with an adversarial loss.

Zheng et al. 2018, "Unsupervised Representation Learning with Long-Term Dynamics for Skeleton Based Action Recognition":
a GRU encodes the sequence, a GRU decoder generates it from the code and a randomly masked sequence, a discriminator
tells generated from recorded sequences; the classifier is trained on the code. Simplified: layers of 128 units, both
directions; the weight of the adversarial loss is 0.1 as the paper gives none; the network is fine-tuned with the
classifier.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psp.batches.batch import Batch
from psp.config.ranges import require, require_not_negative
from psp.distributed import gather_ranks
from psp.loss.adversarial import logistic
from psp.loss.reconstruction import squared_error
from psp.methods.base import MethodConfig, PretrainingMethod, Setting, StepContext, StepOutput
from psp.methods.masking import masked_frames, rank_mean
from psp.methods.s4l import rows_of_mask
from psp.model.decoder import RecurrentDecoder
from psp.model.encoder import EncoderConfig
from psp.model.memory import statistics_kept
from psp.model.recurrent import run_layer


@dataclass(frozen=True)
class LongTGANConfig(MethodConfig):
    """Options of LongT GAN.

    Args:
        modalities: modalities, each with a decoder and a discriminator of its own
        hidden: share of the frames, in one block, that are hidden from the decoder
        adversarial: weight of the adversarial loss
    """

    hidden: float = 0.5
    adversarial: float = 0.1

    def __post_init__(self) -> None:
        require(0 < self.hidden < 1, "method.hidden", self.hidden, "a share above 0, below 1")
        require_not_negative(self, "method", "adversarial")


class SequenceDiscriminator(nn.Module):
    """A GRU over frames and a linear map of the mean of its hidden states."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.layer = nn.GRU(inputs, width, batch_first=True)
        self.score = nn.Linear(width, 1)

    def forward(self, frames: Float[Tensor, "r t c"]) -> Float[Tensor, "r"]:
        """Return the score of every sequence, large for recorded ones."""
        return self.score(run_layer(self.layer, frames).mean(1))[:, 0]


class LongTGAN(PretrainingMethod[LongTGANConfig]):
    """Squared error and adversarial loss of generated sequences; discriminators are trained in a phase of their own."""

    Config = LongTGANConfig
    phases = ("discriminator", "main")
    own_encoder = EncoderConfig(((64, 128, 1, 1),), joints="recurrent")

    def __init__(self, config: LongTGANConfig, setting: Setting) -> None:
        super().__init__(config, setting)
        width, inputs = setting.model.encoder.width, 3 * len(setting.layout.joints)
        self.trained = setting.new_backbone(config.modalities)
        self.decoders = nn.ModuleList(RecurrentDecoder(width, inputs, inputs) for _ in config.modalities)
        self.discriminators = nn.ModuleList(SequenceDiscriminator(inputs, width) for _ in config.modalities)

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return the loss of the discriminators, or of encoder and decoders."""
        return self._discriminator_step(batch) if phase == "discriminator" else self._main_step(batch)

    def phase_parameters(self, phase: str) -> Iterable[nn.Parameter]:
        """Return the parameters of the discriminators, or all others."""
        if phase == "discriminator":
            return self.discriminators.parameters()
        return [*self.trained.parameters(), *self.decoders.parameters()]

    def backbone(self) -> nn.Module:
        """Return the trained encoder(s)."""
        return self.trained

    def _discriminator_step(self, batch: Mapping[str, Batch]) -> StepOutput:
        with torch.no_grad(), statistics_kept(self.trained):
            pairs = self._generate(batch["unlabelled"])
        losses = []
        for discriminator, (recorded, generated) in zip(self.discriminators, pairs, strict=True):
            real, made = (gather_ranks(discriminator(frames)) for frames in (recorded, generated))
            losses.append((logistic(real, 1.0) + logistic(made, 0.0)) / 2)
        loss = torch.stack(losses).mean()
        return StepOutput(loss, {"discriminator": loss})

    def _main_step(self, batch: Mapping[str, Batch]) -> StepOutput:
        errors, fooled = [], []
        for discriminator, (recorded, generated) in zip(
            self.discriminators, self._generate(batch["unlabelled"]), strict=True
        ):
            pair = (each.transpose(1, 2)[..., None] for each in (generated, recorded))
            errors.append(rank_mean(*squared_error(*pair)))
            fooled.append(logistic(gather_ranks(discriminator(generated)), 1.0))
        parts = {"reconstruction": torch.stack(errors).mean(), "adversarial": torch.stack(fooled).mean()}
        return StepOutput(parts["reconstruction"] + self.config.adversarial * parts["adversarial"], parts)

    def _generate(self, clips: Batch) -> list[tuple[Float[Tensor, "r t c"], Float[Tensor, "r t c"]]]:
        """Return the recorded and the generated frames of every modality."""
        pairs, encoded = [], self.trained.encode([clips.sample], self.setting.memory)
        for decoder, (name, (part,)) in zip(self.decoders, encoded.items(), strict=True):
            values = clips.sample.modalities[name]
            hidden = masked_frames(clips.keys, values.shape[2], self.config.hidden).expand(-1, -1, -1, values.shape[3])
            rows = self.trained.rows(values, clips.sample)
            mask = rows_of_mask(self.trained, hidden, clips.sample)
            recorded, partial = (each.permute(0, 2, 3, 1).flatten(2) for each in (rows, rows.masked_fill(mask, 0)))
            pairs.append((recorded, decoder(part.features.mean((2, 3)), partial.to(part.features))))
        return pairs
