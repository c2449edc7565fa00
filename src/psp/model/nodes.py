"""Two ways to see the same features: channel by channel (convolutions) and node by node (attention, pyramid).

Features are "r d t w" everywhere, but lie in memory with the channels last, r t w d: convolutions are fastest so, and
whatever is moved between the two ways of seeing moves in whole runs of channels.
"""

import torch
from jaxtyping import Float
from torch import Tensor


def by_node(x: Float[Tensor, "r d t w"]) -> Float[Tensor, "r w t d"]:
    """Return a view of the features, node by node."""
    return x.permute(0, 3, 2, 1)


def by_channel(x: Float[Tensor, "r w t d"]) -> Float[Tensor, "r d t w"]:
    """Undo `by_node`."""
    return x.permute(0, 3, 2, 1).contiguous(memory_format=torch.channels_last)


def from_heads(x: Float[Tensor, "r w h t e"]) -> Float[Tensor, "r d t w"]:
    """Join what every node holds in every head: channel d is number d % e of head d // e."""
    return x.permute(0, 3, 1, 2, 4).flatten(3).permute(0, 3, 1, 2)
