"""DeepLabCut: real tables against a reading by csv and h5py alone, and what is particular about tables."""

import csv
import gzip
from pathlib import Path

import h5py
import numpy as np
import pytest

from psp.errors import RecordingError
from psp.io.format import File, Raw
from psp.io.formats.animals import split_prefixes
from psp.io.formats.deeplabcut import group_deeplabcut, parse_deeplabcut


def read(name: str, content: str | bytes) -> list[Raw]:
    return parse_deeplabcut([File(name, content if isinstance(content, bytes) else content.encode())])


def independent(text: str, headers: int) -> np.ndarray:
    """Return the numbers of a table (t, columns) without the first column."""
    return np.array([line[1:] for line in list(csv.reader(text.splitlines()))[headers:]], dtype=float)


SAMPLES = [
    ("mice-ethome/openfield_dlc_inference_example.csv", 3, (1, 2330, 4), ("snout", "leftear", "rightear", "tailbase")),
    ("deepof/testDLC_csv_table.csv", 3, (1, 97, 14), ("Nose", "Left_ear")),
    ("deepof/testDLC_csv_table_multi.csv", 3, (2, 98, 14), ("Nose", "Left_ear")),
    ("deepof/testDLC_csv_table_madlc.csv", 4, (2, 97, 14), ("Nose", "Left_ear")),
]


@pytest.mark.parametrize(("name", "headers", "shape", "names"), SAMPLES)
def test_real_tables(name: str, headers: int, shape: tuple, names: tuple, shared_data: Path) -> None:
    text = (shared_data / "own-samples" / name).read_text()
    (raw,) = read(name, text)
    assert raw.joints.shape == (*shape, 2)
    assert raw.names[: len(names)] == names
    persons, frames, joints = shape
    expected = independent(text, headers).reshape(frames, persons, joints, 3).transpose(1, 0, 2, 3)
    seen = expected[..., 2] > 0
    np.testing.assert_array_equal(~np.isnan(raw.joints).any(axis=3)[seen], True)
    np.testing.assert_array_equal(raw.joints[seen], expected[..., :2][seen])
    np.testing.assert_array_equal(raw.confidence, expected[..., 2])
    zero = (expected == 0).all(axis=3)
    assert np.isnan(raw.joints[zero]).all()
    assert zero.any() == name.endswith("madlc.csv")


@pytest.mark.parametrize(("name", "key", "animals"), [("", "df", 1), ("_madlc", "tracks", 2)])
def test_real_tables_of_hdf5(name: str, key: str, animals: int, shared_data: Path) -> None:
    folder = shared_data / "own-samples/deepof"
    path = folder / f"testDLC_h5_table{name}.h5"
    (raw,) = read(path.name, path.read_bytes())
    (other,) = read("x.csv", (folder / f"testDLC_csv_table{name}.csv").read_text())
    with h5py.File(path) as file:
        values = file[key]["block0_values"][:].reshape(100, animals, 14, 3).transpose(1, 0, 2, 3)
    np.testing.assert_array_equal(raw.confidence, values[..., 2])
    seen = values[..., 2] > 0
    np.testing.assert_array_equal(raw.joints[seen], values[seen][:, :2])
    assert raw.names == other.names


def test_gaps_triangulated_points_and_objects() -> None:
    text = "scorer,a,a,a,a,a\nindividuals,m1,m1,m1,single,single\nbodyparts,p,p,p,box,box\ncoords,x,y,z,x,y\n"
    (raw,) = read("x.csv", text + "3,1,2,3,9,9\n5,,,,9,9\n6,0,0,0,9,9\n7,4,5,6,9,9\n")
    nan = [np.nan] * 3
    np.testing.assert_array_equal(raw.joints[0, :, 0], [[1, 2, 3], nan, nan, nan, [4, 5, 6]])
    assert (raw.names, raw.confidence, raw.first) == (("p",), None, 3)
    assert "left out: box" in raw.notes[0]


@pytest.mark.parametrize("path", ["labeled-data/{}/img{}.png", "labeled-data,{},img{}.png"])
def test_labelled_images_are_recordings_by_folder(path: str) -> None:
    keys = path.count(",") + 1
    text = "\n".join(",".join([h, *[""] * (keys - 1), *c]) for h, c in
                     [("scorer", "ss"), ("bodyparts", "pp"), ("coords", "xy")])  # fmt: skip
    rows = [f"{path.format('v1', number)},{number},5" for number in (7, 8, 10)] + [f"{path.format('v2', '03')},1,2"]
    first, second = read("x.csv", "\n".join([text, *rows]))
    np.testing.assert_array_equal(first.joints[0, :, 0, 0], [7, 8, np.nan, 10])
    assert second.joints.shape == (1, 1, 1, 2)
    with pytest.raises(RecordingError, match="single labelled images"):
        read("x.csv", "\n".join([text, rows[0], f"{path.format('v1', 500)},1,2"]))


GOOD = "scorer,s,s,s\nbodyparts,p,p,p\ncoords,x,y,likelihood\n0,1,2,1\n1,1,2,1\n"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("bodyparts,p,p,p\n", "", "header lines are scorer, coords"),
        ("coords,x,y,likelihood", "coords,x,y,z,likelihood", "header lines differ"),
        ("coords,x,y,likelihood", "coords,x,x,likelihood", "the column p x occurs twice"),
        ("coords,x,y,likelihood", "coords,x,likelihood,u", "a column of 'p' is called 'u'"),
        ("coords,x,y,likelihood", "coords,x,z,likelihood", "there is no column p y"),
        ("1,1,2,1", "1,1,2", "x.csv, line 5: expected 3 entries, found 2"),
        ("1,1,2,1", "1,a,2,1", "x.csv, line 5: 'a' is not a number"),
        ("1,1,2,1", "0,1,2,1", "x.csv, line 5: frame 0 occurs in line 4 too"),
        ("1,1,2,1", "0.5,1,2,1", "x.csv, line 5: 0.5 is not a frame number"),
        ("1,1,2,1", "-1,1,2,1", "x.csv, line 5: -1 is not a frame number"),
        ("1,1,2,1", "2000000,1,2,1", "there are 2 frames between number 0 and number 2e"),
        ("0,1,2,1\n1,1,2,1\n", "", "no line of a frame"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, says: str) -> None:
    assert len(read("x.csv", GOOD)) == 1
    assert old in GOOD
    with pytest.raises(RecordingError, match=says):
        read("x.csv", GOOD.replace(old, new, 1))


def test_a_table_of_pytables_is_refused_with_what_to_do() -> None:
    file = h5py.File("x", "w", driver="core", backing_store=False)
    file["df_with_missing/table"] = np.zeros(3)
    file.flush()
    with pytest.raises(RecordingError, match="Export it as CSV"):
        read("x.h5", file.id.get_file_image())


def test_one_file_of_each_video_is_taken() -> None:
    names = ["a/v1DLC.csv", "a/v1DLC.h5", "a/v1DLC_filtered.csv", "a/v1DLC_filtered.h5", "b/v2.csv.gz", "b/v3.h5"]
    assert list(group_deeplabcut(names).values()) == [("a/v1DLC_filtered.csv",), ("b/v2.csv.gz",), ("b/v3.h5",)]


@pytest.mark.parametrize(
    ("names", "several"),
    [
        ("mouse1_nose mouse1_ear mouse1_tail mouse2_ear mouse2_nose mouse2_tail", True),
        ("B_Nose B_ear B_tail W_Nose W_ear W_tail", True),
        ("left_hip left_knee left_foot right_hip right_knee right_foot", False),
        ("L1_coxa L1_femur L1_tibia R1_coxa R1_femur R1_tibia", False),
        ("mouse1_nose mouse1_ear mouse2_ear mouse2_nose", False),
        ("mouse1_nose mouse1_ear mouse1_tail mouse2_ear mouse2_nose", False),
    ],
)
def test_prefixes_are_animals_where_all_have_the_same_parts(names: str, several: bool) -> None:
    assert (split_prefixes(names.split()) is not None) == several


def test_the_recorded_mice(shared_data: Path) -> None:
    content = (shared_data / "own-samples/mice-ethome/madlc_122332.csv.gz").read_bytes()
    (raw,) = read("x.csv", gzip.decompress(content))
    assert raw.joints.shape == (2, 5700, 7, 2)
    assert raw.names == ("nose", "leftear", "rightear", "neck", "lefthip", "righthip", "tail")
    assert np.nanmean(raw.joints[0, :, 0, 0]) != np.nanmean(raw.joints[1, :, 0, 0])
