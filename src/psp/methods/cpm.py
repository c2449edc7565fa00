"""CPM: similarity distributions of a student follow those of a momentum encoder, with mined positives.

Zhang et al. 2022, "Contrastive Positive Mining for Unsupervised 3D Action Representation Learning". Known settings:
momentum 0.996 rising to 1, a queue of 65,536, temperatures 0.05 and 0.1, about 100 positives, mined in a second phase.
Simplified: momentum 0.99, 1,024 keys of which 16 are positives; both phases have the same augmentation.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch

from psp.batches.batch import Batch
from psp.config.ranges import require
from psp.loss.mining import nearest, positive_enhanced, similarity
from psp.methods.base import StepContext, StepOutput
from psp.methods.momentum import MomentumConfig, MomentumMethod


@dataclass(frozen=True)
class CPMConfig(MomentumConfig):
    """Options of CPM.

    Args:
        modalities: modalities, each with a queue of its own
        temperature: temperature of the student's similarities
        momentum: momentum of the target encoder
        bank: number of targets in the contextual queue of a modality
        target: temperature of the target's similarities
        positives: number of positives later, the clip's own target among them
        start: share of the training after which positives are mined
    """

    temperature: float = 0.1
    target: float = 0.05
    positives: int = 16
    start: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.target > 0, "method.target", self.target, "a temperature above 0")
        require(self.positives >= 1, "method.positives", self.positives, "1 or more")
        require(0 <= self.start <= 1, "method.start", self.start, "from 0 to 1")


class CPM(MomentumMethod[CPMConfig]):
    """Cross entropy of two similarity distributions over the contextual queue, which contains the clip's own target."""

    Config = CPMConfig

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return the cross entropy, later with the mined positives, the mean over the modalities."""
        queries, keys, bank = self.encode(batch)
        config, losses = self.config, []
        count = config.positives if context.progress >= config.start else 0
        for query, key, queue in zip(queries, keys, bank, strict=True):
            entries = torch.cat([key, queue])
            target, student = similarity(key, entries), similarity(query, entries)
            losses.append(
                positive_enhanced(target, student, nearest(target, count), (config.target, config.temperature))
            )
        return StepOutput(torch.stack(losses).mean(), {})
