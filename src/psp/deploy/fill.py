"""Filling in of unobserved joints, as in `psp.preprocess.clean`, with tensor operations that ONNX supports."""

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from psp.preprocess.spine import place_spine
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Up


def fill(
    joints: Float[Tensor, "n m t v c"], observed: Bool[Tensor, "n m t v"], layout: Layout, up: Up
) -> Float[Tensor, "n m t v c"]:
    """Return joints filled over time from the nearest observations before and after, or from the one that exists.

    Ends of the spine that are never observed are placed first (`psp.preprocess.spine`), with `up` the vertical axis.
    Another such joint is put at the position of its parent, the centre at the mean of the person's observed joints. A
    person without any observation gets zeros. The values of unobserved joints, also NaN, have no influence.
    """
    joints = torch.where(observed[..., None], joints, 0.0)
    frame = torch.arange(joints.shape[2], device=joints.device)[:, None].expand_as(observed)
    before, after, begun, coming = _neighbours(observed, frame)
    low, high = torch.where(begun, before, after), torch.where(coming, after, before)
    passed, length = (frame - low).to(joints.dtype), (high - low).clamp(min=1).to(joints.dtype)
    share = torch.where(begun & coming, passed / length, 0.0)
    start, end = (joints.gather(2, at[..., None].expand_as(joints)) for at in (low, high))
    placed, known = place_spine(start + share[..., None] * (end - start), observed, layout, up)
    return _place_never_observed(placed, known, layout)


def _neighbours(
    observed: Bool[Tensor, "n m t v"], frame: Int64[Tensor, "n m t v"]
) -> tuple[Int64[Tensor, "n m t v"], Int64[Tensor, "n m t v"], Bool[Tensor, "n m t v"], Bool[Tensor, "n m t v"]]:
    """Return for every frame that of the last observation up to it and of the first from it on, and whether they exist.

    The frame of the k-th observation is found by its rank, because ONNX has no running maximum.
    """
    rank = observed.long().cumsum(dim=2)
    total = rank[:, :, -1:]
    slots = torch.cat([rank, total], dim=2)
    of_rank = torch.zeros_like(slots).scatter(2, torch.where(observed, rank, 0), frame)
    following = torch.where(observed, rank, rank + 1)
    begun, coming = rank > 0, following <= total
    return of_rank.gather(2, rank), of_rank.gather(2, torch.where(coming, following, 0)), begun, coming


def _place_never_observed(
    joints: Float[Tensor, "n m t v c"], known: Bool[Tensor, "n m v"], layout: Layout
) -> Float[Tensor, "n m t v c"]:
    """Return the joints with those that are not `known` replaced, from the centre outwards."""
    weight = known.to(joints.dtype)[:, :, None, :, None]
    mean = (joints * weight).sum(dim=3) / weight.sum(dim=3).clamp(min=1)
    own = list(joints.unbind(3))
    own[layout.centre] = torch.where(known[:, :, layout.centre, None, None], own[layout.centre], mean)
    for joint in _outwards(layout):
        parent = own[layout.parents[joint]]
        own[joint] = torch.where(known[:, :, joint, None, None], own[joint], parent)
    return torch.stack(own, dim=3)


def _outwards(layout: Layout) -> list[int]:
    """Return all joints except the centre, each after its parent."""
    order = [layout.centre]
    for joint in order:
        order += [child for child, parent in enumerate(layout.parents) if parent == joint and child != joint]
    return order[1:]
