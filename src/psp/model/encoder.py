"""The encoder: DSTA-Net, from coordinates of joints to features of joints (section 3.1, "Encoder [21]")."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psp.config.ranges import require
from psp.errors import ConfigError
from psp.model.attention import SelfAttention
from psp.model.convolution import COORDINATES, NormalisedConvolution, activation, initialise
from psp.model.filters import FilterEncoder
from psp.model.graph import GraphEncoder
from psp.model.points import PointEncoder
from psp.model.recurrent import Cell, PoseEncoder, RecurrentEncoder
from psp.model.temporal import TemporalAttention, TemporalConvolution
from psp.model.whole_body import WholeBodyEncoder
from psp.skeleton.layout import Layout

JointKind = Literal["attention", "graph", "together", "recurrent", "limbs", "filters", "points"]

Size = Literal["light", "tiny", "small", "full"]

SIZES: dict[Size, tuple[tuple[int, int, int, int], ...]] = {
    "light": ((64, 64, 5, 2), (64, 96, 5, 2)),
    "tiny": ((16, 16, 4, 2), (16, 32, 8, 2), (32, 32, 8, 1), (32, 64, 16, 1)),
    "small": (
        (32, 32, 8, 1), (32, 32, 8, 2), (32, 64, 16, 1), (64, 64, 16, 2), (64, 96, 24, 1), (96, 96, 24, 1),
    ),
    "full": (
        (64, 64, 16, 1), (64, 64, 16, 1), (64, 128, 32, 2), (128, 128, 32, 1),
        (128, 256, 64, 2), (256, 256, 64, 1), (256, 256, 64, 1), (256, 256, 64, 1),
    ),
}  # fmt: skip

MOST_BLOCKS, WIDEST = 100, 16_384
"""The largest number of blocks, and the largest number in a block."""

GRAPH = ((32, 64, 7, 2), (64, 96, 7, 2))
"""Blocks of a graph encoder; in bf16 it is about as fast as the size `light` in single precision."""


@dataclass(frozen=True)
class EncoderConfig:
    """The architecture of the encoder.

    Args:
        blocks: (inputs, outputs, inner, stride) of each block; inner is the width of Q and K of a head or, for joints
            graph, together and filters, the number of frames of a filter, for points the number of neighbours
        heads: number of attention heads, of the encoder (joints attention) and of PPA
        joints: how joints are combined - attention (DSTA-Net), graph (along the skeleton), together (one vector of the
            whole body), recurrent (GRU or LSTM over that vector), limbs (the same over embeddings of poses), filters
            (one wide temporal convolution) or points (a cloud); the options below are for attention only, but for cell
        cell: the cell of recurrent layers
        temporal: how frames are combined - convolution (7x1, PSP Learning) or attention (DSTA-Net)
        temporal_map: add DSTA-Net's learnt map to temporal attention, which fixes the number of frames
        dropout: dropout probability on attention maps
    """

    blocks: tuple[tuple[int, int, int, int], ...] = SIZES["full"]
    heads: int = 4
    joints: JointKind = "attention"
    cell: Cell = "gru"
    temporal: Literal["convolution", "attention"] = "convolution"
    temporal_map: bool = False
    dropout: float = 0.0

    def __post_init__(self) -> None:
        require(0 <= self.dropout < 1, "model.encoder.dropout", self.dropout, "0 or more, below 1")
        numbers = [self.heads, *(number for block in self.blocks for number in block)]
        if not 1 <= len(self.blocks) <= MOST_BLOCKS or min(numbers) < 1 or max(numbers) > WIDEST:
            what = f"the encoder needs 1 to {MOST_BLOCKS} blocks, and numbers from 1 to {WIDEST} in them and for heads."
            raise ConfigError(what, where="model.encoder", remedy="Use whole numbers in this range.")
        for before, after in pairwise(self.blocks):
            if before[1] != after[0]:
                raise ConfigError(
                    f"encoder block {after} does not fit the {before[1]} output channels of the block before it.",
                    remedy="Make the first number of every block the second number of the block before.",
                )
        for block in self.blocks:
            if self.joints in ("recurrent", "limbs") and block[1] % 2:
                what = f"a bidirectional layer cannot have {block[1]} outputs, an odd number."
                raise ConfigError(what, remedy="Make the second number of every block even.")
            if self.joints in ("graph", "together", "filters") and block[2] % 2 == 0:
                what = f"the filter of encoder block {block} has {block[2]} frames, an even number."
                raise ConfigError(what, remedy="Make the third number of every block odd.")

    @property
    def width(self) -> int:
        """The number of features d."""
        return self.blocks[-1][1]

    def frames_out(self, frames: int) -> int:
        """Return the number of output frames for `frames` input frames, after all strides."""
        for *_, stride in self.blocks:
            frames = -(-frames // stride)
        return frames


class EncoderBlock(nn.Module):
    """One block of DSTA-Net: attention among joints, then mixing of frames with the block's stride."""

    def __init__(self, block: tuple[int, int, int, int], config: EncoderConfig, joints: int, frames: int) -> None:
        super().__init__()
        inputs, outputs, inner, stride = block
        project = inputs != outputs or stride != 1
        start = torch.full((joints, joints), 1 / joints)
        self.spatial = SelfAttention(
            inputs, outputs, inner, config.heads, joints,
            global_map=start, project=project, dropout=config.dropout,
        )  # fmt: skip
        self.temporal: nn.Module
        if config.temporal == "convolution":
            self.temporal = TemporalConvolution(outputs, stride=stride, project=project)
        else:
            self.temporal = TemporalAttention(
                outputs, inner, config.heads, frames,
                stride=stride, project=project, learnt_map=config.temporal_map, dropout=config.dropout,
            )  # fmt: skip

    def forward(self, x: Float[Tensor, "r c t v"]) -> Float[Tensor, "r d t2 v"]:
        """Return the block's features."""
        return self.temporal(self.spatial(x))


class Encoder(nn.Module):
    """f = Encoder(X): a 1x1 convolution to the first width, then the blocks.

    One row is one person of one clip. The joints are kept; the strides reduce the number of frames.
    """

    def __init__(self, joints: int, frames: int, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        self.input = NormalisedConvolution(COORDINATES, config.blocks[0][0])
        self.activation = activation()
        self.blocks = nn.ModuleList()
        for block in config.blocks:
            self.blocks.append(EncoderBlock(block, config, joints, frames))
            frames = -(-frames // block[3])
        initialise(self)

    def forward(self, x: Float[Tensor, "r 3 t v"]) -> Float[Tensor, "r d t2 v"]:
        """Return the features of every row's frames and joints."""
        x = self.activation(self.input(x.contiguous(memory_format=torch.channels_last)))
        for block in self.blocks:
            x = block(x)
        return x


def encoder_of_size(size: Size) -> EncoderConfig:
    """Return the configuration of a size: DSTA-Net, or for `light` a convolution over the whole body as one vector."""
    return EncoderConfig(SIZES[size], joints="together" if size == "light" else "attention")


def make_encoder(layout: Layout, frames: int, config: EncoderConfig) -> nn.Module:
    """Return a new encoder of the configured type."""
    joints = len(layout.joints)
    makers: dict[JointKind, Callable[[], nn.Module]] = {
        "attention": lambda: Encoder(joints, frames, config),
        "graph": lambda: GraphEncoder(layout, config.blocks),
        "together": lambda: WholeBodyEncoder(joints, config.blocks),
        "recurrent": lambda: RecurrentEncoder(joints, config.blocks, config.cell),
        "limbs": lambda: PoseEncoder(layout, config.blocks, config.cell),
        "filters": lambda: FilterEncoder(joints, config.blocks),
        "points": lambda: PointEncoder(config.blocks),
    }
    return makers[config.joints]()
