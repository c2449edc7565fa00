"""The temporal half of an encoder block: convolution or attention over frames."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psp.model.attention import SelfAttention
from psp.model.convolution import NormalisedConvolution, activation

FILTER_FRAMES = 7


class TemporalConvolution(nn.Module):
    """y = LReLU(x + filter(x)) with a filter over seven frames, as in the published encoder of PSP Learning."""

    def __init__(self, channels: int, *, stride: int, project: bool, length: int = FILTER_FRAMES) -> None:
        super().__init__()
        self.filter = NormalisedConvolution(channels, channels, length=length, stride=(stride, 1))
        self.shortcut: nn.Module = nn.Identity()
        if project:
            self.shortcut = NormalisedConvolution(channels, channels, stride=(stride, 1))
        self.activation = activation()

    def forward(self, x: Float[Tensor, "r d t v"]) -> Float[Tensor, "r d t2 v"]:
        """Return features of every `stride`-th frame."""
        return self.activation(self.shortcut(x) + self.filter(x))


class TemporalAttention(SelfAttention):
    """Self-attention among frames, as in the published DSTA-Net.

    Unlike the global map of the joints, the learnt global map of the frames is initialised as the identity. It fixes
    the number of frames and is off in DSTA-Net's own configurations.
    """

    def __init__(
        self,
        channels: int,
        inner: int,
        heads: int,
        frames: int,
        *,
        stride: int,
        project: bool,
        learnt_map: bool,
        dropout: float,
    ) -> None:
        start = torch.eye(frames) if learnt_map else None
        super().__init__(
            channels, channels, inner, heads, frames,
            global_map=start, project=project, stride=stride, dropout=dropout,
        )  # fmt: skip

    def forward(self, x: Float[Tensor, "r d t v"]) -> Float[Tensor, "r d t2 v"]:
        """Return features of every `stride`-th frame."""
        return super().forward(x.transpose(2, 3)).transpose(2, 3)
