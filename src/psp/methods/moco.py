"""MoCo: contrastive pre-training against a memory bank of keys from a momentum encoder."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from psp.batches.batch import Batch, BatchSpec
from psp.config.ranges import require
from psp.loss.info_nce import info_nce
from psp.loss.memory_bank import MemoryBank
from psp.methods.base import Method, MethodConfig, Setting, StepContext, StepOutput
from psp.model.backbone import ProjectedBackbone


@dataclass(frozen=True)
class MoCoConfig(MethodConfig):
    """Options of MoCo.

    Args:
        modalities: modalities, each contrasted with keys of its own
        temperature: tau of InfoNCE
        momentum: momentum of the key encoder
        bank: number of keys in the memory bank of a modality
    """

    temperature: float = 0.07
    momentum: float = 0.99
    bank: int = 1024

    def __post_init__(self) -> None:
        require(self.temperature > 0, "method.temperature", self.temperature, "a number above 0")
        require(0 <= self.momentum < 1, "method.momentum", self.momentum, "0 or more, below 1")
        require(self.bank >= 1, "method.bank", self.bank, "1 or more")


class MoCo(Method[MoCoConfig]):
    """He et al. 2020, "Momentum Contrast", with the MLP head and strong augmentation of MoCo v2 (Chen et al. 2020).

    It only pre-trains: a second stage, such as `supervised`, starts from its query encoder.
    """

    Config = MoCoConfig
    trains_predictor = False

    def __init__(self, config: MoCoConfig, setting: Setting) -> None:
        super().__init__(config, setting)
        names, width = config.modalities, setting.model.encoder.width
        encoders = [setting.encoder() for _ in range(len(names) if setting.model.networks == "own" else 1)]
        self.query = ProjectedBackbone(setting.backbone(encoders, names))
        self.key = copy.deepcopy(self.query).requires_grad_(False)
        self.bank = MemoryBank(len(names), config.bank, width)

    def batches(self) -> Mapping[str, BatchSpec]:
        """Return training clips in two strongly augmented samples."""
        size = self.setting.batch.unlabelled
        return {"unlabelled": BatchSpec("train", size, self.config.modalities, ("strong", "strong"))}

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return InfoNCE of the queries of one sample with the keys of the other, the mean over the modalities."""
        first, second = batch["unlabelled"].samples
        queries = self.query(first, self.setting.memory)
        with torch.no_grad():
            keys = self.key(second, self.setting.memory)
        groups = zip(queries, keys, self.bank.features.clone(), strict=True)
        loss = torch.stack([info_nce(*group, self.config.temperature) for group in groups]).mean()
        self.bank.enqueue(keys)
        return StepOutput(loss, {})

    def backbone(self) -> nn.Module:
        """Return the query encoder(s)."""
        return self.query.backbone

    @torch.no_grad()
    def on_step_end(self, context: StepContext) -> None:
        """Move the key encoder towards the query encoder."""
        torch._foreach_lerp_([*self.key.parameters()], [*self.query.parameters()], 1 - self.config.momentum)
