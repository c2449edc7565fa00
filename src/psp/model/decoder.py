"""Decoders of self-supervised methods: from the features of an encoder to values of every frame and joint."""

from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from psp.model.convolution import activation, initialise
from psp.model.recurrent import run_layer
from psp.model.temporal import TemporalConvolution


class JointDecoder(nn.Module):
    """values = W LReLU(h + filter(h)), h the features at every frame plus a learnt vector for each joint.

    Features are interpolated to the `frames` of the clip; `filter` is a convolution over seven frames; W is the same
    for all frames and joints.
    """

    def __init__(self, width: int, outputs: int, joints: int, frames: int) -> None:
        super().__init__()
        self.frames = frames
        self.filter = TemporalConvolution(width, stride=1, project=False)
        self.output = nn.Conv2d(width, outputs, 1)
        initialise(self)
        self.joint = nn.Parameter(torch.zeros(width, 1, joints))

    def forward(self, features: Float[Tensor, "r d t2 v"]) -> Float[Tensor, "r c t v"]:
        """Return the values of every frame and joint of a row."""
        hidden = features + self.joint
        hidden = F.interpolate(hidden.transpose(2, 3).flatten(1, 2), self.frames, mode="linear")
        return self.output(self.filter(hidden.unflatten(1, features.shape[1::2]).transpose(2, 3)))


class RecurrentDecoder(nn.Module):
    """A GRU that generates a clip frame by frame from a code; every frame's input is the code and a partial frame."""

    def __init__(self, width: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.start = nn.Linear(width, width)
        self.cell = nn.GRU(width + inputs, width, batch_first=True)
        self.output = nn.Linear(width, outputs)

    def forward(self, code: Float[Tensor, "r d"], partial: Float[Tensor, "r t c"]) -> Float[Tensor, "r t k"]:
        """Return the generated frames."""
        steps = torch.cat([code[:, None].expand(-1, partial.shape[1], -1), partial], dim=2)
        return self.output(run_layer(self.cell, steps, self.start(code).tanh()[None]))


class Perceptron(nn.Sequential):
    """An MLP with LeakyReLU between its layers, for discriminators and decoders of points."""

    def __init__(self, *widths: int) -> None:
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(widths):
            layers += [nn.Linear(inputs, outputs), activation()]
        super().__init__(*layers[:-1])
        initialise(self)
