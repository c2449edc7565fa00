"""Facts of a source do not depend on the file that happens to be the first."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psp.dataset.build import default_clean
from psp.errors import RecordingError
from psp.io.base import open_reader
from psp.preprocess.clean import clean
from psp.skeleton.catalogue import layout_by_name

JOINTS = ("hip", "head", "hand", "foot")


def wide(path: Path, joints: tuple[str, ...]) -> None:
    header = ",".join(f"{joint}_{part}" for joint in joints for part in "xy")
    lines = [",".join(f"{frame + JOINTS.index(joint)}" for joint in joints for _ in "xy") for frame in range(1, 6)]
    path.write_text("\n".join([header, *lines]) + "\n")


def long(path: Path, joints: tuple[str, ...]) -> None:
    lines = [f"{frame},{joint},{frame},{JOINTS.index(joint)}" for frame in range(1, 6) for joint in joints]
    path.write_text("\n".join(["frame,joint,x,y", *lines]) + "\n")


@settings(max_examples=20)
@given(st.lists(st.permutations(JOINTS).flatmap(lambda each: st.integers(2, 4).map(lambda n: tuple(each[:n]))),
                min_size=1, max_size=5), st.sampled_from([wide, long]))  # fmt: skip
def test_the_recording_with_most_joints_decides_and_others_lack_some(tmp_path_factory, given_joints, write) -> None:
    folder = tmp_path_factory.mktemp("tables")
    for number, joints in enumerate(given_joints):
        write(folder / f"{number}.csv", joints)
    reader = open_reader(folder)
    most = max(given_joints, key=len)
    assert reader.layout.joints == most
    for item, joints in zip(reader.items()[0], given_joints, strict=True):
        common = [joint in joints for joint in most]
        if 2 * sum(common) < len(most):
            with pytest.raises(RecordingError, match="there is no joint"):
                reader.read(item)
        else:
            recording = reader.read(item)
            np.testing.assert_array_equal(recording.confidence, np.broadcast_to(common, (1, 5, len(most))))
            assert recording.joints[0, 0].any(axis=1).tolist() == common


def test_what_files_and_the_layout_lack_is_said(tmp_path: Path) -> None:
    for name, joints in {"a": JOINTS[:3], "b": JOINTS, "c": JOINTS[:2]}.items():
        wide(tmp_path / f"{name}.csv", joints)
    lacking = "Joints that a file lacks were not observed: "
    assert f"{lacking}foot (2 of 3 recordings, first a.csv), hand (1 of 3 recordings, first c.csv)." in (
        open_reader(tmp_path).notes
    )
    (tmp_path / "layout.yaml").write_text("joints: [hip, head, hand]\nedges: [[hip, head, hand]]\n")
    notes = open_reader(tmp_path).notes
    assert "Joints that the layout lacks are left out: foot (1 of 3 recordings, first b.csv)." in notes
    long(tmp_path / "d.csv", JOINTS[2:])
    assert open_reader(tmp_path).notes == notes  # d.csv is refused when it is read
    (tmp_path / "layout.yaml").write_text("joints: [hip, head, haand]\nedges: [[hip, head, haand]]\n")
    with pytest.raises(RecordingError, match="no joint haand"):
        open_reader(tmp_path)


def analysis(path: Path, tracks: np.ndarray) -> None:
    with h5py.File(path, "w") as file:
        file["tracks"], file["node_names"] = tracks, np.array([b"nose", b"middle", b"tail"])
        file["edge_inds"] = np.array([[0, 1], [1, 2]])


@pytest.mark.parametrize("first", ["whole", "pieces"])
def test_pieces_of_an_animal_are_joined_and_animals_kept_in_any_order(tmp_path: Path, first: str) -> None:
    walk = np.cumsum(np.random.default_rng(0).normal(size=(2, 1, 100)), axis=2) * 0.2 + 200
    one = (walk + np.array([0, 20, 40])[:, None])[None]
    pieces = np.full((5, *one.shape[1:]), np.nan)
    for number in range(5):
        pieces[number, :, :, 20 * number : 20 * number + 20] = one[0, :, :, 20 * number : 20 * number + 20]
    three = np.concatenate([one, one + 100, one + 200])
    files = [("b", pieces, 1), ("c", three, 3)]
    for name, tracks, _ in [*files, ("a", one, 1)] if first == "whole" else files:
        analysis(tmp_path / f"{name}.h5", tracks)
    reader = open_reader(tmp_path, up="none")
    expected = {name: persons for name, _, persons in files} | {"a": 1}
    for item in reader.items()[0]:
        cleaned, *_ = clean(reader.read(item), reader.layout, default_clean(reader))
        assert cleaned.joints.shape[:2] == (expected[item.id], 100)


def standing(path: Path, turn: int) -> None:
    """Write a person whose rest pose stands along z, turned about x."""
    offsets = {"head": "0 0 60", "left_foot": "10 0 -90", "right_foot": "-10 0 -90"}
    rotations = "Zrotation Xrotation Yrotation"
    lines = ["HIERARCHY", "ROOT hips", "{", "OFFSET 0 0 0"]
    lines += [f"CHANNELS 6 Xposition Yposition Zposition {rotations}"]
    for joint, offset in offsets.items():
        lines += [f"JOINT {joint}", "{", f"OFFSET {offset}", f"CHANNELS 3 {rotations}", "}"]
    lines += ["}", "MOTION", "Frames: 5", "Frame Time: 0.033"]
    lines += [f"{frame} 0 90 0 {turn} 0{' 0' * 9}" for frame in range(5)]
    path.write_text("\n".join(lines) + "\n")


def test_the_vertical_axis_is_that_of_a_file_that_states_one(tmp_path: Path) -> None:
    for name, turn in (("a_lying", 90), ("b", 0), ("c", 0)):
        standing(tmp_path / f"{name}.bvh", turn)
    reader = open_reader(tmp_path)
    assert reader.up == "z"
    assert not any("taken to be" in note for note in reader.notes)
    for item in reader.items()[0][1:]:
        joints = reader.read(item).joints[0, 0]
        np.testing.assert_allclose(joints[1] - joints[2:].mean(axis=0), [0, 0, 150], atol=1e-9)


def test_a_table_of_mediapipe_without_hidden_landmarks_is_of_its_layout(tmp_path: Path) -> None:
    names = layout_by_name("mediapipe33").joints
    for name, joints in {"a": names[:25], "b": names}.items():
        lines = [f"{frame},{joint},{frame},1,0" for frame in range(1, 4) for joint in joints]
        (tmp_path / f"{name}.csv").write_text("\n".join(["frame,joint,x,y,z", *lines]) + "\n")
    reader = open_reader(tmp_path)
    assert reader.layout.name == "mediapipe33"
    assert reader.up == "-y"
    assert [(reader.read(item).confidence > 0).sum() for item in reader.items()[0]] == [75, 99]
