"""The normalised temperature-scaled cross entropy between two modalities of the same clips."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def ntxent(first: Float[Tensor, "n d"], second: Float[Tensor, "n d"], temperature: float) -> Float[Tensor, ""]:
    """Return NT-Xent, mean of -log(exp(sim(u_i,u_i')/tau) / sum_{k != i} exp(sim(u_i, u_k)/tau)), eqs. 10-12.

    The mean is over all 2n features; u_i' is the other modality of u_i, sim the cosine. A feature is not
    compared with itself. Computed in single precision or better, also under autocast, because sim / tau is
    large.
    """
    n = len(first)
    with torch.autocast(first.device.type, enabled=False):
        features = torch.cat([first, second])
        unit = F.normalize(features.to(torch.promote_types(features.dtype, torch.float32)))
        similarity = unit @ unit.T / temperature
        itself = torch.eye(2 * n, dtype=torch.bool, device=unit.device)
        partner = torch.arange(2 * n, device=unit.device).roll(n)
        return F.cross_entropy(similarity.masked_fill(itself, float("-inf")), partner)
