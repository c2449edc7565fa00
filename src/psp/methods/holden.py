"""Holden et al.: a denoising auto-encoder with one wide temporal convolution.

Holden et al. 2015, "Learning Motion Manifolds with Convolutional Autoencoders": 256 filters over 25 frames, maximum of
two frames, input dropout of 0.2, squared error; a classifier on the hidden units. Simplified: 128 filters, the dropout
hides whole joints of a frame, the decoder is the one of the other methods and not the transposed filter.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from psp.batches.batch import Batch
from psp.batches.counter_rng import uniform
from psp.config.ranges import require
from psp.loss.reconstruction import squared_error
from psp.methods.base import MethodConfig
from psp.methods.masked_motion import MaskedMethod
from psp.model.encoder import EncoderConfig


@dataclass(frozen=True)
class HoldenConfig(MethodConfig):
    """Options of the auto-encoder of Holden et al.

    Args:
        modalities: modalities, each with an auto-encoder of its own decoder
        hidden: probability that a joint of a frame is hidden
    """

    hidden: float = 0.2

    def __post_init__(self) -> None:
        require(0 <= self.hidden < 1, "method.hidden", self.hidden, "a probability below 1")


class Holden(MaskedMethod[HoldenConfig]):
    """The squared error of the whole clip, reconstructed from one with hidden joints."""

    Config = HoldenConfig
    own_encoder = EncoderConfig(((64, 128, 25, 2),), joints="filters")

    def mask(self, batch: Batch) -> Bool[Tensor, "n 1 t v"]:
        """Return a mask of single joints in single frames."""
        frames, joints = next(iter(batch.sample.modalities.values())).shape[2:4]
        return uniform(batch.keys, "hidden", 1, frames, joints) < self.config.hidden

    def error(
        self, found: Float[Tensor, "r 3 t v"], wanted: Float[Tensor, "r 3 t v"], mask: Bool[Tensor, "r 1 t v"]
    ) -> tuple[Float[Tensor, "r"], Float[Tensor, "r"]]:
        """Return the squared error of all positions."""
        return squared_error(found, wanted, torch.ones_like(mask))
