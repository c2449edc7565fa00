"""The timeline of the classes of a recording, from predictions of overlapping windows."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
from jaxtyping import Float, Int64

NOTHING = -1
"""The class index for no class."""

Span = tuple[int, int]
"""The first frame and the one after the last."""


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
    while True:
        runs = _runs(labels)
        lengths = [end - start for start, end in runs]
        at = int(np.argmin(lengths))
        if len(runs) == 1 or lengths[at] >= shortest:
            break
        neighbour = max((each for each in (at - 1, at + 1) if 0 <= each < len(runs)), key=lambda each: lengths[each])
        labels[slice(*runs[at])] = labels[runs[neighbour][0]]
    return [Segment(run, int(labels[run[0]]), _mean(by_frame[slice(*run)])) for run in runs]


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
