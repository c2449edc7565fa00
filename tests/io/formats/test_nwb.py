"""NWB: the real file against h5py alone, groups as animals or cameras, and what does not fit."""

import io
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from format_examples.nwb import nwb
from psp.errors import RecordingError
from psp.io.format import File, Raw
from psp.io.formats.nwb import parse_nwb

WALK = np.random.default_rng(0).uniform(0, 100, (2, 6, 3, 2))
GOOD = nwb(WALK, np.ones((2, 6, 3)), groups=True)


def read(change: Callable[[h5py.Group], object] = lambda group: None) -> list[Raw]:
    """Return the recordings of the example after a change of its module of behaviour."""
    content = io.BytesIO(GOOD)
    with h5py.File(content, "r+") as file:
        change(file["processing/behavior"])
    return parse_nwb([File("x.nwb", content.getvalue())])


def test_the_real_file(shared_data: Path) -> None:
    path = shared_data / "own-samples/mice-ethome/sample_nwb_.nwb"
    (raw,) = parse_nwb([File(path.name, path.read_bytes())])
    assert raw.joints.shape == (1, 2330, 4, 2)
    assert raw.names == ("ind1_snout", "ind1_leftear", "ind1_rightear", "ind1_tailbase")
    assert (raw.units, raw.fps) == ("pixels", None)
    with h5py.File(path) as file:
        for joint, name in enumerate(raw.names):
            series = file[f"processing/behavior/PoseEstimation/{name}"]
            np.testing.assert_array_equal(raw.joints[0, :, joint], series["data"][:])
            np.testing.assert_array_equal(raw.confidence[0, :, joint], series["confidence"][:])


def test_groups_are_animals_or_cameras() -> None:
    (raw,) = read()
    assert raw.joints.shape == (2, 6, 3, 2)
    assert np.isnan(raw.joints[:, 2]).all()
    assert (raw.fps, raw.names, raw.edges[0]) == (25, ("earL", "earR", "nose"), ("earL", "earR"))

    def rename(group: h5py.Group) -> None:
        group.move("mouse0", "LeftCamera")
        group.move("mouse1", "RightCamera")

    raws = read(rename)
    assert [(raw.joints.shape[0], raw.columns["group"]) for raw in raws] == [(1, "LeftCamera"), (1, "RightCamera")]


@pytest.mark.parametrize(
    ("stamps", "frames", "fps", "first"),
    [
        (np.array([0, 1, 2, 5, 6]) / 30 + 12, [0, 1, 2, 5, 6], 30, 0),
        (np.array([300, 301, 302, 303, 304]), [0, 1, 2, 3, 4], None, 300),
        (np.array([0, 0.1, 0.2, 0.21, 0.3]), [0, 1, 2, 3, 4], 10.526, 0),
    ],
)
def test_times_tell_the_frames(stamps: np.ndarray, frames: list[int], fps: float | None, first: int) -> None:
    (raw,) = read(replaced("mouse0/earL/timestamps", stamps.astype(float)))
    assert np.flatnonzero(~np.isnan(raw.joints[0]).all(axis=(1, 2))).tolist() == frames
    assert (raw.fps, raw.first) == (fps, first)


def replaced(name: str, value: np.ndarray) -> Callable[[h5py.Group], None]:
    def change(group: h5py.Group) -> None:
        del group[name]
        group[name] = value

    return change


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (replaced("mouse0/earL/timestamps", np.zeros(5)), "timestamps do not increase"),
        (replaced("mouse0/earL/timestamps", np.arange(4.0)), "differ in their number of frames"),
        (replaced("mouse0/nose/data", np.ones((4, 2))), "confidence of nose has the shape"),
        (replaced("mouse0/nose/data", np.ones((5, 4))), r"nose has the shape \(5, 4\)"),
        (replaced("mouse0/nose/data", np.array([b"x"])), "not numbers"),
        (replaced("mouse0/edges", np.array([[0, 9]])), "an edge names a node that does not exist"),
        (lambda group: [group.pop(name) for name in ("mouse0", "mouse1")], "no pose estimates"),
    ],
)
def test_what_is_wrong_is_named(change: Callable, says: str) -> None:
    with pytest.raises(RecordingError, match=says):
        read(change)
