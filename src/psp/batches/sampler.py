"""The clips of every step, as a pure function of seed, batch name and step: a sampler has no state to save."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor

from psp.batches.counter_rng import draw_keys, uniform
from psp.dataset.store import Store


@dataclass(frozen=True, eq=False)
class Draw:
    """Clips drawn for one step, each with the key of its random numbers."""

    index: Int64[Tensor, "n"]
    keys: Int64[Tensor, "n"]

    def share(self, rank: int, ranks: int) -> "Draw":
        """Return the part of the draw that one of several ranks works on."""
        return Draw(self.index[rank::ranks], self.keys[rank::ranks])


class Sampler:
    """An endless order of clips, `size` per step; every pass is a new permutation, drawn from seed, name and pass.

    Samplers of different names are independent of each other. A clip that occurs several times in `index` occurs as
    often in every pass, each time with another key.
    """

    def __init__(self, store: Store, index: Int64[np.ndarray, "s"], size: int, seed: int, name: str) -> None:
        self.index, self.size = torch.from_numpy(index), size
        keys, copies = torch.from_numpy(np.asarray(store.clips.key[index])), torch.from_numpy(_copy_numbers(index))
        self._keys, self._seed = torch.where(copies > 0, draw_keys(keys, "copy", copies), keys), f"{seed} {name}"
        self._order = lru_cache(maxsize=2)(self._permutation)

    def draw(self, step: int) -> Draw:
        """Return draw number `step`; in every pass a clip has another key."""
        position = torch.arange(step * self.size, (step + 1) * self.size)
        passes, within = position // len(self.index), position % len(self.index)
        chosen = torch.empty_like(within)
        for number in passes.unique().tolist():
            chosen[passes == number] = self._order(number)[within[passes == number]]
        return Draw(self.index[chosen], draw_keys(self._keys[chosen], self._seed, passes))

    def _permutation(self, number: int) -> Int64[Tensor, "s"]:
        return uniform(draw_keys(self._keys, self._seed, number), "order").argsort(stable=True)


def _copy_numbers(index: Int64[np.ndarray, "s"]) -> Int64[np.ndarray, "s"]:
    """Return how often each entry has occurred before."""
    order = np.argsort(index, kind="stable")
    numbers = np.empty_like(index)
    numbers[order] = np.arange(len(index)) - np.searchsorted(index[order], index[order])
    return numbers
