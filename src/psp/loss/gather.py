"""Bringing the features of all ranks together, so that the contrast sees every clip of the whole batch."""

import torch
import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor
from torch.distributed.nn.functional import all_gather


def gather_ranks(features: Float[Tensor, "n d"]) -> Float[Tensor, "a d"]:
    """Return the features of all ranks in the order of the ranks; gradients flow back to each of them."""
    if not dist.is_available() or not dist.is_initialized() or dist.get_world_size() == 1:
        return features
    return torch.cat(all_gather(features.contiguous()))
