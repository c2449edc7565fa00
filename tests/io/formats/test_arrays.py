"""Own recordings: every array of a known form is read as it is, and whatever is wrong is named with a remedy."""

import io
import pickle
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from psp.errors import ConfigError, LayoutError, PSPError, RecordingError
from psp.io.base import detect_format
from psp.io.format import File
from psp.io.formats.arrays import ARRAYS, parse_array_file, parse_joints, read_arrays
from psp.io.reader import open_files
from psp.skeleton.catalogue import layout_by_name

open_arrays = partial(open_files, ARRAYS)
WALK = np.random.default_rng(0).normal(size=(5, 17, 3))


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def folder_of(folder: Path, *names: str, joints: np.ndarray = WALK) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(folder / name, joints)
    return folder


def infos(folder: Path, **options) -> dict[str, tuple[str | None, dict]]:
    reader = open_arrays(folder, **{"layout": "coco17"} | options)
    found = [reader.read(item).info for item in reader.items()[0]]
    labels = [None if info.label is None else reader.classes[info.label] for info in found]
    return {info.id: (label, dict(info.columns)) for info, label in zip(found, labels, strict=True)}


positions = st.one_of(st.just(0.0), st.just(float("nan")), st.floats(-1e6, 1e6))
shapes = st.tuples(st.integers(1, 2), st.integers(1, 3), st.integers(1, 4), st.sampled_from([2, 3]))


@given(shapes.flatmap(lambda shape: arrays(np.float64, shape, elements=positions)), st.booleans(), st.booleans())
def test_numbers_are_kept_zeros_are_ordinary_and_nan_is_not_observed(joints, one_person, single) -> None:
    joints = joints[:1] if one_person else joints
    given_joints = joints.astype(np.float32) if single else joints
    found, confidence = parse_joints(given_joints[0] if one_person else given_joints, "x.npy")
    observed = ~np.isnan(joints).any(axis=3)
    np.testing.assert_array_equal(confidence, observed)
    np.testing.assert_array_equal(found[observed], given_joints.astype(np.float64)[observed])
    assert not found[~observed].any()


@given(shapes, st.data())
def test_confidence_of_every_form(shape, data) -> None:
    joints = np.ones(shape)
    values = data.draw(arrays(np.float32, shape[:3], elements=st.one_of(st.just(np.nan), st.floats(0, 1, width=32))))
    form = data.draw(st.sampled_from([shape[:3], shape[1:3]] if shape[0] == 1 else [shape[:3]]))
    found, confidence = parse_joints(joints, "x.npz", values.reshape(form))
    np.testing.assert_array_equal(confidence, np.nan_to_num(values, nan=0))
    np.testing.assert_array_equal(found, joints * (confidence > 0)[..., None])


kinds = st.sampled_from(["f2", "i4", "u1", "f8", "c8", "U3"])


@given(array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=4), kinds)
def test_any_array_is_read_or_refused(shape, dtype) -> None:
    fits = len(shape) in (3, 4) and shape[-1] in (2, 3) and 0 not in shape and dtype in ("f2", "i4", "u1", "f8")
    loaded = read_arrays(npy(np.zeros(shape, dtype)), "x.npy")
    if not fits:
        with pytest.raises(RecordingError, match=r"x\.npy: .*\. (Use|Correct)"):
            parse_joints(loaded[""], "x.npy")
        return
    joints, confidence = parse_joints(loaded[""], "x.npy")
    assert joints.shape == (1,) * (4 - len(shape)) + shape
    assert confidence.all()


@given(st.data())
def test_a_spoiled_file_raises_no_other_error(data) -> None:
    file = io.BytesIO()
    np.savez(file, joints=np.ones((2, 3, 2)), confidence=np.ones((2, 3)))
    content = bytearray(data.draw(st.sampled_from([file.getvalue(), npy(np.ones((2, 3, 2)))])))
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(0, len(content)))] if data.draw(st.booleans()) else content
    with suppress(RecordingError):
        parse_array_file([File("x.npz", bytes(content))])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (npy(np.array([{"a": 1}], dtype=object)), "Python objects"),
        (pickle.dumps([1, 2]), "another format"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git-LFS pointer"),
        (b"\n<!DOCTYPE html>", "web page"),
        (b"", "another format"),
        (npy(np.full((2, 3, 2), np.inf)), "exceeds"),
        (npy(np.full((2, 3, 2), -1e300)), "exceeds"),
        (npy(np.zeros((2, 1663))), r"shape \(2, 1663\)"),
        (npy(np.zeros((0, 33, 3))), "the recording has no frames"),
        (npy(np.zeros((1, 0, 33, 3))), "the recording has no frames"),
    ],
)
def test_what_is_no_array_of_joints_is_told(content: bytes, says: str) -> None:
    with pytest.raises(RecordingError, match=says) as refusal:
        parse_joints(read_arrays(content, "x.npy")[""], "x.npy")
    assert refusal.value.where == "x.npy"


SHORT = np.concatenate([WALK[:3], np.zeros_like(WALK[:2])])
BOTH = np.stack([WALK, SHORT])
ARCHIVES = {
    "an array each": ({"run": WALK, "sit": WALK[:3]}, {"run": (None, {}), "sit": (None, {})}),
    "X and y": ({"X": BOTH, "y": np.array(["go", ""])}, {"0": ("go", {}), "1": (None, {})}),
    "flat": ({"data": BOTH.reshape(2, 5, 51), "labels": np.eye(3)[[2, 1]]}, {"0": ("2", {}), "1": ("1", {})}),
    "X alone": ({"X": BOTH}, {"0": (None, {}), "1": (None, {})}),
    "flat alone": ({"data": BOTH.reshape(2, 5, 51)}, {"0": (None, {}), "1": (None, {})}),
    "persons alone": ({"x": BOTH[:, None]}, {"0": (None, {}), "1": (None, {})}),
    "persons": ({"X": BOTH[:, None], "y": np.array([[4.0], [-1.0]])}, {"0": ("4", {}), "1": (None, {})}),
    "parts": (
        {"X_train": BOTH[:1], "y_train": np.array([7]), "x_test": BOTH[1:], "y_test": np.array([8])},
        {"train-0": ("7", {"part": "train"}), "test-0": ("8", {"part": "test"})},
    ),
}


@pytest.mark.parametrize("form", ARCHIVES)
def test_archives_of_several_recordings_are_read(form: str, tmp_path: Path) -> None:
    arrays, expected = ARCHIVES[form]
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    assert detect_format(tmp_path) == "arrays"
    assert infos(tmp_path) == {f"a/{id}": facts for id, facts in expected.items()}
    reader = open_arrays(tmp_path, layout="coco17")
    found = {item.id: reader.read(item).joints[0] for item in reader.items()[0]}
    for id, joints in zip(expected, (WALK, WALK[:3]), strict=True):
        np.testing.assert_allclose(found[f"a/{id}"], joints)


def test_a_label_beside_joints_is_that_of_the_recording(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", joints=WALK, label="wave")
    assert infos(tmp_path) == {"a": ("wave", {})}


def test_clips_of_an_archive_have_the_labels_of_the_table_and_of_the_folder(tmp_path: Path) -> None:
    for name in ("wave", "sit"):
        (tmp_path / name).mkdir()
        np.savez(tmp_path / name / "all.npz", a=WALK, b=WALK)
    assert {id: label for id, (label, _) in infos(tmp_path).items()} == {
        "wave/all/a": "wave", "wave/all/b": "wave", "sit/all/a": "sit", "sit/all/b": "sit",
    }  # fmt: skip
    (tmp_path / "sit/all.npz").unlink()
    (tmp_path / "clips.csv").write_text("id,label\na,go\nb,\n")
    assert {id: label for id, (label, _) in infos(tmp_path).items()} == {"a": "go", "b": None}


@pytest.mark.parametrize(
    ("named", "says"),
    [
        ({"joints": WALK[..., 0], "confidence": WALK[..., 0]}, r"shape \(5, 17\)"),
        ({"a": WALK, "fps": np.array(30)}, r"x\.npz, fps: the array has the shape \(\)"),
        ({"confidence": np.ones((5, 17))}, "there is no array of joints"),
        ({"joints": WALK, "labels": np.zeros(5)}, "is one recording, with labels beside it"),
        ({"X": WALK[None], "y": np.zeros(2)}, r"x\.npz, y: there are 2 labels for 1 recordings"),
        ({"X": WALK[None], "y": np.array([0.5])}, r"x\.npz, y: the label 0\.5 is .* a continuous value"),
        ({"X": BOTH, "y": np.array([1, np.nan])}, "1 of 2 labels are NaN .* Write -1"),
        ({"X": BOTH, "y": np.array([1, -2])}, "the label -2 is negative"),
        ({"X": BOTH, "y": np.ones((2, 3))}, r"shape \(2, 3\) are not one class for each recording"),
        ({"X": BOTH, "y": np.zeros(2, complex)}, "the labels are complex128"),
        ({"X": BOTH, "y": np.array(["a", None])}, r"x\.npz, y: the array holds Python objects.*y\.astype\(str\)"),
        ({"x_train": np.zeros((5, 3, 9, 25, 2))}, "may have persons or coordinates on its second axis"),
        ({"poses": np.tile(WALK, (50, 1, 1, 1))}, r"50 entries, which are not persons.*SLEAP.*transpose\(1, 0, 2, 3\)"),
        ({"joints": WALK, "confidence": np.ones((5, 16))}, r"shape \(5, 16\)"),
        ({"joints": WALK, "confidence": np.full((5, 17), 6.0)}, "between 0 and 1"),
        ({"joints": np.stack([WALK, WALK]), "confidence": np.ones((5, 17))}, r"\(2, 5, 17\)"),
    ],
)
def test_archives_that_do_not_fit_are_told(tmp_path: Path, named: dict[str, np.ndarray], says: str) -> None:
    np.savez(tmp_path / "x.npz", **named)
    with pytest.raises(RecordingError, match=says):
        open_arrays(tmp_path, layout="coco17")


@pytest.mark.parametrize(("joints", "count"), [(WALK, 1), (BOTH, 1), (np.tile(WALK, (41, 1, 1, 1)), 41)])
def test_more_entries_than_persons_are_recordings(tmp_path: Path, joints: np.ndarray, count: int) -> None:
    np.savez(tmp_path / "x.npz", data=joints)
    assert len(infos(tmp_path)) == count


def test_the_only_array_of_an_archive_may_have_any_name(tmp_path: Path) -> None:
    np.savez(tmp_path / "x.npz", keypoints=WALK, confidence=np.full((5, 17), 0.5))
    reader = open_arrays(tmp_path / "x.npz", layout="coco17")
    (item,) = reader.items()[0]
    recording = reader.read(item)
    assert (recording.joints == WALK).all()
    assert (recording.confidence == 0.5).all()
    assert (item.id, reader.dataset, recording.info.label) == ("x", "x", None)


@pytest.mark.parametrize(
    ("fourth", "says"), [(0.5, r"one of .*ntu25.* \(25 joints of 4 numbers\)"), (90, "a YAML file")]
)
def test_layouts_are_proposed_whose_numbers_fit(tmp_path: Path, fourth: float, says: str) -> None:
    np.save(tmp_path / "x.npy", np.tile([0.1, 0.2, 0.3, fourth], (5, 25)))
    with pytest.raises(ConfigError, match=rf"these 100 numbers.*--layout: {says}.* such as angles"):
        open_arrays(tmp_path)


@pytest.mark.parametrize("channels", [2, 3])
@pytest.mark.parametrize("score", [False, True])
def test_rows_of_numbers_are_divided_by_the_layout(tmp_path: Path, channels: int, score: bool) -> None:
    joints, confidence = 100 * WALK[..., :channels], np.abs(WALK[..., :1]) / 10
    given = np.concatenate([joints, confidence], axis=2) if score else joints
    np.save(tmp_path / "x.npy", given.reshape(5, -1))
    reader = open_arrays(tmp_path, layout="coco17")
    recording = reader.read(reader.items()[0][0])
    np.testing.assert_array_equal(recording.joints, joints[None])
    np.testing.assert_allclose(recording.confidence[0], confidence[..., 0] if score else 1, rtol=1e-6)
    assert any("as its confidence" in note for note in reader.notes) == score


def test_rows_that_no_layout_divides_are_told(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", WALK.reshape(5, -1))
    with pytest.raises(ConfigError, match=r"these 51 numbers a frame is not known.*coco17"):
        open_arrays(tmp_path)
    with pytest.raises(RecordingError, match=r"51 numbers, 25 joints \(layout 'ntu25'\) have 50 or 75"):
        open_arrays(tmp_path, layout="ntu25")


@pytest.mark.parametrize("shape", [(5, 17, 3), (1, 5, 17, 4)])
def test_a_last_number_between_0_and_1_is_a_confidence(tmp_path: Path, shape: tuple[int, ...]) -> None:
    given = np.random.default_rng(0).uniform(0, 1, shape)
    given[..., :-1] *= 640
    np.save(tmp_path / "x.npy", given)
    reader = open_arrays(tmp_path, layout="coco17")
    recording = reader.read(reader.items()[0][0])
    np.testing.assert_allclose(recording.confidence, given.reshape(1, 5, 17, -1)[..., -1], rtol=1e-6)
    assert recording.joints.shape[3] == shape[-1] - 1
    np.save(tmp_path / "x.npy", given - 0.5)
    if shape[-1] == 4:
        with pytest.raises(RecordingError, match="not a confidence"):
            open_arrays(tmp_path, layout="coco17")
    else:
        assert open_arrays(tmp_path, layout="coco17").channels == 3


def test_sub_folders_are_classes_and_ids_have_their_names(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "walk/0.npy", "run/0.npy", "run/deep/0.npy", "1.npy", ".hidden/2.npy")
    expected = {"1": (None, {}), "run/0": ("run", {}), "run/deep/0": ("run", {}), "walk/0": ("walk", {})}
    assert infos(folder) == expected
    assert list(infos(folder)) == sorted(expected)
    assert open_arrays(folder, layout="coco17").items()[1] == {"recordings without a label": 1}


@pytest.mark.parametrize("names", [("a/0.npy", "b/1.npy"), ("a/0", "b/1"), ("0.npy", "1"), ("./a/0.npy", "b\\1.npy")])
def test_a_table_gives_labels_and_columns(tmp_path: Path, names: tuple[str, str]) -> None:
    folder = folder_of(tmp_path, "a/0.npy", "b/1.npy", "b/2.npy")
    (folder / "clips.csv").write_text(f"file,label,subject\n{names[0]},jump,3\n{names[1]},,4\n")
    expected = {"a/0": ("jump", {"subject": 3}), "b/1": (None, {"subject": 4}), "b/2": (None, {})}
    assert infos(folder) == expected


def test_ids_of_a_table_name_the_clips(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "a/0.npy", "b/0.npy")
    (folder / "clips.csv").write_text("id,file,label\nlast,a/0.npy,jump\nfirst,b/0.npy,sit\n")
    assert infos(folder) == {"first": ("sit", {}), "last": ("jump", {})}
    (folder / "clips.csv").write_text("id,file,label\nb/0,a/0.npy,jump\n")
    with pytest.raises(RecordingError, match="have the same id 'b/0'"):
        infos(folder)


@pytest.mark.parametrize(
    ("line", "says"),
    [("9.npy,x", "'9.npy' names no recording"), ("0,x", "'0' names a/0 and b/0"),
     ("a/0.npy,x\na/0,x", "name the same recording a/0"), ("a/0,x\na/0,y", "contradict")],
)  # fmt: skip
def test_lines_that_do_not_fit_the_files_are_told(tmp_path: Path, line: str, says: str) -> None:
    folder = folder_of(tmp_path, "a/0.npy", "b/0.npy")
    (folder / "clips.csv").write_text(f"file,label\n{line}\n")
    with pytest.raises(RecordingError, match=says):
        infos(folder)


def test_a_change_of_facts_or_joints_changes_the_stamp(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "a.npy", "b.npy")
    stamps = []
    for table in ("file,label\na.npy,x\n", "file,label\na.npy,y\n", "file,label,age\na.npy,y,3\n"):
        (folder / "clips.csv").write_text(table)
        stamps.append({item.id: item.stamp for item in open_arrays(folder, layout="coco17").items()[0]})
    assert len({each["a"] for each in stamps[1:]}) == 2
    assert len({each["b"] for each in stamps}) == 1


def test_files_of_other_sizes_are_told(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "a.npy")
    folder_of(tmp_path, "b.npy", joints=WALK[:, :16])
    folder_of(tmp_path, "c.npy", joints=WALK[..., :2])
    reader = open_arrays(folder, layout="coco17")
    items = {item.id: item for item in reader.items()[0]}
    assert reader.read(items["a"]).joints.shape == (1, 5, 17, 3)
    with pytest.raises(RecordingError, match=r"expected 17 joints \(layout 'coco17'\), found 16"):
        reader.read(items["b"])
    with pytest.raises(RecordingError, match="2 coordinates, those of the first recording 3"):
        reader.read(items["c"])


def test_the_same_name_with_both_suffixes_is_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "a.npy")
    np.savez(folder / "a.npz", WALK)
    with pytest.raises(RecordingError, match="have the same id 'a'"):
        infos(folder)


def test_without_a_layout_those_that_fit_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"17 joints is not known.*--layout.*coco17"):
        open_arrays(folder_of(tmp_path / "a", "a.npy"))
    with pytest.raises(ConfigError, match=r"2 joints is not known\. Name it with --layout: a YAML file"):
        open_arrays(folder_of(tmp_path / "b", "b.npy", joints=WALK[:, :2]))
    with pytest.raises(LayoutError, match="Did you mean 'coco17'"):
        open_arrays(tmp_path / "a", layout="coco-17")


def test_a_layout_in_the_folder_is_used_and_what_was_derived_is_said(tmp_path: Path) -> None:
    content = {"joints": ["hip", "knee", "foot"], "edges": [["hip", "knee", "foot"]]}
    (folder_of(tmp_path, "a.npy", joints=WALK[:, :3]) / "layout.yaml").write_text(yaml.safe_dump(content))
    reader = open_arrays(tmp_path)
    assert reader.layout.joints == ("hip", "knee", "foot")
    assert any("layout.yaml" in note for note in reader.notes)
    assert any("Centre" in note for note in reader.notes)


@pytest.mark.parametrize(("channels", "up"), [(2, "-y"), (3, "y")])
def test_the_axis_that_points_up_is_said_or_given(tmp_path: Path, channels: int, up: str) -> None:
    folder = folder_of(tmp_path, "a.npy", joints=WALK[..., :channels])
    reader = open_arrays(folder, layout=layout_by_name("coco17"))
    assert reader.up == reader.read(reader.items()[0][0]).up == up
    assert any(f"taken to be {up}" in note for note in reader.notes)
    assert any("none for recordings from above" in note for note in reader.notes) == (channels == 2)
    given = open_arrays(folder, layout="coco17", up="none")
    assert given.up == "none"
    assert not any("taken to be" in note for note in given.notes)


def test_axes_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "a.npy", joints=WALK[..., :2])
    with pytest.raises(ConfigError, match="not an axis of 2 coordinates"):
        open_arrays(folder, layout="coco17", up="z")


def test_a_folder_called_like_a_benchmark_is_no_benchmark(tmp_path: Path) -> None:
    assert open_arrays(folder_of(tmp_path / "ntu60", "a.npy"), layout="coco17").dataset == "own ntu60"
    assert open_arrays(folder_of(tmp_path / "mine", "a.npy"), layout="coco17").dataset == "mine"


def test_what_is_no_source_is_told(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(b"PK")
    (tmp_path / "empty").mkdir()
    for source in (tmp_path / "x.zip", tmp_path / "empty", tmp_path / "nowhere"):
        with pytest.raises(PSPError) as refusal:
            open_arrays(source, layout="coco17")
        assert refusal.value.where == str(source)


def test_a_table_without_labels_leaves_those_of_folders(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "wave/0.npy", "sit/0.npy")
    (folder / "clips.csv").write_text("file,subject\nwave/0.npy,anna\n")
    assert infos(folder) == {"sit/0": ("sit", {}), "wave/0": ("wave", {"subject": "anna"})}
    (folder / "clips.csv").write_text("file,label\nwave/0.npy,hello\n")
    assert infos(folder) == {"sit/0": (None, {}), "wave/0": ("hello", {})}


@pytest.mark.parametrize("fps", [0, -25, float("inf"), float("nan")])
def test_impossible_frame_rates_are_refused(tmp_path: Path, fps: float) -> None:
    with pytest.raises(ConfigError, match=r"fps: .*out of range"):
        open_arrays(folder_of(tmp_path, "a.npy"), layout="coco17", fps=fps)


def test_y_points_down_in_landmarks_of_mediapipe(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, "a.npy", joints=np.ones((4, 33, 3)))
    assert open_arrays(folder, layout="mediapipe33").up == "-y"
    assert open_arrays(folder, layout="mediapipe33", up="y").up == "y"
