"""Skeleton-Contrastive (ISC): contrast between two input forms of a clip, each with an encoder of its own.

Thoker et al. 2021, "Skeleton-Contrastive 3D Action Representation Learning": queries of one representation (a graph of
joints) are contrasted with keys of the other (a sequence of vectors) and its queue, and vice versa; dimension 128, tau
0.07, momentum 0.999, 16,384 keys, augmentation by crops, shear and joint corruption. Here the first form is encoded by
the common encoder, which is fine-tuned, the second by a GRU. Simplified: 1,024 keys, momentum 0.99, one recurrent layer
of the width of the encoder instead of three of 1,024 units.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import nn

from psp.batches.batch import Batch
from psp.loss.info_nce import info_nce
from psp.loss.memory_bank import MemoryBank
from psp.methods.base import PretrainingMethod, Setting, StepContext, StepOutput
from psp.methods.momentum import MomentumConfig, follow
from psp.model.backbone import ProjectedBackbone
from psp.model.encoder import EncoderConfig


@dataclass(frozen=True)
class ISCConfig(MomentumConfig):
    """Options of Skeleton-Contrastive.

    Args:
        modalities: modalities, each in two input forms
        temperature: tau of InfoNCE
        momentum: momentum of the key encoders
        bank: number of keys in the memory bank of a modality and form
    """


class ISC(PretrainingMethod[ISCConfig]):
    """InfoNCE of the queries of each input form with the keys and the memory bank of the other one."""

    Config = ISCConfig
    augmentations = ("strong", "strong")

    def __init__(self, config: ISCConfig, setting: Setting) -> None:
        super().__init__(config, setting)
        width = setting.model.encoder.width
        sequence = replace(setting.model, encoder=EncoderConfig(((width, width, 1, 2),), joints="recurrent"))
        forms = (setting, replace(setting, model=sequence))
        self.queries = nn.ModuleList(ProjectedBackbone(form.new_backbone(config.modalities)) for form in forms)
        self.keys = copy.deepcopy(self.queries).requires_grad_(False)
        self.banks = nn.ModuleList(MemoryBank(len(config.modalities), config.bank, width) for _ in forms)

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return InfoNCE across the input forms, the mean over both directions and the modalities."""
        first, second = batch["unlabelled"].samples
        queries = [query(first, self.setting.memory) for query in self.queries]
        with torch.no_grad():
            keys = [key(second, self.setting.memory) for key in self.keys]
        losses = []
        for own, other in ((0, 1), (1, 0)):
            bank = self.banks[other]
            assert isinstance(bank, MemoryBank)
            groups = zip(queries[own], keys[other], bank.features.to(queries[own], copy=True), strict=True)
            losses += [info_nce(*group, self.config.temperature) for group in groups]
        for bank, key in zip(self.banks, keys, strict=True):
            assert isinstance(bank, MemoryBank)
            bank.enqueue(key)
        return StepOutput(torch.stack(losses).mean(), {})

    def backbone(self) -> nn.Module:
        """Return the common encoder(s), of the first form."""
        query = self.queries[0]
        assert isinstance(query, ProjectedBackbone)
        return query.backbone

    @torch.no_grad()
    def on_step_end(self, context: StepContext) -> None:
        """Move the key encoders towards the query encoders."""
        follow(self.keys, self.queries, self.config.momentum)
