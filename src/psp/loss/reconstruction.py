"""Losses of decoders: masked regression, cosine error, Chamfer distance, and classification of displacements."""

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int64
from torch import Tensor


def squared_error(
    found: Float[Tensor, "r c t v"], wanted: Float[Tensor, "r c t v"], mask: Bool[Tensor, "r 1 t v"] | None = None
) -> tuple[Float[Tensor, "r"], Float[Tensor, "r"]]:
    """Return per row the sum of squared differences over masked positions and the number of its terms."""
    wide = torch.promote_types(found.dtype, torch.float32)
    squares = (found.to(wide) - wanted.to(wide)) ** 2
    weight = torch.ones_like(squares) if mask is None else mask.to(squares).expand_as(squares)
    return (squares * weight).flatten(1).sum(1), weight.flatten(1).sum(1)


def cosine_error(
    found: Float[Tensor, "r c t v"], wanted: Float[Tensor, "r c t v"], mask: Bool[Tensor, "r 1 t v"], power: float
) -> tuple[Float[Tensor, "r"], Float[Tensor, "r"]]:
    """Return per row the sum over masked positions of (1 - cos)^power and their number (GraphMAE, Hou et al. 2022)."""
    error = (1 - F.cosine_similarity(found, wanted.to(found), dim=1)).clamp(min=0) ** power
    weight = mask[:, 0].to(error)
    return (error * weight).flatten(1).sum(1), weight.flatten(1).sum(1)


def chamfer(first: Float[Tensor, "r p c"], second: Float[Tensor, "r q c"]) -> Float[Tensor, "r"]:
    """Return per row the mean squared distance to the nearest point of the other set, of both directions summed."""
    distance = squared_distances(first, second)
    return distance.amin(dim=2).mean(1) + distance.amin(dim=1).mean(1)


def squared_distances(first: Float[Tensor, "r p c"], second: Float[Tensor, "r q c"]) -> Float[Tensor, "r p q"]:
    """Return the squared distance of every pair of points, at least zero; in single precision or better."""
    with torch.autocast(first.device.type, enabled=False):
        wide = torch.promote_types(first.dtype, torch.float32)
        first, second = first.to(wide), second.to(wide)
        lengths = (first**2).sum(2)[:, :, None] + (second**2).sum(2)[:, None]
        return (lengths - 2 * first @ second.transpose(1, 2)).clamp(min=0)


def displacement_classes(
    joints: Float[Tensor, "r 3 t v"], interval: int, step: float, bins: int
) -> tuple[Int64[Tensor, "r t v"], Int64[Tensor, "r t v"]]:
    """Return the class of direction, of 27, and of magnitude, of bins + 1, of the displacement from `interval` before.

    A coordinate that moves less than step / 2 has direction 0; magnitude class 0 is a displacement below step / 2, each
    further class covers one `step`, the last one all larger displacements (GL-Transformer, Kim et al. 2022). Frames
    before the first equal it.
    """
    before = torch.cat([joints[:, :, :1].expand(-1, -1, interval, -1), joints[:, :, :-interval]], dim=2)
    moved = joints - before[:, :, : joints.shape[2]]
    signs = (moved.sign() * (moved.abs() >= step / 2)).long() + 1
    direction = 9 * signs[:, 0] + 3 * signs[:, 1] + signs[:, 2]
    magnitude = torch.linalg.vector_norm(moved, dim=1) / step
    return direction, magnitude.round().long().clamp(max=bins)
