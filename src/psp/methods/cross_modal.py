"""CrosSCLR and CMD: contrastive pre-training of several modalities that learn from each other's memory banks.

CrosSCLR: Li et al. 2021, "3D Human Action Representation Learning via Cross-View Consistency Pursuit": one MoCo for
each modality; in the second half the entries of the bank that are nearest in another modality are further positives.
Temperature 0.07, top 1, 300 epochs with mining from 150 on. Simplified: without the context term (products of
similarities); 1,024 instead of 32,768 keys, momentum 0.99 instead of 0.999.

CMD: Mao et al. 2022, "CMD: Self-supervised 3D Action Representation Learning with Cross-modal Mutual Distillation":
the distribution of similarities of a modality's keys is distilled into the queries of every other one. Temperatures
0.05 and 0.1, the nearest half of the bank, weight 1. The key of each clip is left out of the distribution.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations

import torch

from psp.batches.batch import Batch
from psp.config.ranges import require
from psp.errors import ConfigError
from psp.loss.info_nce import info_nce
from psp.loss.mining import multi_positive, nearest, similarity, similarity_distillation
from psp.methods.base import StepContext, StepOutput
from psp.methods.momentum import MomentumConfig, MomentumMethod


@dataclass(frozen=True)
class CrosSCLRConfig(MomentumConfig):
    """Options of CrosSCLR.

    Args:
        modalities: modalities, at least two, each contrasted with keys of its own
        temperature: tau of InfoNCE
        momentum: momentum of the key encoder
        bank: number of keys in the memory bank of a modality
        start: share of the training after which positives are mined
        nearest: how many positives are mined in every other modality
    """

    start: float = 0.5
    nearest: int = 1

    def __post_init__(self) -> None:
        super().__post_init__()
        require_several(self.modalities)
        require(0 <= self.start <= 1, "method.start", self.start, "from 0 to 1")
        require(self.nearest >= 1, "method.nearest", self.nearest, "1 or more")


class CrosSCLR(MomentumMethod[CrosSCLRConfig]):
    """InfoNCE, later with the nearest keys of the other modality as positives."""

    Config = CrosSCLRConfig

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return InfoNCE with the mined positives, the mean over the ordered pairs of modalities."""
        queries, keys, bank = self.encode(batch)
        tau, losses = self.config.temperature, []
        if context.progress < self.config.start:
            losses = [info_nce(*group, tau) for group in zip(queries, keys, bank, strict=True)]
            return StepOutput(torch.stack(losses).mean(), {})
        for other, own in ordered_pairs(len(queries)):
            mined = nearest(similarity(keys[other], bank[other]), self.config.nearest)
            losses.append(multi_positive(queries[own], keys[own], bank[own], mined, tau))
        return StepOutput(torch.stack(losses).mean(), {})


@dataclass(frozen=True)
class CMDConfig(MomentumConfig):
    """Options of CMD.

    Args:
        modalities: modalities, at least two, each contrasted with keys of its own
        temperature: tau of InfoNCE
        momentum: momentum of the key encoder
        bank: number of keys in the memory bank of a modality
        distillation: weight of the distillation
        teacher: temperature of the similarities of the keys
        student: temperature of the similarities of the queries
        share: share of the bank, the nearest entries, that is distilled
    """

    distillation: float = 1.0
    teacher: float = 0.05
    student: float = 0.1
    share: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        require_several(self.modalities)
        require(self.distillation >= 0, "method.distillation", self.distillation, "0 or more")
        for name in ("teacher", "student"):
            require(getattr(self, name) > 0, f"method.{name}", getattr(self, name), "a temperature above 0")
        require(0 < self.share <= 1, "method.share", self.share, "a share above 0, at most 1")


class CMD(MomentumMethod[CMDConfig]):
    """InfoNCE plus mutual distillation of similarities with the bank, for every ordered pair of modalities."""

    Config = CMDConfig

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return the mean InfoNCE plus `distillation` times the mean divergence."""
        queries, keys, bank = self.encode(batch)
        config, distilled = self.config, []
        contrast = [info_nce(*group, config.temperature) for group in zip(queries, keys, bank, strict=True)]
        count = max(1, round(config.share * bank.shape[1]))
        for teacher, student in ordered_pairs(len(queries)):
            pair = similarity(keys[teacher], bank[teacher]), similarity(queries[student], bank[student])
            distilled.append(similarity_distillation(*pair, config.teacher, config.student, count))
        parts = {"contrast": torch.stack(contrast).mean(), "distillation": torch.stack(distilled).mean()}
        return StepOutput(parts["contrast"] + config.distillation * parts["distillation"], parts)


def ordered_pairs(count: int) -> Iterator[tuple[int, ...]]:
    """Return all ordered pairs of different numbers below `count`."""
    return permutations(range(count), 2)


def require_several(modalities: tuple[str, ...]) -> None:
    """Raise ConfigError unless there are at least two modalities."""
    if len(modalities) < 2:
        what = "modalities learn from each other, but there is only one."
        raise ConfigError(what, where="method.modalities", remedy="Name two or more, such as joint and motion.")
