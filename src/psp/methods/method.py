"""What a training method is."""

from dataclasses import dataclass
from math import inf
from typing import Protocol, runtime_checkable

from jaxtyping import Float, Int
from torch import Tensor

from psp.batches.loader import Batch
from psp.config.ranges import require
from psp.methods.encode import PLENTY, MemoryConfig
from psp.model.streams import Network


@dataclass(frozen=True)
class ObjectiveConfig:
    """Weights and temperatures of the objective; `temperature` is tau of eqs 10-12, `contrast` the weight of CCL.

    `pseudo_label` weighs what is learnt from guesses about unlabelled clips; the paper and its program do without (0).
    Method `psp` learns from the network's own where it is surer than `confidence`, method `taught` from all of its
    teacher's, raised to the power `sharpness`.
    """

    temperature: float = 0.07
    contrast: float = 1.0
    label_smoothing: float = 0.0
    pseudo_label: float = 0.0
    confidence: float = 0.8
    sharpness: float = 2.0

    def __post_init__(self) -> None:
        require(0 < self.temperature < inf, "objective.temperature", self.temperature, "a finite number above 0")
        require(0 <= self.contrast < inf, "objective.contrast", self.contrast, "a finite number of 0 or more")
        smoothing = self.label_smoothing
        require(0 <= smoothing < 1, "objective.label_smoothing", smoothing, "0 or more, below 1")
        weight = self.pseudo_label
        require(0 <= weight < inf, "objective.pseudo_label", weight, "a finite number of 0 or more")
        require(0 <= self.confidence <= 1, "objective.confidence", self.confidence, "from 0 to 1")
        require(0 < self.sharpness <= 10, "objective.sharpness", self.sharpness, "a number above 0, at most 10")


@dataclass(frozen=True, eq=False)
class StepResult:
    """The number to minimise, its named parts for the log, and the labelled clips' logits and labels.

    On several ranks all of them are those of the whole batch, the same on every rank.
    """

    objective: Float[Tensor, ""]
    parts: dict[str, Float[Tensor, ""]]
    logits: Float[Tensor, "n k"]
    labels: Int[Tensor, "n"]

    @property
    def accuracy(self) -> Float[Tensor, ""]:
        """The share of clips with a label whose largest logit is that of the label."""
        return (self.logits.argmax(dim=1) == self.labels).sum() / (self.labels >= 0).sum().clamp(min=1)


@runtime_checkable
class Method(Protocol):
    """One way to learn from labelled and unlabelled clips; it says which views it needs."""

    @property
    def views(self) -> tuple[str, ...]:
        """The views that a batch must hold."""

    @property
    def uses_unlabelled(self) -> bool:
        """Whether unlabelled batches are drawn at all."""

    @property
    def contrasted(self) -> tuple[str, ...]:
        """The views whose levels are contrasted with each other, which is all that teaches PPA."""

    @property
    def learnt_apart(self) -> bool:
        """Whether every view has a loss of its own, so that each by itself says what a clip shows."""

    @property
    def is_taught(self) -> bool:
        """Whether unlabelled batches should come with a teacher's beliefs."""

    def step(
        self,
        network: Network,
        labelled: Batch,
        unlabelled: Batch | None,
        config: ObjectiveConfig,
        memory: MemoryConfig = PLENTY,
    ) -> StepResult:
        """Compute the objective of one step."""
