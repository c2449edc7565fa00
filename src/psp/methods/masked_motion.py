"""Masked pre-training: MAMP, which predicts the motion of masked joints, and SkeletonMAE, which predicts the joints.

* MAMP: Mao et al. 2023, "Masked Motion Predictors are Strong 3D Action Representation Learners": 90 % of the joints in
  segments of frames are masked, more often where there is motion (softmax of the intensity over tau); the target is the
  motion of the masked joints. Simplified: the common encoder sees zeros at masked positions instead of fewer tokens;
  segments of four frames; the intensity is normalised by its mean over the clip before tau = 0.8.
* SkeletonMAE: Yan et al. 2023, "SkeletonMAE: Graph-based Masked Autoencoder for Skeleton Sequence Pre-training": whole
  body parts are masked in all frames; the loss is (1 - cos)^2 at masked joints. Simplified: the common encoder and
  decoder; parts are those of the layout.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor, nn

from psp.batches.batch import Batch
from psp.batches.counter_rng import uniform
from psp.batches.modalities import motion
from psp.config.ranges import require
from psp.loss.reconstruction import cosine_error, squared_error
from psp.methods.base import C, MethodConfig, PretrainingMethod, Setting, StepContext, StepOutput
from psp.methods.masking import hide, rank_mean
from psp.methods.s4l import make_decoders, rows_of_mask

SEGMENT = 4
"""Frames of a segment that is masked as a whole."""


class MaskedMethod(PretrainingMethod[C]):
    """Pre-training with a loss on the decoded masked positions; a subclass draws the mask and computes the errors."""

    def __init__(self, config: C, setting: Setting) -> None:
        super().__init__(config, setting)
        self.trained = setting.new_backbone(config.modalities)
        self.decoders = make_decoders(setting, config.modalities, 3)

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return the mean error at masked positions, the mean over the modalities."""
        clips, losses = batch["unlabelled"], []
        mask = self.mask(clips)
        encoded = self.trained.encode([hide(clips.sample, mask)], self.setting.memory)
        rows = rows_of_mask(self.trained, mask, clips.sample)
        for decoder, (name, (part,)) in zip(self.decoders, encoded.items(), strict=True):
            wanted = self.trained.rows(self.target(clips.sample.modalities[name]), clips.sample)
            losses.append(rank_mean(*self.error(decoder(part.features), wanted, rows)))
        return StepOutput(torch.stack(losses).mean(), {})

    def mask(self, batch: Batch) -> Bool[Tensor, "n 1 t v"]:
        """Return the masked positions of every clip."""
        raise NotImplementedError

    def target(self, values: Float[Tensor, "n m t v 3"]) -> Float[Tensor, "n m t v 3"]:
        """Return what is predicted, here the clips themselves."""
        return values

    def error(
        self, found: Float[Tensor, "r 3 t v"], wanted: Float[Tensor, "r 3 t v"], mask: Bool[Tensor, "r 1 t v"]
    ) -> tuple[Float[Tensor, "r"], Float[Tensor, "r"]]:
        """Return the sum of the errors of every row and their number."""
        return squared_error(found, wanted, mask)

    def backbone(self) -> nn.Module:
        """Return the trained encoder(s)."""
        return self.trained


@dataclass(frozen=True)
class MAMPConfig(MethodConfig):
    """Options of MAMP.

    Args:
        modalities: modalities, each predicted on its own
        share: share of the joints of every segment that are masked
        temperature: tau of the motion intensity; large values mask evenly
    """

    share: float = 0.9
    temperature: float = 0.8

    def __post_init__(self) -> None:
        require(0 < self.share < 1, "method.share", self.share, "a share above 0, below 1")
        require(self.temperature > 0, "method.temperature", self.temperature, "a number above 0")


class MAMP(MaskedMethod[MAMPConfig]):
    """The motion of masked joints, scaled to half the number of frames, is regressed."""

    Config = MAMPConfig

    def mask(self, batch: Batch) -> Bool[Tensor, "n 1 t v"]:
        """Return a mask of the joints of each segment with the largest log-intensity plus Gumbel noise."""
        values = next(iter(batch.sample.modalities.values()))
        moved = torch.linalg.vector_norm(values[:, :, 1:] - values[:, :, :-1], dim=-1).amax(dim=1)
        last = moved[:, -1:] if moved.shape[1] else moved.new_zeros(len(moved), 1, moved.shape[2])
        return motion_mask(torch.cat([moved, last], dim=1), batch.keys, self.config)

    def target(self, values: Float[Tensor, "n m t v 3"]) -> Float[Tensor, "n m t v 3"]:
        """Return the differences to the next frame, times half the number of frames."""
        return motion(values, self.setting.layout) * (values.shape[2] / 2)


def motion_mask(moved: Float[Tensor, "n t v"], keys: Int64[Tensor, "n"], config: MAMPConfig) -> Bool[Tensor, "n 1 t v"]:
    """Return a mask of `share` of all segments of joints, drawn without replacement by their motion."""
    n, t, v = moved.shape
    segments = -(-t // SEGMENT)
    padded = torch.cat([moved, moved.new_zeros(n, segments * SEGMENT - t, v)], dim=1)
    intensity = padded.unflatten(1, (segments, SEGMENT)).mean(dim=2).flatten(1)
    intensity = intensity / intensity.mean(dim=1, keepdim=True).clamp(min=1e-12)
    gumbel = -(-uniform(keys, "masked motion", segments * v).clamp(min=1e-12).log()).clamp(min=1e-12).log()
    score = intensity / config.temperature + gumbel.to(intensity)
    chosen = score.topk(max(1, round(config.share * segments * v)), dim=1).indices
    mask = torch.zeros_like(score, dtype=torch.bool).scatter(1, chosen, True).unflatten(1, (segments, v))
    return mask.repeat_interleave(SEGMENT, dim=1)[:, None, :t]


@dataclass(frozen=True)
class SkeletonMAEConfig(MethodConfig):
    """Options of SkeletonMAE.

    Args:
        modalities: modalities, each predicted on its own
        share: share of the body parts that are masked
        power: exponent of the cosine error
    """

    share: float = 0.5
    power: float = 2.0

    def __post_init__(self) -> None:
        require(0 < self.share < 1, "method.share", self.share, "a share above 0, below 1")
        require(self.power >= 1, "method.power", self.power, "1 or more")


class SkeletonMAE(MaskedMethod[SkeletonMAEConfig]):
    """The joints of masked body parts are predicted, with a loss on their directions."""

    Config = SkeletonMAEConfig

    def mask(self, batch: Batch) -> Bool[Tensor, "n 1 t v"]:
        """Return a mask of all joints of some parts, in all frames."""
        frames = next(iter(batch.sample.modalities.values())).shape[2]
        member = torch.from_numpy(self.setting.layout.joint_to_part.T > 0).to(batch.keys.device)
        parts = len(member)
        hidden = uniform(batch.keys, "masked parts", parts).argsort(dim=1) < max(1, round(self.config.share * parts))
        return (hidden[:, :, None] & member).any(dim=1)[:, None, None].expand(-1, 1, frames, -1)

    def error(
        self, found: Float[Tensor, "r 3 t v"], wanted: Float[Tensor, "r 3 t v"], mask: Bool[Tensor, "r 1 t v"]
    ) -> tuple[Float[Tensor, "r"], Float[Tensor, "r"]]:
        """Return the sum of (1 - cos)^power of every row and the number of masked joints."""
        return cosine_error(found, wanted, mask, self.config.power)
