"""Contrastive pre-training with a momentum encoder: what MoCo, AS-CAL, CrosSCLR, CMD, CPM and BYOL share."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psp.batches.batch import Batch, Sample
from psp.config.ranges import require
from psp.loss.memory_bank import MemoryBank
from psp.methods.base import MethodConfig, PretrainingMethod, Setting, StepContext
from psp.model.backbone import ProjectedBackbone


@dataclass(frozen=True)
class MomentumConfig(MethodConfig):
    """Options of contrastive pre-training with a momentum encoder and a memory bank.

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


M = TypeVar("M", bound=MomentumConfig)


class MomentumMethod(PretrainingMethod[M]):
    """A query encoder, a key encoder that follows it, and a memory bank of the keys of each modality."""

    augmentations = ("strong", "strong")

    def __init__(self, config: M, setting: Setting) -> None:
        super().__init__(config, setting)
        self.query = self.make_query()
        self.key = copy.deepcopy(self.query).requires_grad_(False)
        self.bank = MemoryBank(len(config.modalities), config.bank, setting.model.encoder.width)

    def make_query(self) -> ProjectedBackbone:
        """Return a new query encoder with its projection head."""
        return ProjectedBackbone(self.setting.new_backbone(self.config.modalities))

    def encode(
        self, batch: Mapping[str, Batch], change: Callable[[Sample], Sample] | None = None
    ) -> tuple[Float[Tensor, "s a d"], Float[Tensor, "s a d"], Float[Tensor, "s b d"]]:
        """Return queries of the first sample, keys of the second and the bank as it was; the keys are then written."""
        first, second = batch["unlabelled"].samples
        queries = self.query(first if change is None else change(first), self.setting.memory)
        with torch.no_grad():
            keys = self.key(second, self.setting.memory)
        bank = self.bank.features.to(queries, copy=True)
        self.bank.enqueue(keys)
        return queries, keys, bank

    def backbone(self) -> nn.Module:
        """Return the query encoder(s)."""
        return self.query.backbone

    @torch.no_grad()
    def on_step_end(self, context: StepContext) -> None:
        """Move the key encoder towards the query encoder."""
        follow(self.key, self.query, self.config.momentum)


def follow(key: nn.Module, query: nn.Module, momentum: float) -> None:
    """Replace the key weights by momentum * key + (1 - momentum) * query."""
    torch._foreach_lerp_([*key.parameters()], [*query.parameters()], 1 - momentum)
