"""EnGAN-PoseRNN: an adversarial auto-encoder of single poses, and a recurrent auto-encoder of their trajectories.

Kundu et al. 2019, "Unsupervised Feature Learning of Human Actions as Trajectories in Pose Embedding Manifold": a pose
is embedded limb by limb into [-1, 1]^32; a decoder generates poses, also from random embeddings, which a discriminator
tells from recorded ones, and which the encoder must embed back; then PoseRNN, two directions of LSTM, reconstructs the
trajectory of embeddings with a loss on its first differences. Simplified: both parts are trained at the same time, with
weights of 1 and 0.1 for the adversarial loss; without the change of view to a canonical one, which preparation does.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psp.batches.batch import Batch
from psp.batches.counter_rng import between
from psp.config.ranges import require_not_negative
from psp.distributed import gather_ranks
from psp.errors import ConfigError
from psp.loss.adversarial import logistic
from psp.methods.base import MethodConfig, PretrainingMethod, Setting, StepContext, StepOutput
from psp.model.decoder import Perceptron, RecurrentDecoder
from psp.model.encoder import EncoderConfig
from psp.model.memory import statistics_kept
from psp.model.recurrent import PoseEncoder


@dataclass(frozen=True)
class EnGANPoseRNNConfig(MethodConfig):
    """Options of EnGAN-PoseRNN.

    Args:
        modalities: modalities, each with decoders and a discriminator of its own
        adversarial: weight of the adversarial loss of generated poses
        differences: weight of the first differences of trajectories
    """

    adversarial: float = 0.1
    differences: float = 1.0

    def __post_init__(self) -> None:
        require_not_negative(self, "method", "adversarial", "differences")


class EnGANPoseRNN(PretrainingMethod[EnGANPoseRNNConfig]):
    """Reconstruction of poses, cycle of random embeddings, adversarial loss, and reconstruction of trajectories."""

    Config = EnGANPoseRNNConfig
    phases = ("discriminator", "main")
    own_encoder = EncoderConfig(((32, 128, 1, 1),), joints="limbs", cell="lstm")

    def __init__(self, config: EnGANPoseRNNConfig, setting: Setting) -> None:
        super().__init__(config, setting)
        encoder = setting.model.encoder
        if encoder.joints != "limbs":
            what = "this method trains embeddings of poses, which the encoder does not have."
            raise ConfigError(what, where="model.encoder.joints", remedy="Set it to limbs.")
        self.poses, values = encoder.blocks[0][0], 3 * len(setting.layout.joints)
        self.trained = setting.new_backbone(config.modalities)
        count, width = len(config.modalities), encoder.width
        self.decoders = nn.ModuleList(Perceptron(self.poses, width, values) for _ in range(count))
        self.discriminators = nn.ModuleList(Perceptron(values, width, 1) for _ in range(count))
        self.trajectories = nn.ModuleList(RecurrentDecoder(width, 0, self.poses) for _ in range(count))

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return the loss of the discriminators, or of all other parts."""
        clips, losses = batch["unlabelled"], []
        if phase == "discriminator":
            with statistics_kept(self.trained):
                loss = self._discriminator_loss(clips)
            return StepOutput(loss, {"discriminator": loss})
        encoded = self.trained.encode([clips.sample], self.setting.memory)
        for number, (name, (part,)) in enumerate(encoded.items()):
            rows = self.trained.rows(clips.sample.modalities[name], clips.sample).to(part.features)
            losses.append(
                torch.stack(self._errors(number, self._encoder(name), rows, part.features.mean((2, 3)), clips))
            )
        pose, cycle, fooled, trajectory = torch.stack(losses).mean(0)
        parts = {"pose": pose, "cycle": cycle, "adversarial": fooled, "trajectory": trajectory}
        return StepOutput(pose + cycle + self.config.adversarial * fooled + trajectory, parts)

    def phase_parameters(self, phase: str) -> Iterable[nn.Parameter]:
        """Return the parameters of the discriminators, or all others."""
        if phase == "discriminator":
            return self.discriminators.parameters()
        return [w for part in (self.trained, self.decoders, self.trajectories) for w in part.parameters()]

    def backbone(self) -> nn.Module:
        """Return the trained encoder(s)."""
        return self.trained

    def _encoder(self, name: str) -> PoseEncoder:
        encoder = self.trained.encoders[self.trained.number(name)]
        assert isinstance(encoder, PoseEncoder)
        return encoder

    def _random_embeddings(self, clips: Batch, frames: int, like: Tensor) -> Float[Tensor, "n t d"]:
        return between(clips.keys, "embeddings", -1, 1, frames, self.poses).to(like)

    def _errors(
        self,
        number: int,
        encoder: PoseEncoder,
        rows: Float[Tensor, "r 3 t v"],
        code: Float[Tensor, "r d"],
        clips: Batch,
    ) -> list[Float[Tensor, ""]]:
        """Return the losses of poses, cycle, discriminator and trajectory of one modality."""
        decoder, joints = self.decoders[number], rows.shape[3]
        with statistics_kept(encoder):
            embedded = encoder.embed(rows)
            random = self._random_embeddings(clips, rows.shape[2], code)
            generated = decoder(random)
            again = encoder.embed(generated.unflatten(2, (3, joints)).permute(0, 2, 1, 3))
        pose = row_mean((decoder(embedded) - rows.transpose(1, 2).flatten(2)) ** 2)
        cycle = row_mean((again - random) ** 2)
        fooled = logistic(gather_ranks(self.discriminators[number](generated).mean(1)[:, 0]), 1.0)
        wanted, empty = embedded.detach(), embedded.new_zeros(*embedded.shape[:2], 0)
        found = self.trajectories[number](code, empty)
        several = rows.shape[2] > 1
        steps = row_mean((found.diff(dim=1) - wanted.diff(dim=1)) ** 2) if several else code.new_zeros(())
        return [pose, cycle, fooled, row_mean((found - wanted) ** 2) + self.config.differences * steps]

    def _discriminator_loss(self, clips: Batch) -> Float[Tensor, ""]:
        losses = []
        for number, values in enumerate(clips.sample.modalities.values()):
            recorded = self.trained.rows(values, clips.sample).transpose(1, 2).flatten(2)
            with torch.no_grad():
                generated = self.decoders[number](self._random_embeddings(clips, values.shape[2], recorded))
            scores = [gather_ranks(self.discriminators[number](each).mean(1)[:, 0]) for each in (recorded, generated)]
            losses.append((logistic(scores[0], 1.0) + logistic(scores[1], 0.0)) / 2)
        return torch.stack(losses).mean()


def row_mean(values: Float[Tensor, "r t c"]) -> Float[Tensor, ""]:
    """Return the mean over the rows of all ranks."""
    return gather_ranks(values.mean((1, 2))).mean()
