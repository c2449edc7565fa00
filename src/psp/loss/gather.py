"""Bringing the features of all ranks together, so that a loss sees every clip of the whole batch."""

from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Shaped
from torch import Tensor

from psp.model.across_ranks import of_every_rank, rank_count, sum_of_ranks


def gather_ranks(features: Shaped[Tensor, "n *d"]) -> Shaped[Tensor, "a *d"]:
    """Return the features of all ranks in the order of the ranks; gradients flow back to each of them.

    The ranks may hold different numbers of clips.
    """
    return features if rank_count() == 1 else _Gather.apply(features)


def clips_of_ranks(clips: int) -> list[int]:
    """Return how many clips each rank has; asked from host to host, no device is waited for."""
    return of_every_rank(torch.tensor(clips)).tolist()


class _Gather(torch.autograd.Function):
    """Every rank's loss depends on every rank's features: going back, each rank gets the sum for its own ones."""

    @staticmethod
    def forward(ctx: Any, features: Shaped[Tensor, "n *d"]) -> Shaped[Tensor, "a *d"]:
        ctx.counts = clips_of_ranks(len(features))
        padded = features.new_zeros(max(ctx.counts), *features.shape[1:])
        padded[: len(features)] = features
        every = of_every_rank(padded)
        return torch.cat([part[:count] for part, count in zip(every, ctx.counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, gradient: Shaped[Tensor, "a *d"]) -> Shaped[Tensor, "n *d"]:
        return sum_of_ranks(gradient).split(ctx.counts)[dist.get_rank()]
