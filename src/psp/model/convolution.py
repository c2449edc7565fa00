"""Building blocks of the networks: normalised convolution, activation and initialisation."""

from collections import OrderedDict

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psp.model.batch_norm import BatchNorm

SLOPE = 0.1

COORDINATES = 3
"""The number of coordinates of a joint in the input of an encoder."""


class NormalisedConvolution(nn.Sequential):
    """A convolution along frames (1x1 by default) followed by batch normalisation.

    A 1x1 convolution with a stride is computed without stride on a copy of every stride-th position. The reason: in the
    backward pass of a strided convolution with few channels, oneDNN 3.12 (PyTorch 2.13) writes past its memory. The
    copy is needed because a slice with an odd number of frames may not be channels-last.
    """

    def __init__(self, inputs: int, outputs: int, *, length: int = 1, stride: tuple[int, int] = (1, 1)) -> None:
        self.every, stride = (stride, (1, 1)) if length == 1 else ((1, 1), stride)
        parts = OrderedDict[str, nn.Module](
            conv=nn.Conv2d(inputs, outputs, (length, 1), stride=stride, padding=(length // 2, 0)),
            norm=BatchNorm(outputs),
        )
        super().__init__(parts)

    def forward(self, x: Float[Tensor, "r c s w"]) -> Float[Tensor, "r d s2 w2"]:
        """Return the normalised convolution at every stride-th position."""
        along, across = self.every
        if self.every != (1, 1):
            x = x[:, :, ::along, ::across].contiguous(memory_format=torch.channels_last)
        normalised: Tensor = super().forward(x)
        return normalised


def activation() -> nn.LeakyReLU:
    """Return the activation of encoder and PPA, LeakyReLU; it works in place, because its input is always a new sum."""
    return nn.LeakyReLU(SLOPE, inplace=True)


def initialise(part: nn.Module) -> None:
    """Initialise the weights of a module as the published program does.

    Convolutions: normal with variance 2 / fan-out. Linear layers: Xavier normal, bias zero. Convolution
    biases and batch normalisation keep PyTorch's initialisation.
    """
    for module in part.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
        elif isinstance(module, nn.Linear):
            nn.init.xavier_normal_(module.weight)
            nn.init.zeros_(module.bias)
