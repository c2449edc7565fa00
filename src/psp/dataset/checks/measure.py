"""Measures of every person of every clip, taken in one pass over the joints of a data set."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Bool, Float32, Int64, Shaped

from psp.dataset.store import Store
from psp.skeleton.layout import Layout
from psp.skeleton.names import words

BLOCK_ROWS = 2**12
"""How many poses are measured together, so that they fit into the cache of a processor."""

SEGMENTS = 4
"""The number of segments of equal length into which a clip is divided for its summary."""

STILL = 1e-4
"""A person moves between two frames if the joints move by more than this share of the person's size.

The noise of sensors and pose estimators moves a person who stands still by 1e-3 and more; repeated poses differ by less
than 1e-6 after normalisation in single precision.
"""

SWAPPED, SWAP_LENGTH = 3.0, 0.2
"""Left and right are exchanged between two frames if exchanging them back makes the motion of the paired joints smaller
by the factor SWAPPED, and if that motion is longer than SWAP_LENGTH times the person's size.

No real motion does this: each side would have to end where the other one was.
"""


@dataclass(frozen=True)
class Measures:
    """Measures of `n` persons: the persons of each clip one after the other, clip by clip.

    Lengths are in sizes of the person: the size is the root mean square distance of the joints from their mean.
    `observed` is the share of frames in which a joint is observed, `still` the share of pairs of neighbouring frames
    without motion. `shift` is the largest step of the joints' mean between two frames, `shift_frame` the second of
    these frames, and `pace` the mean of all other steps. `leap`, `leap_frame` and `leap_pace` are the same for the root
    mean square step of the joints, and `ends` is that step from the last frame to the first.

    `swap` is the largest step of the paired joints that an exchange of left and right explains, 0 if there is none.
    `exchange` is the largest step that an exchange with another person of the clip explains. `bone` and `bone_spread`
    are mean and standard deviation of the bone lengths, nan where they are never observed. `trunk` is the mean
    direction from the hips to the shoulders. `front` is the distance of each joint in front of the body, averaged over
    the frames. `pose` is the mean pose of every segment, with the mean of the joints at the origin in each frame.
    `speed` is the mean step of every joint between neighbouring frames of a segment, without that of the whole body.
    """

    clip: Int64[np.ndarray, "n"]
    person: Int64[np.ndarray, "n"]
    frames: Int64[np.ndarray, "n"]
    size: Float32[np.ndarray, "n"]
    observed: Float32[np.ndarray, "n"]
    still: Float32[np.ndarray, "n"]
    shift: Float32[np.ndarray, "n"]
    shift_frame: Int64[np.ndarray, "n"]
    pace: Float32[np.ndarray, "n"]
    leap: Float32[np.ndarray, "n"]
    leap_frame: Int64[np.ndarray, "n"]
    leap_pace: Float32[np.ndarray, "n"]
    ends: Float32[np.ndarray, "n"]
    swap: Float32[np.ndarray, "n"]
    swap_frame: Int64[np.ndarray, "n"]
    exchange: Float32[np.ndarray, "n"]
    exchange_frame: Int64[np.ndarray, "n"]
    bone: Float32[np.ndarray, "n w"]
    bone_spread: Float32[np.ndarray, "n w"]
    trunk: Float32[np.ndarray, "n c"]
    front: Float32[np.ndarray, "n v"]
    pose: Float32[np.ndarray, "n s v c"]
    speed: Float32[np.ndarray, "n s v"]


def measure(store: Store) -> Measures:
    """Return the measures of a data set; two threads read and measure blocks of clips."""
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        pieces = list(pool.map(lambda block: _measure(store, *block), _blocks(store)))
    joined = {each.name: np.concatenate([getattr(piece, each.name) for piece in pieces]) for each in fields(Measures)}
    return Measures(**joined)


def trunk_of(layout: Layout) -> tuple[list[int], list[int]] | None:
    """Return the lower and the upper joints of the trunk: the ends of the spine, else hips and shoulders, else None."""
    if layout.spine is not None:
        return [layout.spine[0]], [layout.spine[1]]
    hips = [number for number, name in enumerate(layout.joints) if words(name) == {"hip"}]
    return (hips, list(layout.shoulders)) if hips and layout.shoulders is not None else None


def observed_joints(store: Store, rows: slice, joints: Float32[np.ndarray, "r v c"]) -> Bool[np.ndarray, "r v"]:
    """Return which joints are observed; joints of a pose whose coordinates are all 0 are not."""
    known = np.ones(joints.shape[:2], dtype=bool) if store.confidence is None else store.confidence[rows] > 0
    return known & np.any(joints, axis=(1, 2))[:, None]


def _blocks(store: Store) -> Iterator[tuple[int, int]]:
    """Yield (first, end) of each block of clips; `end` is not part of it."""
    rows, first = store.clips.first_row + store.clips.persons * store.clips.frames, 0
    while first < len(store):
        limit = store.clips.first_row[first] + BLOCK_ROWS
        end = max(first + 1, int(np.searchsorted(rows, limit, side="right")))
        yield first, end
        first = end


def _measure(store: Store, first: int, end: int) -> Measures:
    """Return the measures of the clips from `first` to before `end`."""
    table = store.clips
    persons = table.persons[first:end]
    clip = np.repeat(np.arange(first, end), persons)
    person = np.arange(len(clip)) - np.repeat(persons.cumsum() - persons, persons)
    frames = table.frames[clip]
    rows = slice(int(table.first_row[first]), int(table.first_row[first] + frames.sum()))
    joints = np.asarray(store.joints[rows])
    poses = _Poses(joints, observed_joints(store, rows, joints), frames, store.layout)
    return Measures(
        clip, person, frames, poses.size, poses.observed, poses.still(), *poses.longest_of(poses.way),
        *poses.longest_of(poses.motion), poses.ends(), *poses.swap(), *poses.exchange(clip), *poses.bones(),
        poses.trunk(), poses.front(), *poses.segments(),
    )  # fmt: skip


class _Poses:
    """The poses of some persons, one after the other, `frames` for each; rows are the last axis of all arrays."""

    def __init__(
        self,
        joints: Float32[np.ndarray, "r v c"],
        seen: Bool[np.ndarray, "r v"],
        frames: Int64[np.ndarray, "n"],
        layout: Layout,
    ) -> None:
        self.layout, self.frames, self.start = layout, frames, frames.cumsum() - frames
        self.joints, self.seen = np.ascontiguousarray(joints.transpose(2, 1, 0)), np.ascontiguousarray(seen.T)
        weight = self.seen.astype(np.float32)
        count = np.maximum(weight.sum(axis=0), 1)
        self.centred = (self.joints - ((self.joints * weight).sum(axis=1) / count)[:, None]) * weight
        self.poses = self.sums(np.any(self.seen, axis=0))
        self.observed = self.poses / frames.astype(np.float32)
        size = np.sqrt(self.sums(_squares(self.centred).sum(axis=0) / count) / np.maximum(self.poses, 1))
        self.size = np.where(size > 0, size, 1).astype(np.float32)
        self.size_of_row = np.repeat(self.size, frames)
        both = np.zeros_like(weight)
        both[:, 1:] = weight[:, 1:] * weight[:, :-1]
        both[:, self.start] = 0
        self.pairs = both.sum(axis=0)
        self.step = np.diff(self.joints, axis=2, prepend=self.joints[:, :, :1]) * both
        way = self.step.sum(axis=1) / np.maximum(self.pairs, 1)
        self.own_step = self.step - way[:, None] * both
        self.way = np.sqrt(_squares(way)) / self.size_of_row
        self.motion = np.sqrt(_squares(self.step).sum(axis=0) / np.maximum(self.pairs, 1)) / self.size_of_row

    def sums(self, values: Shaped[np.ndarray, "*w r"]) -> Float32[np.ndarray, "*w n"]:
        """Return the sum over the rows of each person."""
        return np.add.reduceat(values, self.start, axis=-1, dtype=np.float32)

    def longest(self, values: Float32[np.ndarray, "r"]) -> tuple[Float32[np.ndarray, "n"], Int64[np.ndarray, "n"]]:
        """Return the largest value of each person and the frame where it is first reached."""
        largest = np.maximum.reduceat(values, self.start)
        reached = np.flatnonzero(values == np.repeat(largest, self.frames))
        person, first = np.unique(np.searchsorted(self.start, reached, side="right") - 1, return_index=True)
        return largest, reached[first] - self.start[person]

    def still(self) -> Float32[np.ndarray, "n"]:
        """Return the share of pairs of frames without motion."""
        known = self.pairs > 0
        return self.sums(known & (self.motion < STILL)) / np.maximum(self.sums(known), 1)

    def longest_of(
        self, ways: Float32[np.ndarray, "r"]
    ) -> tuple[Float32[np.ndarray, "n"], Int64[np.ndarray, "n"], Float32[np.ndarray, "n"]]:
        """Return the largest of the steps to each frame from the one before, its frame, and the mean of the others."""
        longest, frame = self.longest(ways)
        others = np.maximum(self.sums(self.pairs > 0) - 1, 1)
        return longest, frame, (self.sums(ways) - longest) / others

    def ends(self) -> Float32[np.ndarray, "n"]:
        """Return the root mean square step of the joints from the last frame to the first."""
        last = self.start + self.frames - 1
        known = self.seen[:, self.start] & self.seen[:, last]
        squares = _squares(self.joints[:, :, self.start] - self.joints[:, :, last]) * known
        return np.sqrt(squares.sum(axis=0) / np.maximum(known.sum(axis=0, dtype=np.float32), 1)) / self.size

    def swap(self) -> tuple[Float32[np.ndarray, "n"], Int64[np.ndarray, "n"]]:
        """Return the largest step of the paired joints that an exchange of left and right explains, and its frame."""
        found, mirror = np.zeros_like(self.way), self.layout.mirror
        paired = np.flatnonzero(mirror != np.arange(len(mirror)))
        row = np.flatnonzero(self.motion > SWAP_LENGTH / 2)
        if len(paired) and len(row):
            before, after = (self.joints[:, paired[:, None], each] for each in (row - 1, row))
            known = self.seen[paired[:, None], row - 1] & self.seen[paired[:, None], row]
            known &= self.seen[mirror[paired][:, None], row]
            count = np.maximum(known.sum(axis=0, dtype=np.float32), 1)
            crossed = self.joints[:, mirror[paired][:, None], row]
            motion, back = (np.sqrt((_squares(end - before) * known).sum(axis=0) / count) for end in (after, crossed))
            length = motion / self.size_of_row[row]
            found[row] = np.where((motion > SWAPPED * back) & (length > SWAP_LENGTH), length, 0)
        return self.longest(found)

    def exchange(self, clip: Int64[np.ndarray, "n"]) -> tuple[Float32[np.ndarray, "n"], Int64[np.ndarray, "n"]]:
        """Return the largest step of each person that an exchange with another person explains, and its frame."""
        length, frame = np.zeros(len(clip), dtype=np.float32), np.zeros(len(clip), dtype=np.int64)
        fast = np.maximum.reduceat(self.motion, self.start) > SWAP_LENGTH
        for one in np.flatnonzero(fast).tolist():
            for other in np.flatnonzero(fast & (clip == clip[one])).tolist():
                if one < other:
                    found = self._exchanged(one, other)
                    at = int(found.argmax())
                    for person in (one, other):
                        if found[at] > length[person]:
                            length[person], frame[person] = found[at], at
        return length, frame

    def _exchanged(self, one: int, other: int) -> Float32[np.ndarray, "t"]:
        """Return the step of two persons to every frame, 0 where exchanging them does not make it much smaller."""
        rows = [slice(int(self.start[each]), int(self.start[each] + self.frames[each])) for each in (one, other)]
        joints = np.stack([self.joints[:, :, each] for each in rows])
        seen = self.seen[:, rows[0]] & self.seen[:, rows[1]]
        known = seen[:, 1:] & seen[:, :-1]
        count = np.maximum(2 * known.sum(axis=0, dtype=np.float32), 1)
        motion, crossed = (
            np.sqrt((_squares(np.moveaxis(end[..., 1:] - joints[..., :-1], 1, 0)) * known).sum(axis=(0, 1)) / count)
            for end in (joints, joints[::-1])
        )
        length = motion / max(self.size[one], self.size[other])
        found = np.where((motion > SWAPPED * crossed) & (length > SWAP_LENGTH), length, 0)
        return np.concatenate([[0], found]).astype(np.float32)

    def bones(self) -> tuple[Float32[np.ndarray, "n w"], Float32[np.ndarray, "n w"]]:
        """Return mean and standard deviation of the bone lengths, nan where a bone is never observed."""
        child, parent = np.array(self.layout.bones, dtype=np.int64).reshape(-1, 2).T
        seen = self.seen[child] & self.seen[parent]
        length = np.sqrt(_squares(self.joints[:, child] - self.joints[:, parent])) / self.size_of_row * seen
        count = self.sums(seen)
        with np.errstate(invalid="ignore"):
            mean = self.sums(length) / count
            rest = (length - np.repeat(mean, self.frames, axis=1)) * seen
            return mean.T, np.sqrt(self.sums(rest * rest) / count).T

    def trunk(self) -> Float32[np.ndarray, "n c"]:
        """Return the mean direction of the trunk, 0 if the layout has none."""
        return (self.sums(self.up()) / np.maximum(self.poses, 1)).T

    def up(self) -> Float32[np.ndarray, "c r"]:
        """Return the direction of the trunk in every pose, 0 where it is not observed."""
        ends = trunk_of(self.layout)
        if ends is None:
            return np.zeros_like(self.joints[:, 0])
        low, high = ends
        line = self.centred[:, high].mean(axis=1) - self.centred[:, low].mean(axis=1)
        return _unit(line) * self.seen[[*low, *high]].all(axis=0)

    def front(self) -> Float32[np.ndarray, "n v"]:
        """Return how far each joint is in front of the body: along (right to left) x (hips to shoulders), in sizes."""
        if len(self.joints) != 3 or not self.layout.mirror_pairs:
            return np.zeros((len(self.start), len(self.layout.joints)), dtype=np.float32)
        left, right = np.array(self.layout.mirror_pairs).T
        across = (self.centred[:, left] - self.centred[:, right]).sum(axis=1)
        forward = _unit(np.cross(across, self.up(), axis=0))
        before = np.einsum("cvr,cr->vr", self.centred, forward)
        return (self.sums(before) / np.maximum(self.poses, 1) / self.size).T

    def segments(self) -> tuple[Float32[np.ndarray, "n s v c"], Float32[np.ndarray, "n s v"]]:
        """Return mean pose and mean speed of every joint in the segments of each person; see `Measures`."""
        bounds = (np.arange(SEGMENTS + 1) * self.frames[:, None]) // SEGMENTS
        first = (self.start[:, None] + bounds[:, :-1]).ravel()
        length = np.maximum(np.diff(bounds, axis=1), 1).ravel()
        scale = (np.repeat(self.size, SEGMENTS) * length).astype(np.float32)
        pose = np.add.reduceat(self.centred, first, axis=2) / scale
        speed = np.add.reduceat(np.sqrt(_squares(self.own_step)), first, axis=1) / scale
        shape = (len(self.start), SEGMENTS, len(self.layout.joints))
        return pose.T.reshape(*shape, -1), speed.T.reshape(shape)


def _squares(vectors: Float32[np.ndarray, "c *w"]) -> Float32[np.ndarray, "*w"]:
    """Return the squared lengths of vectors."""
    return np.einsum("c...,c...->...", vectors, vectors)


def _unit(vectors: Float32[np.ndarray, "c r"]) -> Float32[np.ndarray, "c r"]:
    return vectors / np.maximum(np.sqrt(_squares(vectors)), 1e-12)
