"""The self-attention layer of DSTA-Net, over joints or over frames."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psp.model.convolution import NormalisedConvolution, activation
from psp.model.nodes import by_node, from_heads
from psp.model.position import PositionEncoding


class SelfAttention(nn.Module):
    """Attention among the nodes on the last axis, then a feed-forward layer (DSTA-Net, Shi et al. 2020).

    A = tanh(Q^T K / (inner s)) gain + global_map;  y = LReLU(x + output(concat(x A)));  LReLU(x +
    feed_forward(y))

    Q and K are computed per head from x plus its position encoding and summed over the other axis s; the values
    are x itself. `global_map` (None: without) is learnt and the same for every clip. `stride` subsamples the
    last axis. With `project` both shortcuts are convolutions, otherwise identities.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        inner: int,
        heads: int,
        length: int,
        *,
        global_map: Float[Tensor, "w w"] | None,
        project: bool,
        stride: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.heads, self.inner = heads, inner
        self.position = PositionEncoding(inputs, length)
        self.query_key = nn.Conv2d(inputs, 2 * heads * inner, 1)
        self.gain = nn.Parameter(torch.ones(1, heads, 1, 1))
        self.global_map = None if global_map is None else nn.Parameter(global_map.repeat(1, heads, 1, 1))
        self.dropout = nn.Dropout(dropout)
        self.output = NormalisedConvolution(heads * inputs, outputs)
        self.feed_forward = NormalisedConvolution(outputs, outputs, stride=(1, stride))
        self.attention_shortcut: nn.Module = nn.Identity()
        self.shortcut: nn.Module = nn.Identity()
        if project:
            self.attention_shortcut = NormalisedConvolution(inputs, outputs)
            self.shortcut = NormalisedConvolution(inputs, outputs, stride=(1, stride))
        self.activation = activation()

    def attention(self, x: Float[Tensor, "r c s w"]) -> Float[Tensor, "r h w w"]:
        """Return the attention maps A; column j holds the weights with which node j gathers."""
        r, _, s, w = x.shape
        both = by_node(self.query_key(self.position(x))).unflatten(3, (2, self.heads, self.inner))
        query, key = both.permute(3, 0, 4, 1, 2, 5).reshape(2, r, self.heads, w, s * self.inner)
        maps = torch.tanh(query @ key.transpose(-1, -2) / (self.inner * s)) * self.gain
        return maps if self.global_map is None else maps + self.global_map

    def gather(self, x: Float[Tensor, "r c s w"], maps: Float[Tensor, "r h w w"]) -> Float[Tensor, "r hc s w"]:
        """Return concat(x A): the weighted sum over the nodes in every head, for every node."""
        r, c, s, w = x.shape
        by_receiver = maps.permute(0, 3, 1, 2).reshape(r, w * self.heads, w)
        gathered = (by_receiver @ by_node(x).reshape(r, w, s * c)).reshape(r, w, self.heads, s, c)
        return from_heads(gathered)

    def forward(self, x: Float[Tensor, "r c s w"]) -> Float[Tensor, "r d s w2"]:
        """Return the attended features."""
        gathered = self.gather(x, self.dropout(self.attention(x)))
        y = self.activation(self.attention_shortcut(x) + self.output(gathered))
        return self.activation(self.shortcut(x) + self.feed_forward(y))
