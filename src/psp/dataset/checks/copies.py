"""Copies: clips with the same poses, and the faults of split and labels that they reveal."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Int64
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from psp.dataset.checks.measure import Measures
from psp.dataset.checks.report import Finding, shown
from psp.dataset.divide import Split
from psp.dataset.store import Store

CANDIDATE, DIMENSIONS, NEIGHBOURS = 0.05, 12, 8
"""Clips whose summaries differ by less than CANDIDATE are compared frame by frame. They are searched among the
NEIGHBOURS nearest ones in the space of the first DIMENSIONS principal axes, where distances are not larger."""

COPY = 0.02
"""Copies differ by less than this: the root mean square over all joints and frames, in sizes of the person.

A copy without one of the frames is centred and scaled a little differently, which gives 0.001 to 0.01. Different
performances of an action by one person differ by 0.05 and more, and so does one performance seen by two cameras.
"""

MORE_FRAMES = 2
"""The largest number of frames by which a copy may begin or end earlier or later."""

EXACT = 1e-5
"""Two clips with a smaller difference are identical except for rounding."""


@dataclass(frozen=True)
class Copies:
    """Groups of clips that are copies of each other: clip indices, and the largest difference between neighbours.

    `how` is "turned" or "mirrored" for copies that were, else empty.
    """

    members: Int64[np.ndarray, "_"]
    difference: float
    how: str = ""


def find_copies(store: Store, measures: Measures) -> list[Copies]:
    """Return the groups of copies in a data set; clips in which nobody is observed are left out.

    Positions and sizes are ignored, and a copy may have a few frames more or less at both ends.
    """
    first = np.flatnonzero((measures.person == 0) & (measures.observed > 0))
    clip, size = measures.clip[first], measures.size[first]
    summary = measures.pose[first].reshape(len(first), -1) / np.float32(np.sqrt(measures.pose[0, :, :, 0].size))
    pairs = []
    for one, other in candidates(summary).tolist():
        clips = (int(clip[one]), int(clip[other]))
        if abs(int(store.clips.frames[clips[0]] - store.clips.frames[clips[1]])) <= MORE_FRAMES:
            poses = (poses_of(store, each, float(size[row])) for each, row in zip(clips, (one, other), strict=True))
            difference = _difference(*poses)
            if difference < COPY:
                pairs.append((*clips, difference))
    return grouped(pairs, len(store))


def copy_findings(store: Store, copies: list[Copies], split: Split | None) -> list[Finding]:
    """Return a finding for each group of copies: a leak of the split, contradicting labels, or a mere copy."""
    part = np.zeros(len(store), dtype=np.int64)
    if split is not None:
        for number, ids in ((1, split.train), (2, split.validation), *((2, ids) for ids in split.tests.values())):
            part[store.clips.indices_of(ids)] = number
    return [finding for group in copies for finding in _meaning(store, group, part)]


def candidates(summary: Float32[np.ndarray, "n d"]) -> Int64[np.ndarray, "p 2"]:
    """Return pairs of indices of summaries that are near each other."""
    if len(summary) < 2:
        return np.empty((0, 2), dtype=np.int64)
    centred = summary - summary.mean(axis=0)
    axes = np.linalg.eigh(centred.T @ centred)[1][:, -DIMENSIONS:]
    reduced = centred @ axes
    near = cKDTree(reduced).query(reduced, k=min(NEIGHBOURS, len(summary)), distance_upper_bound=CANDIDATE)[1]
    one, other = np.repeat(np.arange(len(summary)), near.shape[1]), near.ravel()
    real = (other < len(summary)) & (one != other)
    pairs = np.unique(np.sort(np.stack([one[real], other[real]], axis=1), axis=1), axis=0)
    return pairs[np.linalg.norm(summary[pairs[:, 0]] - summary[pairs[:, 1]], axis=1) < CANDIDATE]


def poses_of(store: Store, clip: int, size: float) -> Float32[np.ndarray, "t m v c"]:
    """Return the poses of a clip in sizes of the person, the mean of each person's joints at the origin."""
    joints = store.clip(clip).joints.swapaxes(0, 1)
    return (joints - joints.mean(axis=2, keepdims=True)) / np.float32(size)


def _difference(one: Float32[np.ndarray, "t m v c"], other: Float32[np.ndarray, "s n v c"]) -> float:
    """Return the root mean square difference of the persons that both clips have, the least over shifts in time."""
    persons, lengths = min(one.shape[1], other.shape[1]), (len(one), len(other))
    least = np.inf
    for shift in range(-MORE_FRAMES, MORE_FRAMES + 1):
        first, second = max(shift, 0), max(-shift, 0)
        common = min(lengths[0] - first, lengths[1] - second)
        if common >= max(1, max(lengths) - MORE_FRAMES):
            rest = one[first : first + common, :persons] - other[second : second + common, :persons]
            least = min(least, float(np.sqrt(np.square(rest).sum(axis=3).mean())))
    return least


def grouped(pairs: list[tuple[int, int, float]], clips: int) -> list[Copies]:
    """Return the connected groups of pairs."""
    one, other = (np.array([pair[side] for pair in pairs], dtype=np.int64) for side in (0, 1))
    graph = coo_array((np.ones(len(pairs)), (one, other)), shape=(clips, clips))
    group = connected_components(graph, directed=False)[1]
    largest: dict[int, float] = {}
    for number, (_, _, difference) in zip(group[one].tolist(), pairs, strict=True):
        largest[number] = max(difference, largest.get(number, 0.0))
    order = np.argsort(group, kind="stable")
    begin, end = (np.searchsorted(group[order], sorted(largest), side) for side in ("left", "right"))
    return [
        Copies(order[first:last], largest[number])
        for number, first, last in zip(sorted(largest), begin.tolist(), end.tolist(), strict=True)
    ]


def _meaning(store: Store, group: Copies, part: Int64[np.ndarray, "n"]) -> Iterator[Finding]:
    names = store.clips.id[group.members].tolist()
    label, where = store.clips.label[group.members], part[group.members]
    known = sorted(set(label[label >= 0].tolist()))
    how = "identical" if group.difference < EXACT else f"equal within {group.difference:.3f} times the body's size"
    how += f" when {group.how}" if group.how else ""
    clips, value = tuple(names), 1 - group.difference
    held_out = [name for name, its in zip(names, where, strict=True) if its == 2]
    training = [name for name, its in zip(names, where, strict=True) if its == 1]
    if held_out and training:
        text = f"held out: {shown(held_out)}; in training: {shown(training)}: {how}."
        yield Finding("leak", clips, value, text)
    if len(known) > 1 and group.how != "mirrored":
        text = f"{shown(names)} are {how}, with the labels {shown([store.classes[each] for each in known])}."
        yield Finding("contradiction", clips, value, text)
    if (len(known) < 2 or group.how == "mirrored") and not (held_out and training):
        yield Finding("copy", clips, value, f"{shown(names)} are {how}.")
