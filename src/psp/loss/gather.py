"""Bringing the features of all ranks together, so that the contrast sees every clip of the whole batch."""

from typing import Any

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor


def gather_ranks(features: Float[Tensor, "n d"]) -> Float[Tensor, "a d"]:
    """Return the features of all ranks in the order of the ranks; gradients flow back to each of them."""
    if not dist.is_available() or not dist.is_initialized() or dist.get_world_size() == 1:
        return features
    return _Gather.apply(features.contiguous())


class _Gather(torch.autograd.Function):
    """Every rank's loss depends on every rank's features: going back, each rank gets the sum for its own ones."""

    @staticmethod
    def forward(ctx: Any, features: Float[Tensor, "n d"]) -> Float[Tensor, "a d"]:
        parts = [torch.empty_like(features) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, features)
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, gradient: Float[Tensor, "a d"]) -> Float[Tensor, "n d"]:
        total = gradient.clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total.chunk(dist.get_world_size())[dist.get_rank()]
