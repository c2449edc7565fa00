"""A graph encoder: every joint learns from its own way, then from its neighbours in the skeleton."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psp.model.batch_norm import BatchNorm
from psp.model.convolution import COORDINATES, NormalisedConvolution, activation, initialise
from psp.model.temporal import TemporalConvolution
from psp.skeleton.layout import Layout


class GraphConvolution(nn.Module):
    """y = LReLU(shortcut(x) + norm(sum_k W_k x A_k)): what joints gather along several maps among joints.

    Column w of a map holds the weights with which joint w gathers. The maps start as the skeleton says, every joint
    from itself, its parent and its children (ST-GCN, Yan et al. 2018), and are learnt from there, the same for all
    clips (2s-AGCN, Shi et al. 2019).
    """

    def __init__(self, inputs: int, outputs: int, maps: Float[Tensor, "k v v"]) -> None:
        super().__init__()
        self.maps = nn.Parameter(maps.clone())
        self.output = NormalisedConvolution(len(maps) * inputs, outputs)
        self.shortcut: nn.Module = NormalisedConvolution(inputs, outputs) if inputs != outputs else nn.Identity()
        self.activation = activation()

    def forward(self, x: Float[Tensor, "r c t v"]) -> Float[Tensor, "r d t v"]:
        """Return what every joint has gathered; a frame learns nothing of other frames."""
        r, c, t, v = x.shape
        receivers = self.maps.permute(2, 0, 1).flatten(0, 1).expand(r * t, -1, -1)
        gathered = receivers @ x.permute(0, 2, 3, 1).reshape(r * t, v, c)
        gathered = gathered.reshape(r, t, v, len(self.maps) * c).permute(0, 3, 1, 2)
        return self.activation(self.shortcut(x) + self.output(gathered))


class GraphBlock(nn.Sequential):
    """A filter over the frames of each joint, which has the stride, then a graph convolution."""

    def __init__(self, block: tuple[int, int, int, int], maps: Float[Tensor, "k v v"]) -> None:
        inputs, outputs, length, stride = block
        filtered = TemporalConvolution(inputs, length=length, stride=stride, project=stride != 1)
        super().__init__(filtered, GraphConvolution(inputs, outputs, maps))


class GraphEncoder(nn.Module):
    """A graph convolution of the coordinates, then blocks of (inputs, outputs, frames of the filter, stride).

    Joints share all weights but the maps, so few clips are enough to learn them. The coordinates of each joint are
    normalised by themselves.
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
    """Return the maps with which each joint gathers from itself, from its parent and from the mean of its children."""
    itself = torch.eye(len(layout.joints))
    parent = torch.zeros_like(itself)
    for child, above in layout.bones:
        parent[above, child] = 1
    children = parent.T / parent.sum(dim=1).clamp(min=1)
    return torch.stack([itself, parent, children])
