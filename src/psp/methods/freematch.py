"""FreeMatch and SoftMatch: FixMatch with weights of pseudo-labels that follow the state of training.

FreeMatch: Wang et al. 2023, "FreeMatch: Self-adaptive Thresholding for Semi-supervised Learning". SoftMatch: Chen et
al. 2023, "SoftMatch: Addressing the Quantity-Quality Trade-off in Semi-supervised Learning". Both papers average with
momentum 0.999 over 2^20 steps; here it is 0.99, for trainings of some thousand steps. Optimiser, batches and
augmentation are those of the preset.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from psp.config.ranges import require, require_not_negative
from psp.loss.adaptive import class_shares, class_thresholds, fairness, truncated_gaussian
from psp.loss.classification import align_distribution
from psp.methods.base import Setting
from psp.methods.fixmatch import WeakToStrong, WeakToStrongConfig


@dataclass(frozen=True)
class FreeMatchConfig(WeakToStrongConfig):
    """Options of FreeMatch.

    Args:
        modalities: modalities whose logits are summed
        consistency: weight of the loss on unlabelled clips (lambda_u)
        label_smoothing: share of the target that is distributed evenly over the classes
        fairness: weight of self-adaptive fairness (lambda_f), before the weight `consistency`
        momentum: momentum of the averages from which thresholds are computed
    """

    fairness: float = 0.01
    momentum: float = 0.99

    def __post_init__(self) -> None:
        super().__post_init__()
        require_not_negative(self, "method", "fairness")
        require(0 <= self.momentum < 1, "method.momentum", self.momentum, "0 or more, below 1")


class FreeMatch(WeakToStrong[FreeMatchConfig]):
    """A threshold for every class, the average confidence times the class's relative average probability.

    `confidence`, `classes` and `histogram` are the averages over steps, in which all start as the uniform distribution.
    """

    Config = FreeMatchConfig
    confidence: Tensor
    classes: Tensor
    histogram: Tensor

    def __init__(self, config: FreeMatchConfig, setting: Setting) -> None:
        super().__init__(config, setting)
        even = torch.full((setting.classes,), 1 / setting.classes)
        for name, start in (("confidence", even[0].clone()), ("classes", even), ("histogram", even.clone())):
            self.register_buffer(name, start)

    def pseudo_label_loss(
        self, targets: Float[Tensor, "a k"], strong: Float[Tensor, "a k"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Return the cross entropy with pseudo-labels above the thresholds plus fairness, and their share."""
        best, label = targets.max(dim=1)
        for name, value in (
            ("confidence", best.mean()),
            ("classes", targets.mean(0)),
            ("histogram", class_shares(label, targets.shape[1])),
        ):
            average = getattr(self, name)
            average.lerp_(value.to(average), 1 - self.config.momentum)
        used = best >= class_thresholds(self.confidence, self.classes).to(best)[label]
        loss = (F.cross_entropy(strong, label, reduction="none") * used).mean()
        even = fairness(strong.float().softmax(dim=1), used, self.classes.float(), self.histogram.float())
        return loss + self.config.fairness * even.to(loss), used.to(loss).mean()


@dataclass(frozen=True)
class SoftMatchConfig(WeakToStrongConfig):
    """Options of SoftMatch.

    Args:
        modalities: modalities whose logits are summed
        consistency: weight of the loss on unlabelled clips (lambda_u)
        label_smoothing: share of the target that is distributed evenly over the classes
        momentum: momentum of mean and variance of the confidence
    """

    momentum: float = 0.99

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.momentum < 1, "method.momentum", self.momentum, "0 or more, below 1")


class SoftMatch(WeakToStrong[SoftMatchConfig]):
    """Weights of pseudo-labels by a truncated Gaussian of their confidence, after uniform alignment of the classes."""

    Config = SoftMatchConfig
    mean: Tensor
    variance: Tensor
    classes: Tensor

    def __init__(self, config: SoftMatchConfig, setting: Setting) -> None:
        super().__init__(config, setting)
        self.register_buffer("mean", torch.tensor(1 / setting.classes))
        self.register_buffer("variance", torch.ones(()))
        self.register_buffer("classes", torch.full((setting.classes,), 1 / setting.classes))

    def pseudo_label_loss(
        self, targets: Float[Tensor, "a k"], strong: Float[Tensor, "a k"]
    ) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
        """Return the weighted cross entropy with pseudo-labels, and their mean weight."""
        share = 1 - self.config.momentum
        self.classes.lerp_(targets.mean(0).to(self.classes), share)
        confidence = align_distribution(targets, self.classes.to(targets)).amax(dim=1)
        self.mean.lerp_(confidence.mean().to(self.mean), share)
        self.variance.lerp_(confidence.var(correction=0).to(self.variance), share)
        weight = truncated_gaussian(confidence, self.mean.to(confidence), self.variance.to(confidence))
        errors = F.cross_entropy(strong, targets.argmax(dim=1), reduction="none")
        return (errors * weight).mean(), weight.mean()
