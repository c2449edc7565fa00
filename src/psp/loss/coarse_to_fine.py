"""The Coarse-to-fine Contrastive Loss (section 3.4)."""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from psp.loss.ntxent import ntxent


def coarse_to_fine(
    first: Mapping[str, Float[Tensor, "n d"]], second: Mapping[str, Float[Tensor, "n d"]], temperature: float
) -> tuple[Float[Tensor, ""], dict[str, Float[Tensor, ""]]]:
    """Return L_con = L^z + L^h + L^g (eq. 13) and its terms (eqs. 10-12) by the name of the level.

    The sum is over the given levels, at least one.
    """
    levels = {level: ntxent(features, second[level], temperature) for level, features in first.items()}
    return torch.stack(list(levels.values())).sum(), levels
