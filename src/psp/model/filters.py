"""The encoder of Holden et al. 2015, "Learning Motion Manifolds with Convolutional Autoencoders".

It is one wide temporal convolution of the whole body and a maximum over frames.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from psp.model.batch_norm import BatchNorm
from psp.model.convolution import COORDINATES, initialise


class FilterBlock(nn.Module):
    """y = ReLU(max over `stride` frames of filter(x))."""

    def __init__(self, inputs: int, outputs: int, length: int, stride: int) -> None:
        super().__init__()
        self.filter = nn.Conv2d(inputs, outputs, (length, 1), padding=(length // 2, 0))
        self.stride = stride

    def forward(self, x: Float[Tensor, "r c t 1"]) -> Float[Tensor, "r d t2 1"]:
        """Return features of every `stride`-th frame."""
        return torch.relu(F.max_pool2d(self.filter(x), (self.stride, 1), ceil_mode=True))


class FilterEncoder(nn.Module):
    """Blocks of (inputs, outputs, frames of the filter, stride) over all joints' coordinates of a frame as one vector.

    The paper has one block of 256 filters over 25 frames with stride 2; the inputs of the first block are the width of
    a linear map of the normalised coordinates.
    """

    def __init__(self, joints: int, blocks: tuple[tuple[int, int, int, int], ...]) -> None:
        super().__init__()
        self.joints = joints
        self.norm = BatchNorm(COORDINATES * joints)
        self.input = nn.Conv2d(COORDINATES * joints, blocks[0][0], 1)
        self.blocks = nn.ModuleList(FilterBlock(*block) for block in blocks)
        initialise(self)

    def forward(self, x: Float[Tensor, "r 3 t v"]) -> Float[Tensor, "r d t2 v"]:
        """Return the features of every row's frames, the same for all joints."""
        hidden = self.input(self.norm(x.transpose(2, 3).flatten(1, 2)[..., None]))
        for block in self.blocks:
            hidden = block(hidden)
        return hidden.expand(-1, -1, -1, self.joints)
