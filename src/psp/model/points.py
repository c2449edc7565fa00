"""A point-cloud encoder: edge convolutions of the joints of all frames as one cloud (DGCNN, Wang et al. 2019)."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psp.model.batch_norm import BatchNorm
from psp.model.convolution import COORDINATES, NormalisedConvolution, activation, initialise


class EdgeConvolution(nn.Module):
    """y_i = LReLU(max_j norm(W (x_i, x_j - x_i))), the maximum over the nearest points j of the cloud.

    As W is linear, its two halves are applied to the points and not to the edges, and the maximum is taken before the
    norm; with the normalisation of points instead of edges this saves the factor of the neighbours.
    """

    def __init__(self, inputs: int, outputs: int, neighbours: int) -> None:
        super().__init__()
        self.neighbours = neighbours
        self.own, self.other = nn.Linear(inputs, outputs), nn.Linear(inputs, outputs, bias=False)
        self.norm = BatchNorm(outputs)
        self.activation = activation()

    def forward(self, x: Float[Tensor, "r p c"]) -> Float[Tensor, "r p d"]:
        """Return the features of every point."""
        with torch.no_grad():
            near = torch.cdist(x, x).topk(min(self.neighbours, x.shape[1]), dim=2, largest=False).indices
        moved = self.other(x)
        _, p, d = moved.shape
        edges = moved.gather(1, near.flatten(1)[..., None].expand(-1, -1, d)).unflatten(1, (p, -1))
        found = self.own(x) - moved + edges.amax(dim=2)
        return self.activation(self.norm(found.transpose(1, 2)[..., None])[..., 0].transpose(1, 2))


class PointEncoder(nn.Module):
    """Edge convolutions of (inputs, outputs, neighbours, stride): the encoder of Colorization.

    The first block takes the coordinates; its `inputs` are the width of a linear map of them. The stride keeps every
    s-th frame. The mean over the points takes the place of their maximum as code of the cloud.
    """

    def __init__(self, blocks: tuple[tuple[int, int, int, int], ...]) -> None:
        super().__init__()
        self.input = NormalisedConvolution(COORDINATES, blocks[0][0])
        self.activation = activation()
        self.blocks = nn.ModuleList(EdgeConvolution(*block[:3]) for block in blocks)
        self.strides = [block[3] for block in blocks]
        initialise(self.input)

    def forward(self, x: Float[Tensor, "r 3 t v"]) -> Float[Tensor, "r d t2 v"]:
        """Return the features of every frame and joint."""
        x = self.activation(self.input(x))
        for block, stride in zip(self.blocks, self.strides, strict=True):
            x = x[:, :, ::stride]
            shape = x.shape[2:]
            x = block(x.flatten(2).transpose(1, 2)).transpose(1, 2).unflatten(2, shape)
        return x
