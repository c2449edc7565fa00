"""What the ranks of one training tell each other; on a single rank everything is one's own."""

import torch
import torch.distributed as dist
from jaxtyping import Shaped
from torch import Tensor


def rank_count() -> int:
    """Return how many processes share a batch."""
    return dist.get_world_size() if dist.is_available() and dist.is_initialized() else 1


def of_every_rank(value: Shaped[Tensor, "*s"]) -> Shaped[Tensor, "ranks *s"]:
    """Return the values of all ranks in their order; the shape must be the same everywhere, gradients end here."""
    if rank_count() == 1:
        return value.detach()[None]
    parts = [torch.empty_like(value, memory_format=torch.contiguous_format) for _ in range(rank_count())]
    dist.all_gather(parts, value.detach().contiguous())
    return torch.stack(parts)


def sum_of_ranks(value: Shaped[Tensor, "*s"]) -> Shaped[Tensor, "*s"]:
    """Return the sum of all ranks' values, a new tensor; gradients end here."""
    total = value.detach().clone(memory_format=torch.contiguous_format)
    if rank_count() > 1:
        dist.all_reduce(total)
    return total
