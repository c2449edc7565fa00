"""MoCo: contrastive pre-training against a memory bank of keys from a momentum encoder; and AS-CAL, its skeleton form.

He et al. 2020, "Momentum Contrast", with the MLP head and strong augmentation of MoCo v2 (Chen et al. 2020). The papers
use momentum 0.999 and 65,536 keys; skeleton data sets are small. No shuffled batch norm.

AS-CAL: Rao et al. 2021, "Augmented Skeleton Based Contrastive Action Learning with Momentum LSTM": temperature 0.06, no
projection head, momentum 0.999, 500 keys on Northwestern-UCLA, time reversal of half of the queries. Its own encoder is
an LSTM of 256 units (model.encoder.joints recurrent, model.encoder.cell lstm); its shear is that of the augmentation.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import nn

from psp.batches.batch import Batch, Sample
from psp.batches.counter_rng import uniform
from psp.config.ranges import require
from psp.loss.info_nce import info_nce
from psp.methods.base import StepContext, StepOutput
from psp.methods.momentum import MomentumConfig, MomentumMethod
from psp.model.backbone import ProjectedBackbone

DIFFERENCES = ("motion", "velocity", "bone motion", "yaw-invariant velocity")
"""Modalities whose sign changes when time is reversed."""


@dataclass(frozen=True)
class MoCoConfig(MomentumConfig):
    """Options of MoCo.

    Args:
        modalities: modalities, each contrasted with keys of its own
        temperature: tau of InfoNCE
        momentum: momentum of the key encoder
        bank: number of keys in the memory bank of a modality
    """


class MoCo(MomentumMethod[MoCoConfig]):
    """InfoNCE of the queries of one sample with the keys of another one of the same clip."""

    Config = MoCoConfig

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return InfoNCE, the mean over the modalities."""
        groups = zip(*self.encode(batch), strict=True)
        return StepOutput(torch.stack([info_nce(*group, self.config.temperature) for group in groups]).mean(), {})


@dataclass(frozen=True)
class ASCALConfig(MomentumConfig):
    """Options of AS-CAL.

    Args:
        modalities: modalities, each contrasted with keys of its own
        temperature: tau of InfoNCE
        momentum: momentum of the key encoder
        bank: number of keys in the memory bank of a modality
        reversal: probability that the frames of a query are reversed
    """

    temperature: float = 0.06
    bank: int = 512
    reversal: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 <= self.reversal <= 1, "method.reversal", self.reversal, "a probability from 0 to 1")


class ASCAL(MomentumMethod[ASCALConfig]):
    """MoCo on the pooled features themselves, with reversed queries."""

    Config = ASCALConfig

    def make_query(self) -> ProjectedBackbone:
        """Return a new query encoder without a projection head."""
        query = super().make_query()
        query.projection = nn.Identity()
        return query

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return InfoNCE, the mean over the modalities."""
        chosen = uniform(batch["unlabelled"].keys, "reversal") < self.config.reversal
        groups = zip(*self.encode(batch, lambda sample: reversed_in_time(sample, chosen)), strict=True)
        return StepOutput(torch.stack([info_nce(*group, self.config.temperature) for group in groups]).mean(), {})


def reversed_in_time(sample: Sample, chosen: torch.Tensor) -> Sample:
    """Return the sample with the frames of the chosen clips in reverse order."""
    found = {}
    for name, values in sample.modalities.items():
        backwards = values.flip(2) * (-1 if name in DIFFERENCES else 1)
        found[name] = torch.where(chosen[:, None, None, None, None], backwards, values)
    return replace(sample, modalities=found)
