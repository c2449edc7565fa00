"""Pseudo-labels: the network's own confident predictions are used as labels of the unlabelled clips.

Lee 2013, "Pseudo-Label: The Simple and Efficient Semi-Supervised Learning Method". The paper has no threshold and ramps
the weight up to 3; the threshold of 0.95 and the ramp over the first 40 % of the training are those of later
comparisons (Oliver et al. 2018). Optimiser, batches and augmentation are those of the preset.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from psp.batches.batch import Batch
from psp.config.ranges import require, require_not_negative
from psp.loss.classification import classification, confident_cross_entropy, probabilities
from psp.methods.base import MethodConfig, PredictorMethod, StepContext, StepOutput


@dataclass(frozen=True)
class PseudoLabelsConfig(MethodConfig):
    """Options of pseudo-labels.

    Args:
        modalities: modalities whose logits are summed
        consistency: weight of the loss on unlabelled clips, after the ramp (alpha)
        threshold: least probability of a pseudo-label that is used
        ramp: share of the training over which the weight rises from 0
    """

    consistency: float = 1.0
    threshold: float = 0.95
    ramp: float = 0.4

    def __post_init__(self) -> None:
        require_not_negative(self, "method", "consistency")
        require(0 <= self.threshold <= 1, "method.threshold", self.threshold, "from 0 to 1")
        require(0 < self.ramp <= 1, "method.ramp", self.ramp, "a share above 0, at most 1")


class PseudoLabels(PredictorMethod[PseudoLabelsConfig]):
    """The pseudo-label of a clip is the network's prediction of the same sample, without a teacher."""

    Config = PseudoLabelsConfig
    unlabelled = ("weak",)

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return the loss on labels plus the ramped weight times that on confident pseudo-labels."""
        samples = [batch["labelled"].sample, batch["unlabelled"].sample]
        features = self.recogniser.encode(samples, self.setting.memory)
        known, free = (self.classify(features, number).sum(0) for number in range(2))
        labels, config = self.labels(batch), self.config
        parts = {"classification": classification(known, labels)}
        parts["consistency"], parts["confident"] = confident_cross_entropy(free, probabilities(free), config.threshold)
        weight = config.consistency * min(1.0, context.progress / config.ramp)
        return self.output(parts["classification"] + weight * parts["consistency"], parts, known, labels)
