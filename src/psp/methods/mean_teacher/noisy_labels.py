"""The noisy-label filter: labels that contradict what the network predicts early in training."""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

FIRST_EPOCH = 3
"""The epoch, from 0, at whose start predictions are recorded first."""


def trusted_labels(predictions: Float[Tensor, "l k"], labels: Int64[Tensor, "l"], limit: float) -> Bool[Tensor, "l"]:
    """Return which labels are not at least `limit` times less probable than another class.

    `predictions` are sums of class probabilities from early epochs, in which networks fit what clips of a class have in
    common before they memorise single clips (Arpit et al. 2017). A class that would lose all labels keeps all of them.
    """
    own = predictions.gather(1, labels[:, None])[:, 0]
    trusted = own >= limit * predictions.amax(dim=1)
    left = torch.zeros(predictions.shape[1], dtype=torch.bool, device=trusted.device)
    left[labels[trusted]] = True
    return trusted | ~left[labels]
