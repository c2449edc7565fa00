"""Tracking of persons: detections in arbitrary order become tracks, and pieces of one person are joined.

Distances between poses are in body sizes, so that the same rules hold for metres and for pixels. The size of a body is
the root mean square distance of its joints from their mean, about 0.45 m for an adult.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float64, Int64

from psp.skeleton.recording import Recording

GROWTH = 0.1
"""The increase of gate and cost per frame without a person, in body sizes: how far one walks in 1/30 s."""

MOST_GAP = 30
"""The longest gap, in frames, over which pieces are joined by their positions."""

MEMORY, FORBIDDEN = 0.8, 1e9
"""The weight of the old value in the running means of velocity and size; the cost of a pair out of reach."""

Tracks: TypeAlias = Int64[np.ndarray, "m t"]
"""The number of the track of every entry in every frame, -1 where there is none."""

_Index: TypeAlias = tuple[np.ndarray, np.ndarray]
"""Indices of poses: entries and frames, integer arrays of one shape."""


def tracks_of(recording: Recording, reach: float) -> tuple[Tracks, Counter[str]]:
    """Return the tracks of a recording, and how many pieces of persons were joined.

    A body is a track; detections are assigned to tracks frame by frame. Then pieces of one person are joined. Tracks
    that lie within half of `reach` of each other, on average over their common frames, are one person reported twice:
    the longer one is used in common frames. Tracks without common frames are one person if their distance is within
    reach where they are nearest in time; reach grows by GROWTH with every frame in between, and the nearest pairs are
    joined first.
    """
    poses, seen = _Poses(recording), recording.seen
    entries = np.arange(len(seen))[:, None]
    tracks = _assign(poses, seen, reach) if recording.detections else np.where(seen, entries, -1)
    pieces = _pieces(poses, tracks)
    persons = _merge_pieces(poses, _merge_doubles(poses, pieces, reach), reach)
    tracks = np.full_like(tracks, -1)
    for number, person in enumerate(sorted(persons, key=lambda person: int(person.entries.min()))):
        tracks[person.entries, person.frames] = number
    return tracks, +Counter({"pieces of a person joined": len(pieces) - len(persons)})


def recording_of_tracks(recording: Recording, tracks: Tracks, kept: Int64[np.ndarray, "k"]) -> Recording:
    """Return the recording with one entry per kept track, in the order of their numbers."""
    entries, frames = np.nonzero(np.isin(tracks, kept))
    persons = np.searchsorted(kept, tracks[entries, frames])
    joints = np.zeros((len(kept), *recording.joints.shape[1:]))
    confidence = np.zeros(joints.shape[:3], dtype=np.float32)
    joints[persons, frames] = recording.joints[entries, frames]
    confidence[persons, frames] = recording.confidence[entries, frames]
    return replace(recording, joints=joints, confidence=confidence, detections=False)


def joining_costs(recording: Recording, reach: float) -> Float64[np.ndarray, "m m"]:
    """Return the cost of joining each pair of bodies, over gaps of any length; infinite if they are out of reach."""
    poses, seen = _Poses(recording), recording.seen
    pieces = _pieces(poses, np.where(seen, np.arange(len(seen))[:, None], -1))
    costs = np.full((len(pieces), len(pieces)), np.inf)
    for a, b in combinations(range(len(pieces)), 2):
        costs[a, b] = costs[b, a] = _joining_cost(poses, pieces[a], pieces[b], reach)
    return costs


class _Poses:
    """The poses of a recording by entry and frame, with the weight of each joint and the size of each pose."""

    def __init__(self, recording: Recording) -> None:
        self.joints, self.weight = recording.joints, recording.confidence.astype(np.float64)
        total = np.maximum(self.weight.sum(axis=2), 1e-9)
        centre = (self.joints * self.weight[..., None]).sum(axis=2) / total[..., None]
        square = ((self.joints - centre[:, :, None]) ** 2).sum(axis=3)
        self.size = np.sqrt((square * self.weight).sum(axis=2) / total)

    def moved(self, old: _Index, new: _Index) -> tuple[Float64[np.ndarray, "*n v c"], Float64[np.ndarray, "*n v"]]:
        """Return how far the joints move between poses, and the weight of each: 0 unless observed in both."""
        return self.joints[new] - self.joints[old], self.weight[new] * self.weight[old]

    def distance(self, old: _Index, new: _Index) -> Float64[np.ndarray, "*n"]:
        """Return the mean distance of the joints observed in both poses, infinite if there is none."""
        moved, weight = self.moved(old, new)
        return _mean_length(moved, weight)


def _mean_length(
    vectors: Float64[np.ndarray, "*n v c"], weight: Float64[np.ndarray, "*n v"]
) -> Float64[np.ndarray, "*n"]:
    total = weight.sum(axis=-1)
    summed = (np.linalg.norm(vectors, axis=-1) * weight).sum(axis=-1)
    return np.where(total > 0, summed / np.maximum(total, 1e-9), np.inf)


@dataclass(frozen=True, eq=False)
class _Live:
    """The last detection of each track that may continue, with its number, velocity per frame and size."""

    entry: Int64[np.ndarray, "k"]
    frame: Int64[np.ndarray, "k"]
    number: Int64[np.ndarray, "k"]
    velocity: Float64[np.ndarray, "k c"]
    size: Float64[np.ndarray, "k"]

    def chosen(self, tracks: Int64[np.ndarray, "n"] | Bool[np.ndarray, "k"]) -> "_Live":
        return _Live(*(array[tracks] for array in vars(self).values()))

    def joined(self, other: "_Live") -> "_Live":
        return _Live(*map(np.concatenate, zip(vars(self).values(), vars(other).values(), strict=True)))


def _assign(poses: _Poses, seen: Bool[np.ndarray, "m t"], reach: float) -> Tracks:
    """Return the track of each detection: each frame is assigned at the least sum of distances from predicted poses."""
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 (a third of a second, only for detections)

    tracks = np.full(seen.shape, -1)
    none = np.empty(0, dtype=np.int64)
    live, count = _Live(none, none, none, np.empty((0, poses.joints.shape[3])), np.empty(0)), 0
    for frame in np.flatnonzero(seen.any(axis=0)).tolist():
        entries = np.flatnonzero(seen[:, frame])
        fresh = np.arange(count, count + len(entries))
        velocity, size = np.zeros((len(entries), poses.joints.shape[3])), poses.size[entries, frame]
        live = live.chosen(frame - live.frame <= MOST_GAP)
        step, cost = _steps(poses, live, entries, frame, reach)
        old, new = linear_sum_assignment(cost)
        within = cost[old, new] < FORBIDDEN
        old, new = old[within], new[within]
        fresh[new] = live.number[old]
        velocity[new] = MEMORY * live.velocity[old] + (1 - MEMORY) * step[old, new]
        size[new] = MEMORY * live.size[old] + (1 - MEMORY) * size[new]
        tracks[entries, frame] = fresh
        now = _Live(entries, np.full(len(entries), frame), fresh, velocity, size)
        live, count = live.chosen(np.delete(np.arange(len(live.frame)), old)).joined(now), count + len(entries)
    return tracks


def _steps(
    poses: _Poses, live: _Live, entries: Int64[np.ndarray, "d"], frame: int, reach: float
) -> tuple[Float64[np.ndarray, "k d c"], Float64[np.ndarray, "k d"]]:
    """Return the velocity from each track to each detection, and the cost of that assignment."""
    old, new = (live.entry[:, None], live.frame[:, None]), (entries[None], np.full((1, len(entries)), frame))
    moved, weight = poses.moved(old, new)
    passed = (frame - live.frame)[:, None]
    distance = _mean_length(moved - (live.velocity * passed)[:, None, None], weight)
    distance /= np.maximum(np.maximum(live.size[:, None], poses.size[new]), 1e-9)
    total = np.maximum(weight.sum(axis=2), 1e-9)[..., None]
    step = (moved * weight[..., None]).sum(axis=2) / total / passed[..., None]
    late = GROWTH * (passed - 1)
    return step, np.where(distance < reach * (1 + late), distance + late, FORBIDDEN)


@dataclass(frozen=True, eq=False)
class _Piece:
    """A track: its frames in order, the entry in each, and its median size."""

    frames: Int64[np.ndarray, "n"]
    entries: Int64[np.ndarray, "n"]
    size: float

    def at(self, positions: Int64[np.ndarray, "*n"]) -> _Index:
        return self.entries[positions], self.frames[positions]

    def with_piece(self, other: "_Piece") -> "_Piece":
        """Return both pieces joined; in common frames the entry of this one is used."""
        new = ~np.isin(other.frames, self.frames)
        frames = np.concatenate([self.frames, other.frames[new]])
        entries, order = np.concatenate([self.entries, other.entries[new]]), np.argsort(frames)
        return _Piece(frames[order], entries[order], self.size)


def _pieces(poses: _Poses, tracks: Tracks) -> list[_Piece]:
    frames, entries = np.nonzero(tracks.T >= 0)
    numbers = tracks[entries, frames]
    order = np.argsort(numbers, kind="stable")
    ends = np.flatnonzero(np.diff(numbers[order])) + 1
    parts = zip(np.split(frames[order], ends), np.split(entries[order], ends), strict=True)
    return [_Piece(f, e, float(np.median(poses.size[e, f]))) for f, e in parts]


def _near(pieces: Sequence[_Piece], gap: int) -> Iterator[tuple[int, int]]:
    """Yield all pairs of pieces (a, b) with a < b whose spans overlap or are at most `gap` frames apart."""
    first, last = (np.array([piece.frames[end] for piece in pieces]) for end in (0, -1))
    for number in range(len(pieces)):
        near = (first[:number] <= last[number] + gap + 1) & (last[:number] + gap + 1 >= first[number])
        yield from ((other, number) for other in np.flatnonzero(near).tolist())


class _Joined:
    """Pieces that can be joined; in common frames the entry of the piece that is earlier in the list is used."""

    def __init__(self, pieces: Sequence[_Piece]) -> None:
        self.pieces, self._owner = dict(enumerate(pieces)), list(range(len(pieces)))

    def owner(self, number: int) -> int:
        """Return the piece that a piece is joined to, directly or through others."""
        while self._owner[number] != number:
            number = self._owner[number]
        return number

    def join(self, one: int, two: int, *, apart: bool) -> None:
        """Join the owners of two pieces; with `apart` only if they have no common frames."""
        first, second = sorted((self.owner(one), self.owner(two)))
        if first == second or (apart and np.isin(self.pieces[first].frames, self.pieces[second].frames).any()):
            return
        self._owner[second] = first
        self.pieces[first] = self.pieces[first].with_piece(self.pieces.pop(second))


def _merge_doubles(poses: _Poses, pieces: Sequence[_Piece], reach: float) -> list[_Piece]:
    """Merge pieces that lie on each other in their common frames; return the merged, longest first."""
    ordered = sorted(pieces, key=lambda piece: -len(piece.frames))
    joined = _Joined(ordered)
    for longer, piece in _near(ordered, 0):
        if _lies_on(poses, ordered[piece], ordered[longer], reach / 2):
            joined.join(longer, piece, apart=False)
    return list(joined.pieces.values())


def _lies_on(poses: _Poses, piece: _Piece, other: _Piece, reach: float) -> bool:
    """Return whether a piece lies within reach of a longer one, on average over their common frames."""
    at = np.minimum(np.searchsorted(other.frames, piece.frames), len(other.frames) - 1)
    common = np.flatnonzero(other.frames[at] == piece.frames)
    if not len(common):
        return False
    distance = poses.distance(piece.at(common), other.at(at[common])).mean()
    return bool(distance < reach * max(piece.size, other.size))


def _merge_pieces(poses: _Poses, pieces: Sequence[_Piece], reach: float) -> list[_Piece]:
    """Join pieces in the order of their costs, unless the pieces they have been joined to have common frames."""
    costs = {(a, b): _joining_cost(poses, pieces[a], pieces[b], reach) for a, b in _near(pieces, MOST_GAP)}
    joined = _Joined(pieces)
    for pair in sorted((pair for pair, cost in costs.items() if cost < np.inf), key=costs.__getitem__):
        joined.join(*pair, apart=True)
    return list(joined.pieces.values())


def _joining_cost(poses: _Poses, one: _Piece, two: _Piece, reach: float) -> float:
    """Return distance plus growth where two pieces are nearest in time; infinite out of reach or in a common frame."""
    after = np.searchsorted(one.frames, two.frames)
    sides = np.stack([np.maximum(after - 1, 0), np.minimum(after, len(one.frames) - 1)])
    gaps = np.abs(one.frames[sides] - two.frames)
    side, position = np.unravel_index(np.argmin(gaps), gaps.shape)
    passed = int(gaps[side, position])
    if not passed:
        return np.inf
    late = GROWTH * (passed - 1)
    ends = one.at(sides[side, [position]]), two.at(np.array([position]))
    distance = poses.distance(*ends)[0] / max(one.size, two.size, 1e-9)
    return float(distance + late) if distance < reach * (1 + late) else np.inf
