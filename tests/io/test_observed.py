"""Which joints count as observed, and how confidences in other ranges are read."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psp.dataset.build import prepare
from psp.errors import RecordingError
from psp.io.base import open_reader
from psp.io.format import Raw
from psp.io.observed import with_confidence

JOINTS = ("head", "neck", "hip", "knee", "foot")
HEADER = ",".join(f"{joint}_{part}" for joint in JOINTS for part in ("x", "y", "score"))


def table(path: Path, scores: np.ndarray, *, at: int = 100) -> None:
    """Write a person who stands and sways; where the score is 0 the coordinates are too."""
    lines = [HEADER]
    for frame, row in enumerate(scores):
        joints = [(frame % 3, at + 50 * joint, score) if score else (0, 0, 0) for joint, score in enumerate(row)]
        lines.append(",".join(f"{number:g}" for joint in joints for number in joint))
    path.write_text("\n".join(lines) + "\n")


def test_frames_without_the_person_do_not_connect_all_joints(tmp_path: Path) -> None:
    table(tmp_path / "a.csv", np.repeat([0.0, 0.9], [60, 40])[:, None].repeat(5, axis=1))
    assert open_reader(tmp_path).layout.edges == ((0, 1), (1, 2), (2, 3), (3, 4))


def test_a_recording_of_zeros_without_a_score_is_refused_by_name(tmp_path: Path) -> None:
    table(tmp_path / "a.csv", np.full((20, 5), 0.9))
    table(tmp_path / "b.csv", np.zeros((20, 5)))
    report = prepare(tmp_path, tmp_path / "store", skip_damaged=True, workers=1)
    assert report.clips == 1
    assert [(each.where, each.reason) for each in report.skipped] == [("b", "no person is observed in any frame.")]


def test_confidences_in_per_cent_are_brought_to_shares(tmp_path: Path) -> None:
    table(tmp_path / "a.csv", np.array([[3, 55, 99, 100, 1]] * 20))
    reader = open_reader(tmp_path)
    recording = reader.read(reader.items()[0][0])
    np.testing.assert_allclose(recording.confidence[0, 0], [0.03, 0.55, 0.99, 1, 0.01], rtol=1e-6)
    assert "Confidences are taken as per cent, as they exceed 10." in reader.notes


@given(st.lists(st.floats(-1, 200), min_size=1, max_size=6))
def test_the_order_of_confidences_is_kept(values: list[float]) -> None:
    raw = Raw(np.ones((1, 1, len(values), 2)), np.array(values)[None, None])
    if max(values) > 100:
        with pytest.raises(RecordingError, match="largest confidence"):
            with_confidence(raw, "x")
    else:
        found = with_confidence(raw, "x").confidence
        assert (found is None) == (not any(values))
        if found is not None:
            np.testing.assert_allclose(found[0, 0], np.array(values) / (100 if max(values) > 10 else 1))
