"""A graph encoder: blocks of a temporal convolution of each joint and a convolution along the skeleton."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psp.model.batch_norm import BatchNorm
from psp.model.convolution import COORDINATES, NormalisedConvolution, activation, initialise
from psp.model.temporal import TemporalConvolution
from psp.skeleton.layout import Layout


class GraphConvolution(nn.Module):
    """y = LReLU(shortcut(x) + norm(sum_k W_k x A_k)), weighted sums over joints by several maps A_k.

    Column w of a map holds the weights of the sum for joint w. The maps are initialised by the skeleton (each joint
    itself, its parent, its children: ST-GCN, Yan et al. 2018) and learnt, the same for all clips (2s-AGCN, Shi et al.
    2019).
    """

    def __init__(self, inputs: int, outputs: int, maps: Float[Tensor, "k v v"]) -> None:
        super().__init__()
        self.maps = nn.Parameter(maps.clone())
        self.output = NormalisedConvolution(len(maps) * inputs, outputs)
        self.shortcut: nn.Module = NormalisedConvolution(inputs, outputs) if inputs != outputs else nn.Identity()
        self.activation = activation()

    def forward(self, x: Float[Tensor, "r c t v"]) -> Float[Tensor, "r d t v"]:
        """Return the features of every joint; frames do not interact."""
        r, c, t, v = x.shape
        receivers = self.maps.permute(2, 0, 1).flatten(0, 1).expand(r * t, -1, -1)
        gathered = receivers @ x.permute(0, 2, 3, 1).reshape(r * t, v, c)
        gathered = gathered.reshape(r, t, v, len(self.maps) * c).permute(0, 3, 1, 2)
        return self.activation(self.shortcut(x) + self.output(gathered))


class GraphBlock(nn.Sequential):
    """A strided filter over the frames of each joint, then a graph convolution."""

    def __init__(self, block: tuple[int, int, int, int], maps: Float[Tensor, "k v v"]) -> None:
        inputs, outputs, length, stride = block
        filtered = TemporalConvolution(inputs, length=length, stride=stride, project=stride != 1)
        super().__init__(filtered, GraphConvolution(inputs, outputs, maps))


class GraphEncoder(nn.Module):
    """A graph convolution of the coordinates, then blocks of (inputs, outputs, frames of the filter, stride).

    Joints share all weights except the maps, so few clips are enough to learn them. The coordinates of each joint are
    normalised separately.
    """

    def __init__(self, layout: Layout, blocks: tuple[tuple[int, int, int, int], ...]) -> None:
        super().__init__()
        maps = skeleton_maps(layout)
        self.norm = BatchNorm(COORDINATES * len(layout.joints))
        self.input = GraphConvolution(COORDINATES, blocks[0][0], maps)
        self.blocks = nn.ModuleList(GraphBlock(block, maps) for block in blocks)
        initialise(self)

    def forward(self, x: Float[Tensor, "r 3 t v"]) -> Float[Tensor, "r d t2 v"]:
        """Return the features of every row's frames and joints."""
        r, c, t, v = x.shape
        x = self.norm(x.transpose(2, 3).reshape(r, c * v, t, 1)).reshape(r, c, v, t).transpose(2, 3)
        x = self.input(x.contiguous(memory_format=torch.channels_last))
        for block in self.blocks:
            x = block(x)
        return x


def skeleton_maps(layout: Layout) -> Float[Tensor, "3 v v"]:
    """Return three maps: from each joint itself, from its parent, and from the mean of its children."""
    itself = torch.eye(len(layout.joints))
    parent = torch.zeros_like(itself)
    for child, above in layout.bones:
        parent[above, child] = 1
    children = parent.T / parent.sum(dim=1).clamp(min=1)
    return torch.stack([itself, parent, children])
