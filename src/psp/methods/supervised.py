"""Supervised training on the labelled clips alone: the baselines of PSP Learning."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import nn

from psp.batches.batch import Batch
from psp.config.ranges import require
from psp.loss.classification import classification
from psp.methods.base import MethodConfig, PredictorMethod, Setting, StepContext, StepOutput

STREAMS = ("joint", "velocity", "yaw-invariant", "yaw-invariant velocity", "distance")
"""Joints, their velocities and three modalities that are invariant to rotation about the vertical."""


@dataclass(frozen=True)
class SupervisedConfig(MethodConfig):
    """Options of the supervised baseline.

    Args:
        modalities: modalities whose logits are summed
        label_smoothing: share of the target that is distributed evenly over the classes
        frozen: train the classifier alone, on the features of the backbone from which the stage starts (linear probe)
    """

    label_smoothing: float = 0.0
    frozen: bool = False

    def __post_init__(self) -> None:
        require(0 <= self.label_smoothing < 1, "method.label_smoothing", self.label_smoothing, "0 or more, below 1")


@dataclass(frozen=True)
class MultiStreamConfig(SupervisedConfig):
    """Options of the multi-stream supervised baseline.

    Args:
        modalities: modalities, each with a loss of its own
        label_smoothing: share of the target that is distributed evenly over the classes
        frozen: train the classifiers alone, on the features of the backbone from which the stage starts
    """

    modalities: tuple[str, ...] = STREAMS


class Supervised(PredictorMethod[SupervisedConfig]):
    """One loss on the summed logits of all modalities (eq. 15): the paper's baseline without CCL and PPA."""

    Config = SupervisedConfig
    unlabelled = ()

    def __init__(self, config: SupervisedConfig, setting: Setting) -> None:
        super().__init__(config, setting)
        self.recogniser.backbone.requires_grad_(not config.frozen)

    def train(self, mode: bool = True) -> "Supervised":
        """Set the mode; a frozen backbone stays in evaluation mode, so that its batch norms do not change."""
        super().train(mode)
        if self.config.frozen:
            self.recogniser.backbone.eval()
        return self

    def phase_parameters(self, phase: str) -> Iterable[nn.Parameter]:
        """Return the parameters that are trained."""
        return (weight for weight in super().phase_parameters(phase) if weight.requires_grad)

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
