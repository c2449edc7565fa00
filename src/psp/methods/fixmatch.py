"""FixMatch: confident predictions of weakly augmented clips are the targets of strongly augmented ones."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from psp.batches.batch import Batch
from psp.config.ranges import require, require_not_negative
from psp.loss.classification import classification, confident_cross_entropy
from psp.methods.base import MethodConfig, PredictorMethod, StepContext, StepOutput


@dataclass(frozen=True)
class FixMatchConfig(MethodConfig):
    """Options of FixMatch.

    Args:
        modalities: modalities whose logits are summed
        consistency: weight of the loss on unlabelled clips (lambda_u)
        threshold: least probability of a pseudo-label that is used (tau)
        label_smoothing: share of the target that is distributed evenly over the classes
    """

    consistency: float = 1.0
    threshold: float = 0.95
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        require_not_negative(self, "method", "consistency")
        require(0 <= self.threshold <= 1, "method.threshold", self.threshold, "from 0 to 1")
        require(0 <= self.label_smoothing < 1, "method.label_smoothing", self.label_smoothing, "0 or more, below 1")


class FixMatch(PredictorMethod[FixMatchConfig]):
    """Sohn et al. 2020, "FixMatch: Simplifying Semi-Supervised Learning with Consistency and Confidence", eqs. 3-4."""

    Config = FixMatchConfig
    unlabelled = ("weak", "strong")

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return the loss on labels plus `consistency` times that on confident pseudo-labels."""
        samples = [batch["labelled"].sample, *batch["unlabelled"].samples]
        features = self.recogniser.encode(samples, self.setting.memory)
        known, weak, strong = (self.classify(features, number).sum(0) for number in range(3))
        labels = self.labels(batch)
        targets = weak.detach().to(torch.promote_types(weak.dtype, torch.float32)).softmax(dim=1)
        parts = {"classification": classification(known, labels, self.config.label_smoothing)}
        parts["consistency"], parts["confident"] = confident_cross_entropy(strong, targets, self.config.threshold)
        loss = parts["classification"] + self.config.consistency * parts["consistency"]
        return self.output(loss, parts, known, labels)
