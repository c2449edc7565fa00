"""Landmarks of MediaPipe: rows of every width, JSON in the forms of scripts, and trees of frames."""

import json
from pathlib import Path

import numpy as np
import pytest

from psp.errors import RecordingError
from psp.io.base import detect_format
from psp.io.format import File, Raw
from psp.io.formats.arrays import ARRAYS
from psp.io.formats.landmarks import LANDMARKS_IN_A_FILE, landmarks_of_rows
from psp.io.formats.mediapipe import MP_DATA, parse_frames
from psp.io.formats.mediapipe_json import parse_landmark_frames, parse_landmarks, recognises_landmarks
from psp.io.reader import open_files

LAYOUTS = {1662: "holistic75", 258: "holistic75", 225: "holistic75", 132: "mediapipe33", 126: "hands42", 63: "hand21"}


@pytest.mark.parametrize(("width", "layout"), LAYOUTS.items())
def test_rows_of_each_width(width: int, layout: str) -> None:
    rows = np.random.default_rng(0).uniform(0.1, 1, (3, width))
    raw = landmarks_of_rows(rows)
    assert raw.layout == layout
    assert width in LANDMARKS_IN_A_FILE
    if width > 63:  # the last block is the right hand, or the body
        last = rows[:, -63:].reshape(3, 21, 3) if width != 132 else rows.reshape(3, 33, 4)[:, -21:, :3]
        np.testing.assert_array_equal(raw.joints[0, :, -21:], last)
    if width in (1662, 258, 132):
        np.testing.assert_array_equal(raw.joints[0, :, 1], rows[:, 4:7])
        assert raw.confidence is not None
        np.testing.assert_array_equal(raw.confidence[0, :, 1], rows[:, 7])


def test_rows_of_a_sequence_in_one_array(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.random.default_rng(0).uniform(0, 1, (5, 1662)))
    reader = open_files(ARRAYS, tmp_path)
    assert (reader.layout.name, detect_format(tmp_path)) == ("holistic75", "arrays")


def points(count: int) -> list[dict[str, float]]:
    draw = np.random.default_rng(count)
    return [{"x": x, "y": y, "z": z, "visibility": 0.5} for x, y, z in draw.uniform(0, 1, (count, 3)).tolist()]


def parsed(content: object) -> Raw:
    text = json.dumps(content).encode()
    assert recognises_landmarks("x.json", text)
    (raw,) = parse_landmarks([File("x.json", text)])
    return raw


FORMS = {
    "one frame": points(33),
    "frames": [points(33), [], points(33)],
    "persons": [[points(33)], [points(33)]],
    "tasks": [{"landmarks": [points(33)], "worldLandmarks": []}] * 2,
    "protocol buffers": [{"pose_landmarks": {"landmark": points(33)}}],
    "under frames": {"fps": 25, "frames": [{"frame": 0, "landmarks": points(33)}]},
    "names": [dict(zip([f"joint {n}" for n in range(33)], points(33), strict=True))],
}


@pytest.mark.parametrize("form", FORMS)
def test_forms_of_json(form: str) -> None:
    raw = parsed(FORMS[form])
    expected = [[point[axis] for axis in "xyz"] for point in points(33)]
    np.testing.assert_array_equal(raw.joints[0, 0], expected)
    assert raw.layout == ("mediapipe33" if form != "names" else None)
    assert raw.confidence is not None
    assert raw.confidence[0, 0, 0] == 0.5


def test_world_landmarks_are_taken_where_there_are_no_hands() -> None:
    world = [point | {"x": point["x"] - 0.5} for point in points(33)]
    world[23] |= {"x": 0.1, "y": 0.0, "z": 0.0}
    world[24] |= {"x": -0.1, "y": 0.0, "z": 0.0}
    frame = {"poseLandmarks": points(33), "poseWorldLandmarks": world}
    assert parsed([frame]).units == "metres"
    raw = parsed([{**frame, "right_hand_landmarks": points(21), "left_hand_landmarks": None}])
    assert (raw.layout, raw.units) == ("holistic75", "shares of the image")
    assert np.isnan(raw.joints[0, 0, 33:54]).all()


def test_a_body_in_metres_alone_is_used_without_hands() -> None:
    world = [point | {"x": point["x"] - 0.5} for point in points(33)]
    frame = {"pose_world_landmarks": world, "left_hand_landmarks": points(21), "right_hand_landmarks": []}
    raw = parsed([frame, {"left_hand_landmarks": points(21)}, {**frame, "pose_landmarks": None}])
    assert raw.layout == "mediapipe33"
    assert np.isfinite(raw.joints[0, :, :, 0]).all(axis=1).tolist() == [True, False, True]
    assert raw.notes[0].startswith("Hands are left out")
    assert not parsed([{**frame, "left_hand_landmarks": []}]).notes


def test_tasks_in_a_browser_write_lists_of_one_person_beside_hands() -> None:
    frame = {"poseLandmarks": [points(33)], "leftHandLandmarks": [points(21)], "rightHandLandmarks": []}
    raw = parsed([frame, {**frame, "poseLandmarks": [[]]}])
    assert raw.layout == "holistic75"
    np.testing.assert_array_equal(raw.joints[0, 0, :33], [[point[axis] for axis in "xyz"] for point in points(33)])
    np.testing.assert_array_equal(raw.joints[0, 1, 33:54], [[point[axis] for axis in "xyz"] for point in points(21)])
    assert np.isnan(raw.joints[0, :, 54:]).all()
    assert np.isnan(raw.joints[0, 1, :33]).all()


def test_the_rate_of_frames_in_steps_is_that_of_the_frames_that_there_are() -> None:
    content = json.dumps({"fps": 30, "pose_landmarks": points(33)}).encode()
    (raw,) = parse_landmark_frames([File(f"a_{number}.json", content) for number in range(300, 360, 3)])
    assert (raw.fps, raw.first, raw.joints.shape[1]) == (10, 100, 20)


def test_two_persons_are_detections() -> None:
    assert parsed([[points(33), points(33)]]).persons == "detections"
    assert parsed([{"landmarks": [points(21)], "handedness": []}]).layout == "hand21"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ([points(33), points(32)], "33"),
        ([[{"x": "far", "y": 1}]], "'far' in landmark 0 is not a number"),
        ([{"landmarks": 7}], "number 7"),
        ([[], []], "there is no person in 2 frames"),
        ([{"pose_landmarks": points(33), "left_hand_landmarks": points(20)}], "expected 21 landmarks, found 20"),
    ],
)
def test_what_is_wrong_is_told(content: object, says: str) -> None:
    with pytest.raises(RecordingError, match=says) as refusal:
        parse_landmarks([File("x.json", json.dumps(content).encode())])
    assert refusal.value.where.startswith("x.json")


@pytest.mark.parametrize(
    "content",
    [
        {"people": [{"pose_keypoints_2d": [1, 2, 3]}]},
        [{"keypoints": {"x": [1], "y": [2], "visible": [1]}}],
        {"x": 1, "y": 2},
    ],
)
def test_other_json_is_left_to_others(content: object) -> None:
    assert not recognises_landmarks("x.json", json.dumps(content).encode())


def test_frames_of_unequal_arrays_are_told(tmp_path: Path) -> None:
    for name, width in (("0", 258), ("1", 132)):
        np.save(tmp_path / f"{name}.npy", np.zeros(width))
    files = [File(f"a/{name}.npy", (tmp_path / f"{name}.npy").read_bytes()) for name in "01"]
    with pytest.raises(RecordingError, match=r"expected the shape \(258,\) as before, found \(132,\)") as refusal:
        parse_frames(files)
    assert refusal.value.where == "a/1.npy"


def test_a_tree_is_read_by_sequences_and_only_the_body_if_asked(tmp_path: Path) -> None:
    for sequence in ("hello/0", "hello/10", "bye/2"):
        (tmp_path / sequence).mkdir(parents=True)
        for frame in range(12):
            np.save(tmp_path / sequence / f"{frame}.npy", np.full(258, 0.01 * (frame + 1)))
    reader = open_files(MP_DATA, tmp_path, layout="mediapipe33")
    items = reader.items()[0]
    assert [item.id for item in items] == ["bye/2", "hello/0", "hello/10"]
    assert reader.classes == ("bye", "hello")
    recording = reader.read(items[0])
    assert recording.joints.shape == (1, 12, 33, 3)
    np.testing.assert_allclose(recording.joints[0, :, 0, 0], 0.01 * np.arange(1, 13))


@pytest.mark.parametrize(
    ("pattern", "id", "label"),
    [
        ("{}.npy", "frames", None),
        ("hello/0/{}.npy", "hello/0", "hello"),
        ("hello/0/frame_{}.npy", "hello/0", "hello"),
        ("hello/anna_{}.npy", "hello/anna", "hello"),
        ("a/img{}.npy", "a", None),
    ],
)
def test_names_of_frames(pattern: str, id: str, label: str | None, tmp_path: Path) -> None:
    for frame in range(9, 12):
        (tmp_path / pattern.format(frame)).parent.mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / pattern.format(frame), np.full(258, 0.01 * frame))
    assert detect_format(tmp_path) == "mp-data"
    reader = open_files(MP_DATA, tmp_path)
    (item,) = reader.items()[0]
    recording = reader.read(item)
    assert (item.id, recording.first, reader.classes) == (id, 9, (label,) if label else ())
    np.testing.assert_allclose(recording.joints[0, :, 0, 0], [0.09, 0.1, 0.11])


def test_names_of_two_kinds_are_read_together(tmp_path: Path) -> None:
    for name in ("hello/0/0.npy", "hello/0/frame_0.npy", "thanks/0/frame_0.npy"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(tmp_path / name, np.full(1662, 0.5))
    assert detect_format(tmp_path) == "mp-data"
    reader = open_files(MP_DATA, tmp_path)
    assert [item.id for item in reader.items()[0]] == ["hello/0", "hello/0/frame", "thanks/0"]
    assert reader.classes == ("hello", "thanks")
