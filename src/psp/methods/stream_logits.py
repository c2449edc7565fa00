"""Every view's own logits."""

import torch
from jaxtyping import Float
from torch import Tensor

from psp.loss.gather import gather_ranks
from psp.model.encoded import Encoded
from psp.model.streams import Network


def stream_logits(network: Network, features: dict[str, Encoded]) -> Float[Tensor, "s a k"]:
    """Return FC(AP(f)) of every view, in the order of the method's views, for the clips of all ranks."""
    own = [network.of_view(number).classify(view) for number, view in enumerate(features.values())]
    return gather_ranks(torch.stack(own, dim=1)).transpose(0, 1)
