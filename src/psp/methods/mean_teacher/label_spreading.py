"""Label spreading: soft labels of all clips from the labels of some, along a graph of similar features."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int64
from torch import Tensor

NEIGHBOURS = 10
SHARPNESS = 4
STAY = 0.1
ROUNDS = 60
CHUNK = 1024


def spread_labels(
    features: Float[Tensor, "s d"], labelled: Int64[Tensor, "l"], labels: Int64[Tensor, "l"], classes: int
) -> Float[Tensor, "s k"]:
    """Return Y after 60 rounds of Y <- 0.9 S Y + 0.1 Y_0 (Zhou et al. 2004), each clip normalised to sum 1.

    S is the symmetrically normalised graph of the nearest neighbours by the cosine of the features, with edge weights
    cosine^4. Clips that no label reaches are zero.
    """
    edges = _normalised(_neighbours(features))
    start = torch.zeros(len(features), classes, device=features.device)
    start[labelled, labels] = 1
    soft = start
    for _ in range(ROUNDS):
        soft = (1 - STAY) * (edges @ soft) + STAY * start
    return soft / soft.sum(dim=1, keepdim=True).clamp(min=torch.finfo(soft.dtype).tiny)


def _neighbours(features: Float[Tensor, "s d"]) -> Tensor:
    """Return the sparse, symmetric matrix of edges; similarities are computed for CHUNK clips at a time."""
    unit, count = F.normalize(features, dim=1), len(features)
    nearest = min(NEIGHBOURS + 1, count)
    best = [(chunk @ unit.T).topk(nearest, dim=1) for chunk in unit.split(CHUNK)]
    column = torch.cat([found.indices for found in best]).flatten()
    row = torch.arange(count, device=features.device).repeat_interleave(nearest)
    weight = torch.cat([found.values for found in best]).flatten().clamp(min=0) ** SHARPNESS * (row != column)
    ends = torch.stack([torch.cat([row, column]), torch.cat([column, row])])
    return torch.sparse_coo_tensor(ends, weight.repeat(2) / 2, (count, count), check_invariants=True).coalesce()


def _normalised(edges: Tensor) -> Tensor:
    """Return the edges, each divided by the root of the product of the degrees of its ends."""
    row, column = edges.indices()
    degree = torch.zeros(len(edges), device=edges.device).index_add(0, row, edges.values()).clamp(min=1e-12)
    weight = edges.values() * (degree[row] * degree[column]).rsqrt()
    return torch.sparse_coo_tensor(edges.indices(), weight, edges.shape, check_invariants=True)
