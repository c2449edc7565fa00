"""GL-Transformer: direction and magnitude of the displacement of every joint are classified.

Kim et al. 2022, "Global-local Motion Transformer for Unsupervised Skeleton-based Action Learning": for intervals of 1,
5 and 10 frames, 27 classes of direction and 16 of magnitude. Simplified: the heads read the per-joint features of the
common encoder instead of a spatio-temporal transformer; the magnitude classes are `bins` steps of `step` in the unit of
the clips and one for no motion; without the token of the root. Intervals are 1, 3 and 5 of about 20 resampled frames
instead of 300. So that the displacements cannot be read off, half of the joints are hidden from the encoder.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import nn

from psp.batches.batch import Batch
from psp.config.ranges import require
from psp.distributed import gather_ranks
from psp.loss.reconstruction import displacement_classes
from psp.methods.base import MethodConfig, PretrainingMethod, Setting, StepContext, StepOutput
from psp.methods.masking import hide, masked_joints
from psp.methods.s4l import make_decoders

DIRECTIONS = 27


@dataclass(frozen=True)
class GLTransformerConfig(MethodConfig):
    """Options of displacement prediction.

    Args:
        modalities: modalities, each with heads of its own
        intervals: numbers of frames over which displacements are measured
        step: width of a class of magnitude, in the unit of the clips
        bins: number of classes of magnitude, besides that of no motion
        joints: probability that a joint is hidden from the encoder
    """

    intervals: tuple[int, ...] = (1, 3, 5)
    step: float = 0.05
    bins: int = 14
    joints: float = 0.5

    def __post_init__(self) -> None:
        require(min(self.intervals, default=0) >= 1, "method.intervals", min(self.intervals, default=0), "1 or more")
        require(self.step > 0, "method.step", self.step, "a number above 0")
        require(self.bins >= 1, "method.bins", self.bins, "1 or more")
        require(0 <= self.joints < 1, "method.joints", self.joints, "a probability below 1")


class GLTransformer(PretrainingMethod[GLTransformerConfig]):
    """Cross entropy of the classes of direction and magnitude, for every interval."""

    Config = GLTransformerConfig

    def __init__(self, config: GLTransformerConfig, setting: Setting) -> None:
        super().__init__(config, setting)
        self.trained = setting.new_backbone(config.modalities)
        outputs = len(config.intervals) * (DIRECTIONS + config.bins + 1)
        self.decoders = make_decoders(setting, config.modalities, outputs)

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return the mean cross entropy over frames, joints, intervals and modalities."""
        clips, config, losses = batch["unlabelled"], self.config, []
        hidden = hide(clips.sample, masked_joints(clips.keys, len(self.setting.layout.joints), config.joints))
        encoded = self.trained.encode([hidden], self.setting.memory)
        for decoder, (name, (part,)) in zip(self.decoders, encoded.items(), strict=True):
            rows = self.trained.rows(clips.sample.modalities[name], clips.sample)
            found = decoder(part.features).unflatten(1, (len(config.intervals), -1))
            for number, interval in enumerate(config.intervals):
                wanted = displacement_classes(rows, interval, config.step, config.bins)
                for logits, classes in zip(
                    found[:, number].split([DIRECTIONS, config.bins + 1], 1), wanted, strict=True
                ):
                    errors = F.cross_entropy(logits, classes, reduction="none").mean((1, 2))
                    losses.append(gather_ranks(errors).mean())
        return StepOutput(torch.stack(losses).mean(), {})

    def backbone(self) -> nn.Module:
        """Return the trained encoder(s)."""
        return self.trained
