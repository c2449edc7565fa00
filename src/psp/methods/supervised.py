"""Supervised training on the labelled clips alone: the baselines of PSP Learning."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from psp.batches.batch import Batch
from psp.config.ranges import require
from psp.loss.classification import classification
from psp.methods.base import MethodConfig, PredictorMethod, StepContext, StepOutput

STREAMS = ("joint", "velocity", "yaw-invariant", "yaw-invariant velocity", "distance")
"""Joints, their velocities and three modalities that are invariant to rotation about the vertical."""


@dataclass(frozen=True)
class SupervisedConfig(MethodConfig):
    """Options of the supervised baseline.

    Args:
        modalities: modalities whose logits are summed
        label_smoothing: share of the target that is distributed evenly over the classes
    """

    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        require(0 <= self.label_smoothing < 1, "method.label_smoothing", self.label_smoothing, "0 or more, below 1")


@dataclass(frozen=True)
class MultiStreamConfig(SupervisedConfig):
    """Options of the multi-stream supervised baseline.

    Args:
        modalities: modalities, each with a loss of its own
        label_smoothing: share of the target that is distributed evenly over the classes
    """

    modalities: tuple[str, ...] = STREAMS


class Supervised(PredictorMethod[SupervisedConfig]):
    """One loss on the summed logits of all modalities (eq. 15): the paper's baseline without CCL and PPA."""

    Config = SupervisedConfig
    unlabelled = ()

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return L_reg (eq. 15)."""
        features = self.recogniser.encode([batch["labelled"].sample], self.setting.memory)
        logits, labels = self.classify(features, 0), self.labels(batch)
        each = logits if self.fusion == "mean" else logits.sum(0, keepdim=True)
        loss = torch.stack([classification(own, labels, self.config.label_smoothing) for own in each]).mean()
        return self.output(loss, {"classification": loss}, logits.sum(0), labels)


class MultiStreamSupervised(Supervised):
    """One loss for each modality, and late fusion of their logits.

    With few labels this is more accurate than one loss on the sum of the logits, in which the modality that is learnt
    first leaves little gradient to the others.
    """

    Config = MultiStreamConfig
    fusion = "mean"
