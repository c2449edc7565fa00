"""Mean Teacher: predictions agree with those that averaged weights make of another sample of the same clip.

Tarvainen and Valpola 2017, "Mean teachers are better role models". Simplified: the teacher is the averaged predictor of
the trainer, in evaluation mode; the labelled clips have no consistency loss; two weak augmentations are the noise. The
paper's weight is 100 for the mean squared difference over the classes, with a ramp over the first epochs.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch

from psp.batches.batch import Batch
from psp.config.ranges import require, require_not_negative
from psp.distributed import gather_ranks
from psp.loss.classification import classification, squared_difference
from psp.methods.base import MethodConfig, PredictorMethod, StepContext, StepOutput


@dataclass(frozen=True)
class PlainTeacherConfig(MethodConfig):
    """Options of Mean Teacher.

    Args:
        modalities: modalities whose logits are summed
        consistency: weight of the mean squared difference of probabilities, after the ramp
        ramp: share of the training over which the weight rises, as exp(-5 (1 - x)^2)
    """

    consistency: float = 100.0
    ramp: float = 0.4

    def __post_init__(self) -> None:
        require_not_negative(self, "method", "consistency")
        require(0 < self.ramp <= 1, "method.ramp", self.ramp, "a share above 0, at most 1")


class MeanTeacher(PredictorMethod[PlainTeacherConfig]):
    """Consistency with the predictor of averaged weights, which predicts every step another sample of the clips."""

    Config = PlainTeacherConfig
    unlabelled = ("weak", "weak")

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return the loss on labels plus the ramped weight times the squared difference from the teacher."""
        free, teacher = batch["unlabelled"].samples, context.ema
        features = self.recogniser.encode([batch["labelled"].sample, free[0]], self.setting.memory)
        known, student = (self.classify(features, number).sum(0) for number in range(2))
        labels = self.labels(batch)
        parts = {"classification": classification(known, labels)}
        loss = parts["classification"]
        if teacher is not None:
            with torch.no_grad():
                targets = gather_ranks(teacher(free[1]))
            parts["consistency"] = squared_difference(student, targets)
            loss = loss + self._weight(context.progress) * parts["consistency"]
        return self.output(loss, parts, known, labels)

    def _weight(self, progress: float) -> float:
        return self.config.consistency * math.exp(-5 * (1 - min(1.0, progress / self.config.ramp)) ** 2)
