"""A light encoder: temporal convolutions of the whole body, plus one short temporal convolution of every joint."""

import math

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psp.model.batch_norm import BatchNorm
from psp.model.convolution import COORDINATES, NormalisedConvolution, activation, initialise


class WholeBodyBlock(nn.Module):
    """y = LReLU(x + second(LReLU(first(x)))), two filters over some frames; the first one has the stride."""

    def __init__(self, block: tuple[int, int, int, int]) -> None:
        super().__init__()
        inputs, outputs, length, stride = block
        self.first = NormalisedConvolution(inputs, outputs, length=length, stride=(stride, 1))
        self.second = NormalisedConvolution(outputs, outputs, length=length)
        self.shortcut: nn.Module = nn.Identity()
        if inputs != outputs or stride != 1:
            self.shortcut = NormalisedConvolution(inputs, outputs, stride=(stride, 1))
        self.activation = activation()

    def forward(self, x: Float[Tensor, "r c t 1"]) -> Float[Tensor, "r d t2 1"]:
        """Return features of every `stride`-th frame."""
        return self.activation(self.shortcut(x) + self.second(self.activation(self.first(x))))


class WholeBodyEncoder(nn.Module):
    """f_v = LReLU(body + own(x_v) + e_v): features of the whole body, of joint v, and a learnt vector e_v per joint.

    `body` is computed from one vector per frame of all joints' coordinates by `blocks` (inputs, outputs, frames of the
    filters, stride). `own` is a convolution, the same for all joints, over 2 s - 1 frames for a total stride s. The
    encoder needs a tenth of the computation of attention among joints.
    """

    def __init__(self, joints: int, blocks: tuple[tuple[int, int, int, int], ...]) -> None:
        super().__init__()
        stride, width = math.prod(block[3] for block in blocks), blocks[-1][1]
        self.joints = joints
        self.norm = BatchNorm(COORDINATES * joints)
        self.input = NormalisedConvolution(COORDINATES * joints, blocks[0][0])
        self.blocks = nn.ModuleList(WholeBodyBlock(block) for block in blocks)
        self.body = NormalisedConvolution(width, width)
        self.own = NormalisedConvolution(COORDINATES, width, length=2 * stride - 1, stride=(stride, 1))
        self.activation = activation()
        initialise(self)
        self.joint = nn.Parameter(torch.zeros(width, 1, joints))

    def forward(self, x: Float[Tensor, "r 3 t v"]) -> Float[Tensor, "r d t2 v"]:
        """Return the features of every row's frames and joints."""
        frames = self.norm(x.transpose(2, 3).flatten(1, 2)[..., None])
        own = self.own(frames.squeeze(-1).unflatten(1, (COORDINATES, self.joints)).transpose(2, 3))
        body = self.activation(self.input(frames))
        for block in self.blocks:
            body = block(body)
        return self.activation(self.body(body) + own + self.joint)
