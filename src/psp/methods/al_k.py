"""AL+K: reconstruction of all clips and classification of the labelled ones, by one encoder.

Li and Shlizerman 2020, "Sparse Semi-Supervised Action Recognition with Active Learning". The labels are chosen by
K-means (`psp.dataset.clusters`), or are those of another budget. Simplified: the encoder is the common one instead of a
bidirectional GRU (model.encoder.joints recurrent), the decoder one layer over seven frames instead of a GRU, the error
squared instead of absolute; all labels are bought in one round, where the paper alternates between rounds of buying and
training.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import nn

from psp.batches.batch import Batch
from psp.config.ranges import require
from psp.loss.classification import classification
from psp.methods.base import MethodConfig, PredictorMethod, Setting, StepContext, StepOutput
from psp.methods.s4l import inpainting_error, make_decoders


@dataclass(frozen=True)
class ALKConfig(MethodConfig):
    """Options of AL+K.

    Args:
        modalities: modalities whose logits are summed
        balance: weight of the classification after the ramp (alpha); that of the reconstruction is 1 - alpha
        ramp: share of the training over which alpha rises from 0
    """

    balance: float = 0.9
    ramp: float = 0.2

    def __post_init__(self) -> None:
        require(0 <= self.balance <= 1, "method.balance", self.balance, "from 0 to 1")
        require(0 < self.ramp <= 1, "method.ramp", self.ramp, "a share above 0, at most 1")


class ALK(PredictorMethod[ALKConfig]):
    """(1 - alpha) times the squared error of the reconstruction plus alpha times the cross entropy."""

    Config = ALKConfig
    unlabelled = ("weak",)

    def __init__(self, config: ALKConfig, setting: Setting) -> None:
        super().__init__(config, setting)
        self.decoders = make_decoders(setting, config.modalities, 3)

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return the weighted sum of the reconstruction of the unlabelled clips and the loss on labels."""
        sample = batch["unlabelled"].sample
        features = self.recogniser.encode([batch["labelled"].sample, sample], self.setting.memory)
        logits, labels = self.classify(features, 0).sum(0), self.labels(batch)
        encoded = {name: parts[1] for name, parts in features.items()}
        every = torch.ones_like(next(iter(sample.modalities.values()))[:, :1, :, :, 0], dtype=torch.bool)
        error = inpainting_error(self.recogniser.backbone, self.decoders, encoded, sample, every)
        parts = {"classification": classification(logits, labels), "reconstruction": error}
        alpha = self.config.balance * min(1.0, context.progress / self.config.ramp)
        return self.output(alpha * parts["classification"] + (1 - alpha) * error, parts, logits, labels)

    def phase_parameters(self, phase: str) -> Sequence[nn.Parameter]:
        """Return the parameters of the networks and the decoders."""
        return [*super().phase_parameters(phase), *self.decoders.parameters()]
