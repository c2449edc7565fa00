"""The noisy-label filter, which finds labels that contradict predictions early in training."""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

FIRST_EPOCH = 3
"""The first epoch, counted from 0, at whose start predictions are recorded."""


def trusted_labels(predictions: Float[Tensor, "l k"], labels: Int64[Tensor, "l"], limit: float) -> Bool[Tensor, "l"]:
    """Return which labels have at least `limit` times the probability of the most probable class.

    `predictions` are sums of class probabilities from early epochs: networks fit the common pattern of a class before
    they memorise single clips (Arpit et al. 2017). A class that would lose all labels keeps all of them.
    """
    own = predictions.gather(1, labels[:, None])[:, 0]
    trusted = own >= limit * predictions.amax(dim=1)
    left = torch.zeros(predictions.shape[1], dtype=torch.bool, device=trusted.device)
    left[labels[trusted]] = True
    return trusted | ~left[labels]
