"""S4L: self-supervision on all clips beside classification of the labelled ones; here inpainting of skeletons.

Zhai et al. 2019, "S4L: Self-Supervised Semi-Supervised Learning", with the pretext task of the row "S4L (inpainting)"
of Si et al. 2020: masked joints are regressed from the features of the encoder. Weight 1 and equal batches as in the
paper. Mask and decoder are ours: 30 % of the frames in one block and 15 % of the joints; one layer over seven frames.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from psp.batches.batch import Batch, Sample
from psp.config.ranges import require, require_not_negative
from psp.loss.classification import classification
from psp.loss.reconstruction import squared_error
from psp.methods.base import MethodConfig, PredictorMethod, Setting, StepContext, StepOutput
from psp.methods.masking import hide, masked_frames, masked_joints, rank_mean
from psp.model.backbone import Backbone
from psp.model.decoder import JointDecoder
from psp.model.encoded import Encoded


@dataclass(frozen=True)
class S4LConfig(MethodConfig):
    """Options of S4L.

    Args:
        modalities: modalities whose logits are summed
        inpainting: weight of the inpainting loss
        frames: share of the frames that are masked, in one block
        joints: probability that a joint is masked in all frames
    """

    inpainting: float = 1.0
    frames: float = 0.3
    joints: float = 0.15

    def __post_init__(self) -> None:
        require_not_negative(self, "method", "inpainting")
        require(0 < self.frames < 1, "method.frames", self.frames, "a share above 0, below 1")
        require(0 <= self.joints < 1, "method.joints", self.joints, "a probability below 1")


class S4L(PredictorMethod[S4LConfig]):
    """Cross entropy on labelled clips, inpainting of labelled and unlabelled ones; one decoder for each modality."""

    Config = S4LConfig
    unlabelled = ("weak",)

    def __init__(self, config: S4LConfig, setting: Setting) -> None:
        super().__init__(config, setting)
        self.decoders = make_decoders(setting, config.modalities, 3)

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return the loss on labels plus `inpainting` times the squared error at masked positions."""
        known, free = batch["labelled"], batch["unlabelled"]
        masks = [inpainting_mask(each, self.config.frames, self.config.joints) for each in (known, free)]
        hidden = [hide(each.sample, mask) for each, mask in zip((known, free), masks, strict=True)]
        features = self.recogniser.encode([known.sample, *hidden], self.setting.memory)
        logits, labels = self.classify(features, 0).sum(0), self.labels(batch)
        backbone, errors = self.recogniser.backbone, []
        for number, (each, mask) in enumerate(zip((known, free), masks, strict=True), start=1):
            encoded = {name: parts[number] for name, parts in features.items()}
            errors.append(inpainting_error(backbone, self.decoders, encoded, each.sample, mask))
        parts = {"classification": classification(logits, labels), "inpainting": torch.stack(errors).mean()}
        loss = parts["classification"] + self.config.inpainting * parts["inpainting"]
        return self.output(loss, parts, logits, labels)

    def phase_parameters(self, phase: str) -> Sequence[nn.Parameter]:
        """Return the parameters of the networks and the decoders."""
        return [*super().phase_parameters(phase), *self.decoders.parameters()]


def make_decoders(setting: Setting, modalities: Sequence[str], outputs: int) -> nn.ModuleList:
    """Return a decoder for every modality, from the features of an encoder to values of frames and joints."""
    width, joints = setting.model.encoder.width, len(setting.layout.joints)
    return nn.ModuleList(JointDecoder(width, outputs, joints, setting.frames) for _ in modalities)


def inpainting_mask(batch: Batch, frames: float, joints: float) -> Bool[Tensor, "n 1 t v"]:
    """Return a mask of a block of frames and of single joints."""
    size = next(iter(batch.sample.modalities.values())).shape
    return masked_frames(batch.keys, size[2], frames) | masked_joints(batch.keys, size[3], joints)


def inpainting_error(
    backbone: Backbone,
    decoders: nn.ModuleList,
    encoded: Mapping[str, Encoded],
    sample: Sample,
    mask: Bool[Tensor, "n 1 t v"],
) -> Float[Tensor, ""]:
    """Return the mean squared error of the decoded masked positions, the mean over the modalities."""
    errors = []
    for decoder, (name, parts) in zip(decoders, encoded.items(), strict=True):
        wanted = backbone.rows(sample.modalities[name], sample)
        errors.append(rank_mean(*squared_error(decoder(parts.features), wanted, rows_of_mask(backbone, mask, sample))))
    return torch.stack(errors).mean()


def rows_of_mask(backbone: Backbone, mask: Bool[Tensor, "n 1 t v"], sample: Sample) -> Bool[Tensor, "r 1 t v"]:
    """Return the mask of clips as one of the rows of their persons."""
    return backbone.rows(mask.expand(-1, sample.persons.shape[1], -1, -1)[..., None], sample)
