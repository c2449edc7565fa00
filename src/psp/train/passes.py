"""Passes over whole training clips without augmentation, divided among the ranks."""

from collections.abc import Callable, Mapping, Sequence
from itertools import islice

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from psp.batches.batch import Pool, Sample
from psp.batches.loader import SampleMaker
from psp.distributed import Ranks, gather_ranks
from psp.errors import ConfigError
from psp.methods.base import Passes
from psp.train.config import Precision
from psp.train.device import mixed_precision

SIZE = 128
"""Largest number of clips of a batch."""


class TrainingPasses(Passes):
    """Passes over the clips of a stage; each rank computes every n-th batch."""

    def __init__(
        self, maker: SampleMaker, pools: Mapping[Pool, Int64[np.ndarray, "_"]], precision: Precision, ranks: Ranks
    ) -> None:
        self._maker, self._pools, self._precision, self._ranks = maker, pools, precision, ranks

    def indices(self, pool: Pool) -> Int64[Tensor, "s"]:
        """Return the clip indices of a pool, on the CPU."""
        return torch.from_numpy(self._pools[pool])

    @torch.no_grad()
    def collect(
        self, index: Int64[Tensor, "s"], modalities: Sequence[str], function: Callable[[Sample], tuple[Tensor, ...]]
    ) -> tuple[Tensor, ...]:
        """Return what `function` returns for all clips, in the order of `index`; one row per clip."""
        count = self._ranks.count
        if len(index) < count:
            what = f"there are {len(index)} clips for {count} ranks, fewer than one each."
            raise ConfigError(what, remedy="Use fewer ranks.")
        chunks = index.split(min(SIZE, len(index) // count))
        found = []
        with mixed_precision(self._precision, self._ranks.device):
            for chunk in islice(chunks, self._ranks.index, None, count):
                found.append(function(self._maker.whole(chunk, modalities).sample))
        order = torch.cat([chunk for rank in range(count) for chunk in chunks[rank::count]]).argsort()
        order = order[index.argsort().argsort()] if count > 1 else torch.arange(len(index))
        parts = zip(*found, strict=True)
        return tuple(gather_ranks(torch.cat(each))[order.to(self._ranks.device)] for each in parts)
