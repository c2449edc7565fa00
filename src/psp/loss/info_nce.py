"""The contrastive loss of a query with one positive key and a memory bank of negative keys."""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


def info_nce(
    query: Float[Tensor, "n d"], key: Float[Tensor, "n d"], bank: Float[Tensor, "b d"], temperature: float
) -> Float[Tensor, ""]:
    """Return InfoNCE, the mean of -log(exp(q k / tau) / (exp(q k / tau) + sum_b exp(q b / tau))).

    All features are of unit length (MoCo, He et al. 2020, eq. 1). Computed in single precision at least.
    """
    with torch.autocast(query.device.type, enabled=False):
        wide = torch.promote_types(query.dtype, torch.float32)
        query, key, bank = query.to(wide), key.to(wide), bank.to(wide)
        positive = (query * key).sum(dim=1, keepdim=True)
        similarity = torch.cat([positive, query @ bank.T], dim=1) / temperature
        return F.cross_entropy(similarity, torch.zeros(len(query), dtype=torch.int64, device=query.device))
