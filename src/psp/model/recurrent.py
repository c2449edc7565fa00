"""Recurrent encoders: layers of GRU or LSTM over one vector of all joints per frame, or over embeddings of poses."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psp.model.batch_norm import BatchNorm
from psp.model.convolution import COORDINATES, activation, initialise
from psp.skeleton.layout import Layout

Cell = Literal["gru", "lstm"]


def run_layer(
    layer: nn.RNNBase, x: Float[Tensor, "r t c"], start: Float[Tensor, "1 r d"] | None = None
) -> Float[Tensor, "r t d2"]:
    """Return the hidden states of a recurrent layer in the precision of its weights, without autocast."""
    with torch.autocast(x.device.type, enabled=False):
        dtype = next(layer.parameters()).dtype
        found: Tensor = layer(x.to(dtype), None if start is None else start.to(dtype))[0]
        return found


class RecurrentBlock(nn.Module):
    """A bidirectional layer of half as many units in each direction as outputs; it keeps every `stride`-th frame."""

    def __init__(self, block: tuple[int, int, int, int], cell: Cell) -> None:
        super().__init__()
        inputs, outputs, _, self.stride = block
        kind: type[nn.GRU | nn.LSTM] = nn.GRU if cell == "gru" else nn.LSTM
        self.layer: nn.RNNBase = kind(inputs, outputs // 2, batch_first=True, bidirectional=True)

    def forward(self, x: Float[Tensor, "r t c"]) -> Float[Tensor, "r t2 d"]:
        """Return the hidden states."""
        return run_layer(self.layer, x)[:, :: self.stride]


class RecurrentEncoder(nn.Module):
    """f = blocks(W x_t): a linear map of all joints' coordinates of a frame, then recurrent layers.

    The encoder of MS2L, AL+K, LongT GAN, AS-CAL and Skeleton-Contrastive. The features of a frame are those of each of
    its joints.
    """

    def __init__(self, joints: int, blocks: tuple[tuple[int, int, int, int], ...], cell: Cell) -> None:
        super().__init__()
        self.joints = joints
        self.norm = BatchNorm(COORDINATES * joints)
        self.input = self.make_input(blocks[0][0])
        self.blocks = nn.ModuleList(RecurrentBlock(block, cell) for block in blocks)

    def make_input(self, width: int) -> nn.Module:
        """Return the map from the normalised coordinates of a frame to its embedding."""
        return nn.Linear(COORDINATES * self.joints, width)

    def embed(self, x: Float[Tensor, "r 3 t v"]) -> Float[Tensor, "r t c"]:
        """Return the embedding of every frame."""
        frames = self.norm(x.transpose(2, 3).flatten(1, 2)[..., None])[..., 0]
        return self.input(frames.transpose(1, 2))

    def forward(self, x: Float[Tensor, "r 3 t v"]) -> Float[Tensor, "r d t2 v"]:
        """Return the features of every row's frames, the same for all joints."""
        hidden = self.embed(x)
        for block in self.blocks:
            hidden = block(hidden)
        return hidden.transpose(1, 2)[..., None].expand(-1, -1, -1, self.joints)


class PoseEmbedding(nn.Module):
    """An MLP of the limbs of a pose, then of all limbs together: the hierarchical encoder of poses of EnGAN."""

    def __init__(self, layout: Layout, width: int) -> None:
        super().__init__()
        self.parts = [list(part) for part in layout.parts.values()]
        self.limbs = nn.ModuleList(nn.Linear(COORDINATES * len(part), width) for part in self.parts)
        self.whole = nn.Linear(width * len(self.parts), width)
        self.activation = activation()
        initialise(self)

    def forward(self, frames: Float[Tensor, "r t c"]) -> Float[Tensor, "r t d"]:
        """Return the embedding of every frame, in [-1, 1]."""
        joints = frames.unflatten(2, (COORDINATES, -1))
        limbs = [
            self.activation(limb(joints[..., part].flatten(2)))
            for limb, part in zip(self.limbs, self.parts, strict=True)
        ]
        return torch.tanh(self.whole(torch.cat(limbs, dim=2)))


class PoseEncoder(RecurrentEncoder):
    """Recurrent layers over embeddings of poses that are computed limb by limb (EnGAN-PoseRNN, Kundu et al. 2019)."""

    def __init__(self, layout: Layout, blocks: tuple[tuple[int, int, int, int], ...], cell: Cell) -> None:
        self.layout = layout
        super().__init__(len(layout.joints), blocks, cell)

    def make_input(self, width: int) -> nn.Module:
        """Return the embedding of poses."""
        return PoseEmbedding(self.layout, width)
