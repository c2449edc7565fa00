from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from psp.deploy.timeline import NOTHING, timeline, windows_over

A, B = np.array([0.9, 0.1]), np.array([0.2, 0.8])


def labels_by_frame(segments):
    return [label for each in segments for label in [each.label] * (each.frames[1] - each.frames[0])]


@given(frames=st.integers(1, 60), size=st.integers(1, 70), stride=st.integers(1, 20))
def test_windows_cover_a_recording_to_its_end(frames, size, stride):
    spans = windows_over(frames, size, stride)
    assert spans[0][0] == 0
    assert spans[-1][1] == frames
    assert all(end - start == min(size, frames) for start, end in spans)
    if stride <= size:
        assert set().union(*(range(*span) for span in spans)) == set(range(frames))


def test_overlapping_windows_are_averaged_and_merged():
    spans = [(0, 4), (2, 6), (4, 8)]
    segments = timeline(spans, np.stack([A, A, B]), 8, 0.0, 0)
    assert [(each.frames, each.label) for each in segments] == [((0, 6), 0), ((6, 8), 1)]
    np.testing.assert_allclose(segments[0].probabilities, (4 * A + 2 * (A + B) / 2) / 6)
    np.testing.assert_allclose(segments[1].probabilities, B)


def test_what_is_not_sure_or_not_seen_has_no_class():
    segments = timeline([(0, 4), (6, 8)], np.stack([A, B]), 8, 0.85, 0)
    assert [(each.frames, each.label) for each in segments] == [((0, 4), 0), ((4, 8), NOTHING)]
    np.testing.assert_allclose(segments[1].probabilities, B)
    (nobody,) = timeline([], np.empty((0, 2)), 5, 0.0, 0)
    assert (nobody.frames, nobody.label, nobody.probabilities) == ((0, 5), NOTHING, None)


def test_short_segments_become_parts_of_the_longer_neighbour():
    spans = [(0, 5), (5, 7), (7, 16)]
    segments = timeline(spans, np.stack([A, B, A]), 16, 0.0, 3)
    assert [(each.frames, each.label) for each in segments] == [((0, 16), 0)]
    assert len(timeline(spans, np.stack([A, B, A]), 16, 0.0, 2)) == 3
    (alone,) = timeline([(0, 2)], A[None], 2, 0.0, 100)
    assert alone.label == 0


@given(rows=arrays(float, (9, 3), elements=st.floats(0.01, 1)), none_below=st.floats(0, 1), shortest=st.integers(0, 30))
def test_segments_cover_every_frame_once_and_differ_from_their_neighbours(rows, none_below, shortest):
    spans = windows_over(30, 6, 3)
    segments = timeline(spans, rows / rows.sum(axis=1, keepdims=True), 30, none_below, shortest)
    assert len(labels_by_frame(segments)) == 30
    assert segments[0].frames[0] == 0
    for first, second in pairwise(segments):
        assert first.frames[1] == second.frames[0]
        assert first.label != second.label
    assert len(segments) == 1 or min(each.frames[1] - each.frames[0] for each in segments) >= shortest
