"""The sinusoidal encoding of the position of a joint or a frame in its sequence."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn


class PositionEncoding(nn.Module):
    """Adds PE(i, 2k) = sin(i / 10000^(2k/c)), PE(i, 2k+1) = cos(same) along the last axis (Vaswani 2017).

    The table is computed and not part of the weights; sequences longer than `length` are encoded too.
    """

    table: Tensor

    def __init__(self, channels: int, length: int) -> None:
        super().__init__()
        self.register_buffer("table", sinusoids(channels, length), persistent=False)

    def forward(self, x: Float[Tensor, "r c s w"]) -> Float[Tensor, "r c s w"]:
        """Return `x` with its positions added."""
        channels, length = self.table.shape
        width = x.shape[-1]
        table = self.table[:, :width] if width <= length else sinusoids(channels, width).to(self.table)
        return x + table[:, None]


def sinusoids(channels: int, length: int) -> Float[Tensor, "c w"]:
    """Return the table of PE, in single precision, bit-identical to that of the published program."""
    position = torch.arange(length, dtype=torch.float32)
    frequency = torch.exp(torch.arange(0, channels, 2, dtype=torch.float32) * -(math.log(10000.0) / channels))
    angle = frequency[:, None] * position
    return torch.stack([angle.sin(), angle.cos()], dim=1).flatten(0, 1)[:channels]
