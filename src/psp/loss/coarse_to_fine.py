"""The Coarse-to-fine Contrastive Loss (section 3.4)."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from psp.loss.ntxent import ntxent


def level_losses(
    first: Mapping[str, Float[Tensor, "n d"]], second: Mapping[str, Float[Tensor, "n d"]], temperature: float
) -> dict[str, Float[Tensor, ""]]:
    """Return L^z, L^h and L^g of eqs. 10-12, by the name of the level, for the levels that are given."""
    return {level: ntxent(features, second[level], temperature) for level, features in first.items()}


def coarse_to_fine(
    first: Mapping[str, Float[Tensor, "n d"]], second: Mapping[str, Float[Tensor, "n d"]], temperature: float
) -> Float[Tensor, ""]:
    """Return L_con = L^z + L^h + L^g (eq. 13), or the sum over those levels that are given (at least one)."""
    return torch.stack(list(level_losses(first, second, temperature).values())).sum()
