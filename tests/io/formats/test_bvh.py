"""BVH: positions against closed forms and SciPy's rotations, and what of a file is kept."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from psp.errors import RecordingError
from psp.io.format import File, Raw
from psp.io.formats.bvh import about, parse_bvh

SIX = "Xposition Yposition Zposition Zrotation Yrotation Xrotation"


def read(text: str) -> Raw:
    (raw,) = parse_bvh([File("x.bvh", text.encode())])
    return raw


def chain(names: str, *, channels: str = "CHANNELS 3 Zrotation Yrotation Xrotation", motion: str) -> str:
    """Return a file of one chain, each joint a unit along x from its parent; the root has six channels."""
    first, *others = names.split()
    text = [f"HIERARCHY ROOT {first} {{ OFFSET 0 0 0\nCHANNELS 6 {SIX}"]
    text += [f"JOINT {name}\n{{\nOFFSET 1 0 0\n{channels}" for name in others]
    text = [line.replace("HIERARCHY ", "HIERARCHY\n").replace("{ OFFSET", "{\nOFFSET") for line in text]
    rows = motion.split("|")
    text += ["End Site\n{\nOFFSET 9 9 9\n}", *"}" * len(names.split())]
    return "\n".join([*text, "MOTION", f"Frames: {len(rows)}", "Frame Time: 0.008333", *rows])


@given(st.integers(0, 2), st.floats(-720, 720))
def test_rotations_are_those_of_scipy(axis: int, degrees: float) -> None:
    expected = Rotation.from_euler("xyz"[axis], degrees, degrees=True).as_matrix()
    np.testing.assert_allclose(about(axis, np.radians([degrees]))[0], expected, atol=1e-12)


def test_a_bent_finger() -> None:
    raw = read(chain("wrist base tip", motion="5 6 7 90 0 0 0 0 0 0 0 0|0 0 0 0 0 0 90 0 0 45 0 0"))
    expected = [[[5, 6, 7], [5, 7, 7], [5, 8, 7]], [[0, 0, 0], [1, 0, 0], [1, 1, 0]]]
    np.testing.assert_allclose(raw.joints[0], expected, atol=1e-12)
    assert raw.names == ("wrist", "base", "tip")
    assert raw.edges == (("base", "wrist"), ("tip", "base"))
    assert (raw.fps, raw.up) == (120, None)


def test_positions_of_a_joint_replace_its_offset_unless_all_are_zero() -> None:
    six = f"CHANNELS 6 {SIX}"
    moved = read(chain("a b", channels=six, motion="1 0 0 0 0 0 0 3 0 0 0 0|2 0 0 0 0 0 0 4 0 0 0 0")).joints[0, :, 1]
    still = read(chain("a b", channels=six, motion="1 0 0 0 0 0 0 0 0 0 0 0|2 0 0 0 0 0 0 0 0 0 0 0")).joints[0, :, 1]
    np.testing.assert_allclose(moved, [[1, 3, 0], [2, 4, 0]])
    np.testing.assert_allclose(still, [[2, 0, 0], [3, 0, 0]])


def test_prefixes_and_a_fixed_root_are_left_out() -> None:
    motion = "0 0 0 0 0 0 0 90 0 0 0 0|0 0 0 0 0 0 0 91 0 0 0 0"
    raw = read(chain("joint_Root joint_Hips", channels=f"CHANNELS 6 {SIX}", motion=motion))
    assert (raw.names, raw.edges) == (("Hips",), ())
    np.testing.assert_allclose(raw.joints, [[[[0, 90, 0]], [[0, 91, 0]]]])
    assert "left out" in raw.notes[0]
    assert read(chain("mixamorig:Hips mixamorig:Spine", motion="0 " * 9)).names == ("Hips", "Spine")


def pair(first: str, second: str) -> str:
    """Return a file of two roots, from two files of one frame."""
    (one, motion), (two, other) = (text.split("MOTION\nFrames: 1\nFrame Time: 0.008333\n") for text in (first, second))
    return f"{one}{two.removeprefix('HIERARCHY')}MOTION\nFrames: 1\nFrame Time: 0.008333\n{motion} {other}"


def test_each_root_is_a_person() -> None:
    motions = "5 6 7 90 0 0 0 0 0", "1 2 3 0 0 0 0 0 0"
    for names in (("Ann:a Ann:b", "Ben:a Ben:b"), ("a b", "a.001 b.001"), ("a b", "a b")):
        raw = read(pair(*(chain(each, motion=motion) for each, motion in zip(names, motions, strict=True))))
        assert (raw.names, raw.edges) == (("a", "b"), (("b", "a"),))
        np.testing.assert_allclose(raw.joints, [[[[5, 6, 7], [5, 7, 7]]], [[[1, 2, 3], [2, 2, 3]]]], atol=1e-12)
    with pytest.raises(RecordingError, match="skeletons of a, box have different joints"):
        read(pair(chain("a b", motion=motions[0]), chain("box c", motion=motions[1])))


@pytest.mark.parametrize(("turn", "up"), [("0 0 0", "x"), ("90 0 0", None)])
def test_the_vertical_is_told_where_rest_pose_and_motion_agree(turn: str, up: str | None) -> None:
    assert read(chain("LeftFoot Hips Head", motion=f"0 0 0 {turn} 0 0 0 0 0 0")).up == up


GOOD = chain("a b", motion="0 0 0 0 0 0 0 0 0|" + "0 " * 9)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("Frames: 2", "Frames: 3", "the file states 3 frames and has 2, with 9 channels"),
        ("Frame Time: 0.008333", "Frame Time: 0", "does not state the number of frames"),
        ("0 0 0 0 0 0 0 0 0", "0 0 0 0 0 0 0 0", r"line 18: expected 9 entries, found 8"),
        ("0 0 0 0 0 0 0 0 0", "0 0 x 0 0 0 0 0 0", "line 18: 'x' is not a number"),
        ("0 0 0 0 0 0 0 0 0", "0 0 nan 0 0 0 0 0 0", "line 18: a channel is not finite"),
        ("CHANNELS 3", "CHANNELS 4", r"line 8: '4 Zrotation Yrotation Xrotation' are not channels"),
        ("Yrotation Xrotation\nEnd", "Zrotation Xrotation\nEnd", "line 8: .* are not channels"),
        ("MOTION\n", "", "not expected here"),
        ("JOINT b", "ROOT b", "line 5: 'ROOT b' is not expected here"),
        ("JOINT b", "JOINT a", "two joints 'a'"),
        ("OFFSET 1 0 0\n", "", "'b' has no OFFSET"),
        ("}\nMOTION", "MOTION", "not closed"),
    ],
)
def test_what_is_wrong_is_named(old: str, new: str, says: str) -> None:
    assert read(GOOD).joints.shape == (1, 2, 2, 3)
    assert old in GOOD
    with pytest.raises(RecordingError, match=says):
        read(GOOD.replace(old, new, 1))


@pytest.mark.parametrize(
    ("name", "frames", "fps", "joints", "left"),
    [("free", 69, 30.0, 55, "LeftToeBase"), ("mocapbank", 455, 30.0, 19, "LeftAnkle")],
)
def test_real_recordings(name: str, frames: int, fps: float, joints: int, left: str, shared_data: Path) -> None:
    (path,) = (shared_data / "own-samples/bvh").glob(f"*{name}*.bvh")
    raw = read(path.read_text())
    assert raw.joints.shape == (1, frames, joints, 3)
    assert (raw.fps, raw.up) == (fps, "y")
    parents = dict(raw.edges)
    lengths = np.linalg.norm(
        raw.joints[0, :, [raw.names.index(child) for child in parents]]
        - raw.joints[0, :, [raw.names.index(parent) for parent in parents.values()]],
        axis=2,
    )
    np.testing.assert_allclose(lengths, lengths[:, :1] * np.ones(frames), atol=1e-9)
    height = raw.joints[0, :, :, 1]
    assert (height[:, raw.names.index("Head")] > height[:, raw.names.index(left)]).mean() > 0.9
