"""movement: data sets in memory, by a stand-in for xarray, are prepared as their files are."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from format_examples import skeletons
from format_examples.movement import NAMES, netcdf
from psp import prepare
from psp.dataset.store import open_store
from psp.errors import RecordingError
from psp.io.base import open_reader
from psp.io.format import File
from psp.io.formats.movement import parse_movement, raw_of_dataset


@dataclass
class Array:
    values: np.ndarray
    dims: tuple[str, ...]


@dataclass
class Dataset:
    """What is used of an xarray.Dataset."""

    position: Array
    confidence: Array | None = None
    coords: dict = field(default_factory=lambda: {"keypoints": Array(np.array(NAMES), ("keypoints",))})
    attrs: dict = field(default_factory=lambda: {"fps": 30, "source_file": "/videos/walk.h5"})


WALK = skeletons(np.random.default_rng(0), 2, 12, 4, 2)


def dataset(joints: np.ndarray = WALK) -> Dataset:
    scores = np.full(joints.shape[:3], 0.5)
    return Dataset(
        Array(joints.transpose(1, 3, 2, 0), ("time", "space", "keypoints", "individuals")),
        Array(scores.transpose(2, 1, 0), ("keypoints", "time", "individuals")),
    )


def test_a_data_set_is_what_its_file_is() -> None:
    raw = raw_of_dataset(dataset())
    (saved,) = parse_movement([File("x.nc", netcdf(WALK, np.full(WALK.shape[:3], 0.5)))])
    np.testing.assert_array_equal(raw.joints, WALK)
    np.testing.assert_array_equal(raw.joints, saved.joints)
    np.testing.assert_array_equal(raw.confidence, saved.confidence)
    assert (raw.names, raw.fps, raw.units) == (saved.names, saved.fps, saved.units) == (NAMES, 30, "pixels")
    assert raw.id == "walk"


def test_data_sets_are_prepared(tmp_path: Path) -> None:
    other = dataset(WALK[:, :9])
    other.attrs = {}
    reader = open_reader([dataset(), other])
    assert [item.id for item in reader.items()[0]] == ["movement-1", "walk"]
    assert prepare(dataset(), tmp_path / "store", workers=1).clips == 1
    assert open_store(tmp_path / "store").layout.joints == NAMES
    assert prepare(dataset(), tmp_path / "cut", window="0.2s", workers=2).clips == 2


@pytest.mark.parametrize("dims", [("time", "space", "keypoints"), ("time", "space", "keypoints", "animals")])
def test_what_is_wrong_is_named(dims: tuple[str, ...]) -> None:
    wrong = dataset()
    wrong.position.dims = dims
    with pytest.raises(RecordingError, match="an array has the dimensions time, space, keypoints"):
        raw_of_dataset(wrong)
    wrong = dataset()
    wrong.coords = {}
    with pytest.raises(RecordingError, match="not a data set of movement"):
        raw_of_dataset(wrong)
