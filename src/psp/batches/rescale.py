"""Rescaling of the joints of a batch after augmentation, as feeders of Northwestern-UCLA do."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor

TINY = 1e-6
"""An axis along which a clip is shorter than this becomes 0."""


def min_max(joints: Float[Tensor, "n m t v c"], present: Bool[Tensor, "n m"]) -> Float[Tensor, "n m t v c"]:
    """Return the clips with every axis from -1 to 1 over all joints and frames of the persons that are present.

    Origin and scale of the clips have no influence; absent persons become 0. The feeder of CTR-GCN (Chen et al. 2021)
    takes the limits from all frames of a clip, not only from those that were drawn.
    """
    persons = present[:, :, None, None, None]
    limits = [torch.where(persons, joints, end).flatten(1, 3) for end in (torch.inf, -torch.inf)]
    lowest, highest = limits[0].amin(dim=1), limits[1].amax(dim=1)
    length = (highest - lowest)[:, None, None, None]
    share = (joints - lowest[:, None, None, None]) / torch.where(length > TINY, length, 1.0)
    return torch.where(persons & (length > TINY), 2 * share - 1, 0.0)
