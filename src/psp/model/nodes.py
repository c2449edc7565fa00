"""Conversion between features by channel (for convolutions) and by node (for attention and the pyramid).

Features have the shape "r d t w" everywhere, but the memory layout r t w d (channels last): convolutions are fastest
with it, and conversions move contiguous runs of channels.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def by_node(x: Float[Tensor, "r d t w"]) -> Float[Tensor, "r w t d"]:
    """Return the features by node, without copying."""
    return x.permute(0, 3, 2, 1)


def by_channel(x: Float[Tensor, "r w t d"]) -> Float[Tensor, "r d t w"]:
    """Return the features by channel, the inverse of `by_node`."""
    return x.permute(0, 3, 2, 1).contiguous(memory_format=torch.channels_last)


def from_heads(x: Float[Tensor, "r w h t e"]) -> Float[Tensor, "r d t w"]:
    """Return the features of all heads joined: channel d is channel d % e of head d // e."""
    return x.permute(0, 3, 1, 2, 4).flatten(3).permute(0, 3, 1, 2)
