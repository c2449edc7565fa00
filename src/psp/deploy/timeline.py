"""The timeline of the classes of a recording, from predictions of overlapping windows."""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from itertools import groupby

import numpy as np
from jaxtyping import Float, Int64

NOTHING = -1
"""The class index for no class."""

Span = tuple[int, int]
"""The first frame and the one after the last."""

Run = tuple[int, int, int]
"""The first frame, the one after the last, and the label of both and all between them."""


@dataclass(frozen=True, eq=False)
class Segment:
    """Consecutive frames of one class (or NOTHING) and their mean probabilities, None if nobody was observed."""

    frames: Span
    label: int
    probabilities: Float[np.ndarray, "k"] | None


def windows_over(frames: int, size: int, stride: int) -> list[Span]:
    """Return windows of `size` frames, one every `stride` and one at the end; a shorter recording is one window."""
    last = max(frames - size, 0)
    return [(start, min(start + size, frames)) for start in [*range(0, last, stride), last]]


def timeline(
    spans: Sequence[Span], probabilities: Float[np.ndarray, "n k"], frames: int, none_below: float, shortest: int
) -> list[Segment]:
    """Return the segments of a recording, which cover it without gaps.

    A frame has the mean probabilities of the windows that contain it. Its class is the most probable one, or NOTHING if
    the probability is less than `none_below` or no window contains the frame. Consecutive frames of one class form a
    segment. Segments of fewer than `shortest` frames are merged with their longer neighbour, the shortest one first.
    """
    by_frame = _by_frame(spans, probabilities, frames)
    labels = np.where(by_frame.max(axis=1) >= none_below, by_frame.argmax(axis=1), NOTHING)
    runs = _without_short([(*run, int(labels[run[0]])) for run in _runs(labels)], shortest)
    return [Segment((start, end), label, _mean(by_frame[start:end])) for start, end, label in runs]


def _without_short(runs: Sequence[Run], shortest: int) -> list[Run]:
    """Return runs of which those of fewer than `shortest` frames are merged with their longer neighbour.

    `at` holds the end and label of each run by its start, `before` the start by the end. A run that has grown since it
    was put on the heap is passed over.
    """
    at = {start: (end, label) for start, end, label in runs}
    before = {end: start for start, end, _ in runs}
    short = [(end - start, start) for start, end, _ in runs if end - start < shortest]
    heapify(short)
    while short and len(at) > 1:
        length, start = heappop(short)
        if start not in at or at[start][0] - start != length:
            continue
        end = at[start][0]
        sides = [each for each in (before.get(start), end if end in at else None) if each is not None]
        label = at[max(sides, key=lambda each: at[each][0] - each)][1]
        joined = [start, *(each for each in sides if at[each][1] == label)]
        first, last = min(joined), max(at[each][0] for each in joined)
        for each in joined:
            del before[at.pop(each)[0]]
        at[first], before[last] = (last, label), first
        if last - first < shortest:
            heappush(short, (last - first, first))
    return [(start, *at[start]) for start in sorted(at)]


def _by_frame(spans: Sequence[Span], probabilities: Float[np.ndarray, "n k"], frames: int) -> Float[np.ndarray, "t k"]:
    """Return the mean over the windows that contain each frame, NaN without any."""
    total, count = np.zeros((frames, probabilities.shape[1])), np.zeros((frames, 1))
    for (start, end), found in zip(spans, probabilities, strict=True):
        total[start:end] += found
        count[start:end] += 1
    return np.divide(total, count, out=np.full_like(total, np.nan), where=count > 0)


def _runs(labels: Int64[np.ndarray, "t"]) -> list[Span]:
    """Return the runs of equal labels."""
    ends = np.cumsum([len(list(equal)) for _, equal in groupby(labels.tolist())]).tolist()
    return list(zip([0, *ends[:-1]], ends, strict=True))


def _mean(by_frame: Float[np.ndarray, "t k"]) -> Float[np.ndarray, "k"] | None:
    known = by_frame[~np.isnan(by_frame[:, 0])]
    return known.mean(axis=0) if len(known) else None
