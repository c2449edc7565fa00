"""Copies that were turned about the vertical axis or mirrored."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from jaxtyping import Float, Float32, Int64

from psp.dataset.checks.copies import COPY, MORE_FRAMES, Copies, candidates, grouped, poses_of
from psp.dataset.checks.measure import Measures
from psp.dataset.store import Store

ALIKE, TOGETHER = 0.07, 4096
"""Candidates whose mean poses differ by less than ALIKE after the best turn are compared frame by frame; TOGETHER pairs
are compared at once. One performance before several cameras differs by 0.05 and more, and need not be compared."""

Poses = Float32[np.ndarray, "... v c"]
Pair = tuple[tuple[int, float], tuple[int, float]]
"""Two clips, each with the size of its first person."""


def find_near_copies(store: Store, measures: Measures, known: list[Copies]) -> list[Copies]:
    """Return the groups of clips that are copies except for a turn about the vertical axis or a mirror.

    Candidates have similar distances of the joints from their centre and similar speeds, left and right together, then
    similar mean poses. The groups that are `known` already are left out. Three-dimensional clips without a vertical
    axis are not examined.
    """
    axes = [axis for axis in range(store.channels) if "xyz"[axis] != store.up[-1]]
    if len(axes) == 3:
        return []
    group = np.arange(len(store))
    for each in known:
        group[each.members] = each.members[0]
    found: dict[str, list[tuple[int, int, float]]] = {"turned": [], "mirrored": []}
    for one, other in _pairs(store, measures, axes, group):
        poses = poses_of(store, *one), poses_of(store, *other)
        how, difference = _difference(*poses, axes, store.layout.mirror)
        if difference < COPY:
            found[how].append((one[0], other[0], difference))
    return [replace(each, how=how) for how, pairs in found.items() for each in grouped(pairs, len(store))]


def _pairs(store: Store, measures: Measures, axes: list[int], group: Int64[np.ndarray, "n"]) -> Iterator[Pair]:
    """Yield pairs of clips of different groups to compare, each with the size of its first person."""
    first = np.flatnonzero((measures.person == 0) & (measures.observed > 0))
    clip, size, pose, mirror = measures.clip[first], measures.size[first], measures.pose[first], store.layout.mirror
    pairs = candidates(_signature(pose, measures.speed[first], mirror))
    frames, groups = store.clips.frames[clip][pairs], group[clip][pairs]
    pairs = pairs[(np.abs(frames[:, 0] - frames[:, 1]) <= MORE_FRAMES) & (groups[:, 0] != groups[:, 1])]
    for start in range(0, len(pairs), TOGETHER):
        one, other = pairs[start : start + TOGETHER].T
        rest = np.min([_rest(pose[one], each, axes, flip) for _, each, flip in _ways(pose[other], mirror)], axis=0)
        for a, b in zip(one[rest < ALIKE].tolist(), other[rest < ALIKE].tolist(), strict=True):
            yield (int(clip[a]), float(size[a])), (int(clip[b]), float(size[b]))


def _signature(
    pose: Float32[np.ndarray, "n s v c"], speed: Float32[np.ndarray, "n s v"], mirror: Int64[np.ndarray, "v"]
) -> Float32[np.ndarray, "n d"]:
    """Return a summary that no turn or mirror changes: distances from the centre and speeds, sides together."""
    both = np.stack([np.linalg.norm(pose, axis=3), speed], axis=2)
    other = both[..., mirror]
    alike = np.stack([np.minimum(both, other), np.maximum(both, other)], axis=2)
    return alike.reshape(len(pose), -1) / np.float32(np.sqrt(2 * speed[0].size))


def _ways(poses: Poses, mirror: Int64[np.ndarray, "v"]) -> list[tuple[str, Poses, bool]]:
    """Return how clips may be changed: its name, poses with the sides exchanged or not, and whether to mirror them."""
    return [("turned", poses, False), ("mirrored", poses[..., mirror, :], True), ("mirrored", poses, True)]


def _difference(one: Poses, other: Poses, axes: list[int], mirror: Int64[np.ndarray, "v"]) -> tuple[str, float]:
    """Return how the second clip is changed, and the least root mean square difference that then remains."""
    persons, best = min(one.shape[1], other.shape[1]), ("turned", np.inf)
    for shift in range(-MORE_FRAMES, MORE_FRAMES + 1):
        first, second = max(shift, 0), max(-shift, 0)
        common = min(len(one) - first, len(other) - second)
        if common >= max(1, max(len(one), len(other)) - MORE_FRAMES):
            a, b = one[None, first : first + common, :persons], other[None, second : second + common, :persons]
            for how, each, flip in _ways(b, mirror):
                difference = float(_rest(a, each, axes, flip)[0])
                best = (how, difference) if difference < best[1] else best
    return best


def _rest(one: Poses, other: Poses, axes: list[int], flip: bool) -> Float[np.ndarray, "n"]:
    """Return the root mean square differences of clips after the best turn of each.

    With `flip` they are mirrored across a horizontal axis.
    """
    inner = tuple(range(1, one.ndim - 1))
    height = [axis for axis in range(one.shape[-1]) if axis not in axes]
    rest = np.square(one[..., height] - other[..., height]).sum(axis=(*inner, -1), dtype=np.float64)
    if len(axes) == 1:
        side = one[..., axes[0]] + other[..., axes[0]] if flip else one[..., axes[0]] - other[..., axes[0]]
        rest += np.square(side).sum(axis=inner, dtype=np.float64)
    else:
        a, b = (each[..., axes[0]] + 1j * each[..., axes[1]] for each in (one, other))
        turned = np.abs((a * (b if flip else b.conj())).sum(axis=inner, dtype=np.complex128))
        rest += (np.square(np.abs(a)) + np.square(np.abs(b))).sum(axis=inner, dtype=np.float64) - 2 * turned
    return np.sqrt(np.maximum(rest, 0) / one[0, ..., 0].size)
