"""One network for each view, side by side, or one for all."""

from collections.abc import Sequence
from dataclasses import replace

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from psp.model.psp import ModelConfig, PSPNetwork
from psp.skeleton.layout import Layout


class StreamNetworks(nn.Module):
    """As many PSP networks as views: each view has an encoder, a PPA and heads of its own.

    Networks that err in different ways are worth more together than one that has seen all views (late fusion); only the
    contrast and the teacher bring them together.
    """

    def __init__(self, layout: Layout, frames: int, classes: int, config: ModelConfig, views: int) -> None:
        super().__init__()
        self.layout, self.frames, self.classes, self.config = layout, frames, classes, config
        single = replace(config, networks="shared")
        self.networks = nn.ModuleList(PSPNetwork(layout, frames, classes, single) for _ in range(views))

    def of_view(self, number: int) -> PSPNetwork:
        """Return the network of a view by its place among the method's views."""
        network = self.networks[number]
        assert isinstance(network, PSPNetwork)
        return network

    def logits(self, views: Sequence[Float[Tensor, "n m t v 3"]], persons: Bool[Tensor, "n m"]) -> Float[Tensor, "n k"]:
        """Return the logits of eq. 14, summed over the views of the same clips, in the order of the networks."""
        return torch.stack([self.of_view(number).logits([view], persons) for number, view in enumerate(views)]).sum(0)


Network = PSPNetwork | StreamNetworks


def make_network(layout: Layout, frames: int, classes: int, config: ModelConfig, views: int) -> Network:
    """Build the network that is configured, for so many views."""
    if config.networks == "own":
        return StreamNetworks(layout, frames, classes, config, views)
    return PSPNetwork(layout, frames, classes, config)
