"""FixMatch: confident predictions of weakly augmented clips are the targets of strongly augmented ones."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from jaxtyping import Float
from torch import Tensor

from psp.batches.batch import Batch
from psp.config.ranges import require, require_not_negative
from psp.loss.classification import classification, confident_cross_entropy, probabilities
from psp.methods.base import MethodConfig, PredictorMethod, StepContext, StepOutput


@dataclass(frozen=True)
class WeakToStrongConfig(MethodConfig):
    """Options of methods whose pseudo-labels are predictions of weakly augmented clips.

    Args:
        modalities: modalities whose logits are summed
        consistency: weight of the loss on unlabelled clips (lambda_u)
        label_smoothing: share of the target that is distributed evenly over the classes
    """

    consistency: float = 1.0
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        require_not_negative(self, "method", "consistency")
        require(0 <= self.label_smoothing < 1, "method.label_smoothing", self.label_smoothing, "0 or more, below 1")


@dataclass(frozen=True)
class FixMatchConfig(WeakToStrongConfig):
    """Options of FixMatch.

    Args:
        modalities: modalities whose logits are summed
        consistency: weight of the loss on unlabelled clips (lambda_u)
        label_smoothing: share of the target that is distributed evenly over the classes
        threshold: least probability of a pseudo-label that is used (tau)
    """

    threshold: float = 0.95

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.threshold <= 1, "method.threshold", self.threshold, "from 0 to 1")


W = TypeVar("W", bound=WeakToStrongConfig)


class WeakToStrong(PredictorMethod[W]):
    """Weakly augmented clips give pseudo-labels to strongly augmented ones; a subclass says which ones are used."""

    unlabelled = ("weak", "strong")

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return the loss on labels plus `consistency` times that on pseudo-labels."""
        samples = [batch["labelled"].sample, *batch["unlabelled"].samples]
        features = self.recogniser.encode(samples, self.setting.memory)
        known, weak, strong = (self.classify(features, number).sum(0) for number in range(3))
        labels = self.labels(batch)
        parts = {"classification": classification(known, labels, self.config.label_smoothing)}
        parts["consistency"], parts["confident"] = self.pseudo_label_loss(probabilities(weak), strong)
        loss = parts["classification"] + self.config.consistency * parts["consistency"]
        return self.output(loss, parts, known, labels)

    def pseudo_label_loss(
        self, targets: Float[Tensor, "a k"], strong: Float[Tensor, "a k"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Return the loss on the pseudo-labels of `targets`, and their mean weight."""
        raise NotImplementedError


class FixMatch(WeakToStrong[FixMatchConfig]):
    """Sohn et al. 2020, "FixMatch: Simplifying Semi-Supervised Learning with Consistency and Confidence", eqs. 3-4."""

    Config = FixMatchConfig

    def pseudo_label_loss(
        self, targets: Float[Tensor, "a k"], strong: Float[Tensor, "a k"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Return the cross entropy with confident pseudo-labels, and their share."""
        return confident_cross_entropy(strong, targets, self.config.threshold)
