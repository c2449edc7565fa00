"""Losses of joint embeddings without negative pairs: VICReg's terms, and BYOL's regression."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def vicreg(
    first: Float[Tensor, "n d"], second: Float[Tensor, "n d"]
) -> tuple[Float[Tensor, ""], Float[Tensor, ""], Float[Tensor, ""]]:
    """Return the terms invariance, variance and covariance of two embeddings of n clips (Bardes et al. 2022, eqs. 1-5).

    Invariance is the mean squared difference; variance the mean of max(0, 1 - sqrt(Var + 1e-4)) over the dimensions;
    covariance the sum of squared off-diagonal covariances over d. The latter two are sums over both embeddings, the
    variance halved.
    """
    wide = torch.promote_types(first.dtype, torch.float32)
    pair = [first.to(wide), second.to(wide)]
    hinge = [F.relu(1 - (each.var(dim=0) + 1e-4).sqrt()).mean() for each in pair]
    return F.mse_loss(pair[0], pair[1]), (hinge[0] + hinge[1]) / 2, covariance(pair[0]) + covariance(pair[1])


def covariance(features: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """Return the sum of squared off-diagonal entries of the covariance matrix, divided by d."""
    centred = features - features.mean(dim=0)
    with torch.autocast(features.device.type, enabled=False):
        matrix = centred.T @ centred / (len(features) - 1)
    return ((matrix**2).sum() - (matrix.diagonal() ** 2).sum()) / features.shape[1]


def regression(prediction: Float[Tensor, "n d"], target: Float[Tensor, "n d"]) -> Float[Tensor, ""]:
    """Return 2 - 2 cos(prediction, target), the mean over the clips (BYOL, Grill et al. 2020, eq. 2)."""
    return (2 - 2 * F.cosine_similarity(prediction, target, dim=1)).mean()
