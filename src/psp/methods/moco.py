"""MoCo: contrastive pre-training against a memory bank of keys from a momentum encoder."""

import copy
from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from psp.batches.batch import Batch, BatchSpec, Sample
from psp.config.ranges import require
from psp.distributed import gather_ranks
from psp.loss.info_nce import info_nce
from psp.methods.base import Method, MethodConfig, Setting, StepContext, StepOutput
from psp.model.heads import Projection
from psp.model.memory import MemoryConfig


@dataclass(frozen=True)
class MoCoConfig(MethodConfig):
    """Options of MoCo.

    Args:
        modalities: input forms, each contrasted with keys of its own
        temperature: tau of InfoNCE
        momentum: of the key encoder
        bank: number of keys in the memory bank of a modality
    """

    modalities: tuple[str, ...] = ("joint", "motion")
    temperature: float = 0.07
    momentum: float = 0.99
    bank: int = 1024

    def __post_init__(self) -> None:
        require(self.temperature > 0, "method.temperature", self.temperature, "a number above 0")
        require(0 <= self.momentum < 1, "method.momentum", self.momentum, "0 or more, below 1")
        require(self.bank >= 1, "method.bank", self.bank, "1 or more")


class MoCo(Method[MoCoConfig]):
    """He et al. 2020, "Momentum Contrast"; the MLP head and strong augmentation of MoCo v2 (Chen et al. 2020).

    Pre-training only: a second stage, such as `supervised`, starts from its encoder. `bank` holds unit keys, zero where
    none was written yet; a zero key has similarity 0 to every query.
    """

    Config = MoCoConfig
    trains_predictor = False
    bank: Tensor
    written: Tensor

    def __init__(self, config: MoCoConfig, setting: Setting) -> None:
        super().__init__(config, setting)
        count, width = len(config.modalities), setting.model.encoder.width
        encoders = [setting.encoder() for _ in range(count if setting.model.networks == "own" else 1)]
        self.query, self.projection = setting.backbone(encoders, config.modalities), Projection(width)
        self.key, self.key_projection = (
            copy.deepcopy(part).requires_grad_(False) for part in (self.query, self.projection)
        )
        self.register_buffer("bank", torch.zeros(count, config.bank, width))
        self.register_buffer("written", torch.zeros((), dtype=torch.int64))

    def batches(self) -> Mapping[str, BatchSpec]:
        """Return training clips in two strongly augmented samples."""
        size = self.setting.batch.unlabelled
        return {"unlabelled": BatchSpec("train", size, self.config.modalities, ("strong", "strong"))}

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return InfoNCE of the queries of one sample with the keys of the other, the mean over the modalities."""
        first, second = batch["unlabelled"].samples
        queries = _project(self.query, self.projection, first, self.setting.memory)
        with torch.no_grad():
            keys = _project(self.key, self.key_projection, second, self.setting.memory)
        each = [info_nce(*each, self.config.temperature) for each in zip(queries, keys, self.bank, strict=True)]
        loss = torch.stack(each).mean()
        self._enqueue(keys)
        return StepOutput(loss, {})

    def backbone(self) -> nn.Module:
        """Return the query encoder(s)."""
        return self.query

    @torch.no_grad()
    def on_step_end(self, context: StepContext) -> None:
        """Move the key encoder towards the query encoder."""
        for key, query in ((self.key, self.query), (self.key_projection, self.projection)):
            torch._foreach_lerp_(list(key.parameters()), list(query.parameters()), 1 - self.config.momentum)

    def _enqueue(self, keys: Float[Tensor, "s n d"]) -> None:
        """Overwrite the oldest keys of the memory bank."""
        keys = keys[:, -self.config.bank :]
        slots = (self.written + torch.arange(keys.shape[1], device=keys.device)) % self.config.bank
        self.bank[:, slots] = keys.to(self.bank)
        self.written += keys.shape[1]


def _project(
    backbone: nn.Module, projection: nn.Module, sample: Sample, memory: MemoryConfig
) -> Float[Tensor, "s a d"]:
    """Return unit contrastive features of every modality, of the clips of all ranks."""
    encoded = backbone.encode([sample], memory)
    features = torch.stack([projection(parts[0].pooled()) for parts in encoded.values()], dim=1)
    return F.normalize(gather_ranks(features), dim=2).transpose(0, 1)
