"""JSON and text of pose estimators: frames, persons, joints and units are those of the files; the rest is asked for."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from format_examples import example_of
from psp.errors import ConfigError, RecordingError
from psp.io.base import FORMATS, open_reader
from psp.io.format import File, Raw
from psp.io.formats.alphapose import parse_alphapose
from psp.io.formats.azure import parse_azure
from psp.io.formats.coco import parse_coco
from psp.io.formats.mmpose import parse_video
from psp.io.formats.openpose import parse_openpose
from psp.io.formats.poses import Pose, frame_of, group_frames, recording_of
from psp.io.formats.ultralytics import parse_text
from psp.io.joints import find_layout
from psp.io.parse.json_text import key_paths
from psp.skeleton.catalogue import layout_by_name

MINE = (
    "pyskl", "ctrgcn", "stgcn", "kinetics-skeleton", "azure-kinect", "openpose", "mmpose", "mmpose-images",
    "ultralytics", "ultralytics-json", "ultralytics-video", "coco", "alphapose",
)  # fmt: skip


def json_file(name: str, content: object) -> File:
    return File(name, json.dumps(content).encode())


def frame(number: int, *people: dict[str, Any], name: str = "a") -> File:
    return json_file(f"{name}_{number:012}_keypoints.json", {"version": 1.3, "people": list(people)})


def body(points: int, value: float = 0.0, key: str = "pose_keypoints_2d", width: int = 3) -> dict[str, Any]:
    """Return a person whose coordinates are value, value + 1, ... with the confidence 0.5."""
    rows = value + np.arange(points * width).reshape(points, width)
    rows[:, -1] = 0.5
    return {key: rows.ravel().tolist()}


@pytest.mark.parametrize("name", MINE)
def test_no_other_format_claims_a_file(name: str) -> None:
    for file, content in example_of(name, np.random.default_rng(0)).files.items():
        claims = [
            each.name for each in FORMATS if file.endswith(each.suffixes) and each.recognises(file, content[:65536])
        ]
        assert [claim for claim in claims if claim != "arrays"] == ([] if "label.pkl" in file else [name])


words = st.text(alphabet="ab :,{}[]é", max_size=4)
values = st.recursive(
    st.one_of(st.integers(), words, st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=8,
)


def paths_of(value: Any, above: tuple[str, ...] = ()) -> set[tuple[str, ...]]:
    if isinstance(value, list):
        return {path for each in value for path in paths_of(each, (*above, "[]"))}
    if isinstance(value, dict):
        keys = {(*above, key) for key in value}
        return keys | {path for key, each in value.items() for path in paths_of(each, (*above, key))}
    return set()


@given(values)
@example({"[]": None, "": [{"[]": 1}]})
def test_keys_of_json_are_those_of_its_objects(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False).encode()
    assert key_paths(text) == paths_of(value)
    assert key_paths(text[: len(text) // 2]) <= paths_of(value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a_000000000012_keypoints.json", ("a", 12)),
        ("wave/anna_000000000012_keypoints.json", ("wave/anna", 12)),
        ("anna/anna_000000000012_keypoints.json", ("anna", 12)),
        ("wave/anna/000000000012_keypoints.json", ("wave/anna", 12)),
        ("wave/cam2_take3_7_keypoints.json", ("wave/cam2_take3", 7)),
        ("runs/labels/gym_7.txt", ("runs/gym", 7)),
        ("7.jpg", ("frames", 7)),
        ("wave/one_keypoints.json", ("wave/one", None)),
    ],
)
def test_names_tell_recordings_and_frames(name: str, expected: tuple[str, int | None]) -> None:
    assert frame_of(name) == expected


def test_frames_are_in_the_order_of_their_numbers_and_unique() -> None:
    assert group_frames(["a_10.json", "a_9.json", "b.json"]) == {"a": ["a_9.json", "a_10.json"], "b": ["b.json"]}
    with pytest.raises(RecordingError, match=r"a_01\.json and a_1\.json are the same frame of 'a'"):
        group_frames(["a_01.json", "a_1.json"])


@pytest.mark.parametrize("first", [0, 1, 500])
def test_missing_frames_have_nobody_wherever_counting_begins(first: int) -> None:
    (raw,) = parse_openpose([frame(first, body(25)), frame(first + 1), frame(first + 4, body(25, 7), body(25, 9))])
    assert (raw.joints.shape, raw.first) == ((2, 5, 25, 2), 500 if first == 500 else 0)
    assert np.isnan(raw.joints[:, 1:4]).all()
    assert np.isnan(raw.joints[1, 0]).all()
    np.testing.assert_array_equal(raw.joints[:, 4, 0], [[7, 8], [9, 10]])


def test_frames_far_apart_are_refused_before_memory_is_taken() -> None:
    with pytest.raises(RecordingError, match=r"2 frames between number 0 and number 1000000"):
        parse_openpose([frame(0, body(25)), frame(10**6, body(25))])
    (raw,) = parse_openpose([frame(5 * n, body(25)) for n in range(10)])
    assert raw.joints.shape[1] == 10
    assert "steps of 5: intervals in frames and --fps count only these frames" in raw.notes[0]


@pytest.mark.parametrize(
    ("numbers", "start", "first"),
    [
        (range(9), 0, 0), (range(1, 9), 0, 0), (range(1, 9), 1, 0), (range(301, 309), 0, 301),
        (range(301, 309), 1, 300), (range(100, 140, 5), 0, 20), (range(101, 141, 5), 1, 20), (range(3, 60, 5), 0, 0),
        (range(10**10, 10**10 + 9), 0, 0),
    ],
)  # fmt: skip
def test_the_first_frame_is_counted_as_those_of_the_file(numbers: range, start: int, first: int) -> None:
    raw = recording_of({number: [Pose(np.full((17, 2), float(number)))] for number in numbers}, "x.json", start=start)
    assert (raw.first, raw.joints.shape[1]) == (first, len(numbers))
    np.testing.assert_array_equal(raw.joints[0, :, 0, 0], numbers)


@pytest.mark.parametrize(("step", "fps"), [(1, 30), (2, 15)])
def test_the_rate_of_azure_is_that_of_the_frames_that_there_are(step: int, fps: float) -> None:
    bodies = [{"body_id": 1, "joint_positions": np.ones((32, 3)).tolist()}]
    numbers = range(0, 40 * step, step)
    frames = [{"frame_id": each, "timestamp_usec": round(each * 1e6 / 30), "bodies": bodies} for each in numbers]
    (raw,) = parse_azure([json_file("x.json", {"frames": frames})])
    assert (raw.fps, raw.joints.shape[1]) == (fps, 40)
    assert ["steps of 2: intervals in frames and the frame rate" in note for note in raw.notes] == [True] * (step > 1)


@pytest.mark.parametrize(
    ("points", "key", "width", "layout"),
    [
        (25, "pose_keypoints_2d", 3, "openpose25"), (18, "pose_keypoints", 3, "coco18"), (17, "joints", 3, "coco17"),
        (25, "pose_keypoints_3d", 4, "openpose25"), (18, "pose_keypoints_3d", 4, "coco18"),
    ],
)  # fmt: skip
def test_numbers_of_joints_tell_the_model_of_openpose(points: int, key: str, width: int, layout: str) -> None:
    (raw,) = parse_openpose([frame(0, body(points, 3, key, width))])
    assert (raw.layout, raw.joints.shape[3], raw.up, raw.persons) == (layout, width - 1, "-y", "detections")


def test_mpi_and_two_hands_are_layouts_of_their_own() -> None:
    (raw,) = parse_openpose([frame(0, body(15))])
    layout = find_layout(raw, None, None, "mine").layout
    assert (layout.joints[-1], len(layout.joints)) == ("chest", 15)
    assert layout.mirror_pairs
    left, right = body(21, 5, "hand_left_keypoints_2d"), body(21, 900, "hand_right_keypoints_2d")
    (raw,) = parse_openpose([frame(0, left | {"pose_keypoints_2d": []}), frame(1, left | right)])
    assert find_layout(raw, None, None, "mine").layout.name == "hands42"
    assert np.isnan(raw.joints[0, 0, 21:]).all()
    assert raw.joints[0, 1, 21, 0] == 900
    (raw,) = parse_openpose([frame(0, left | body(25))])
    assert raw.layout == "openpose25"


@pytest.mark.parametrize(
    ("low", "high", "units"), [(0, 1, "shares of the image"), (-1, 1, "shares of the image"), (0, 500, "pixels")]
)
def test_the_range_tells_the_units_of_openpose(low: float, high: float, units: str) -> None:
    points = np.random.default_rng(0).uniform(low, high, (25, 3))
    points[:, 2] = 0.5
    points[3] = 0
    (raw,) = parse_openpose([frame(0, {"pose_keypoints_2d": points.ravel().tolist()})])
    expected = points[:, :2] if low == 0 else (points[:, :2] + 1) / 2
    assert raw.units == units
    assert np.isnan(raw.joints[0, 0, 3]).all()
    np.testing.assert_allclose(np.delete(raw.joints[0, 0], 3, axis=0), np.delete(expected, 3, axis=0))


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ([frame(0, body(25)), frame(1, body(18))], r"18 joints of 2 coordinates, poses before it have 25"),
        ([frame(0, {"pose_keypoints_2d": [1, 2, 3, 4]})], r"person 0, .*: expected a multiple of 3 numbers, found 4"),
        ([frame(0, {"pose_keypoints_2d": ["1", 2, 3]})], r"pose_keypoints_2d: an entry is not a number"),
        ([frame(0), frame(1)], r"there is no person in 2 frames"),
        ([File("a_0_keypoints.json", b'{"people": [')], r"line 1: the file is cut off"),
        ([File("a_0_keypoints.json", b"version https://git-lfs.github.com/spec/v1")], r"a Git-LFS pointer"),
        ([json_file("a_0_keypoints.json", {"people": {}})], r"expected a list, found an object"),
    ],
)
def test_what_is_wrong_with_a_frame_is_named(files: Sequence[File], message: str) -> None:
    with pytest.raises(RecordingError, match=message):
        parse_openpose(files)


def coco(**changes: Any) -> dict[str, Any]:
    """Return annotations of one person in frames 3, 1, 2 of a video with three joints."""
    numbers = (3, 1, 2)
    return {
        "images": [{"id": n, "file_name": f"clip_{number:06}.jpg"} for n, number in enumerate(numbers)],
        "annotations": [
            {"image_id": n, "category_id": 7, "keypoints": [number, 1, 2, 5, 6, 1, 0, 0, 0]}
            for n, number in enumerate(numbers)
        ],
        "categories": [{"id": 7, "keypoints": ["nose", "neck", "tail"], "skeleton": [[1, 2], [2, 3]]}],
    } | changes


def test_coco_frames_are_ordered_by_name_and_its_skeleton_counts_from_1() -> None:
    (raw,) = parse_coco([json_file("x.json", coco())])
    np.testing.assert_array_equal(raw.joints[0, :, 0, 0], [1, 2, 3])
    np.testing.assert_array_equal(raw.confidence[0, 0], [1, 1, 0])
    assert np.isnan(raw.joints[0, :, 2]).all()
    assert raw.edges == (("nose", "neck"), ("neck", "tail"))
    assert (raw.names, raw.notes) == (("nose", "neck", "tail"), ())
    category = {"id": 7, "keypoints": ["nose", "neck", "tail"], "skeleton": [[0, 1], [1, 2]]}
    (raw,) = parse_coco([json_file("x.json", coco(categories=[category]))])
    assert raw.edges == (("nose", "neck"), ("neck", "tail"))
    assert "from 0" in raw.notes[0]


def test_videos_and_frame_ids_of_coco_count_before_names() -> None:
    images = [{"id": n, "file_name": "x.jpg", "video_id": n % 2, "frame_id": 10 - n} for n in range(3)]
    content = coco(images=images, videos=[{"id": 0, "name": "run"}, {"id": 1, "name": "walk"}])
    run, walk = parse_coco([json_file("x.json", content)])
    assert (run.id, walk.id) == ("run", "walk")
    np.testing.assert_array_equal(run.joints[0, :, 0, 0], [2, np.nan, 3])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": []}, r"entry 0 of annotations: there is no image 0"),
        ({"annotations": [{"image_id": 0, "bbox": [1, 2, 3, 4]}]}, r"no annotation has key points"),
        ({"categories": [{"id": 7, "keypoints": ["a", "b", "c"], "skeleton": [[1, 4]]}]}, r"not connect two of the 3"),
        ({"categories": 3}, r"x\.json, categories: expected a list, found the number 3"),
    ],
)
def test_what_is_wrong_with_annotations_is_named(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(RecordingError, match=message):
        parse_coco([json_file("x.json", coco(**changes))])


def test_real_results_of_alphapose_are_read_and_what_is_no_json_is_named(shared_data: Path) -> None:
    name = shared_data / "own-samples" / "alphapose" / "alphapose_sample.json"
    with pytest.raises(RecordingError, match=r"line 164: this is not JSON"):
        parse_alphapose([File("x.json", name.read_bytes())])
    first = (
        name.read_text().rpartition('"images/bonn_mpii_test_5sec/24621_mpii/00000104.jpg"')[0].rstrip().rstrip(",")
        + "}"
    )
    (raw,) = parse_alphapose([File("x.json", first.encode())])
    (persons,) = json.loads(first).values()
    expected = np.array([person["keypoints"] for person in persons]).reshape(len(persons), -1, 3)
    np.testing.assert_array_equal(raw.joints[:, 0], expected[:, :, :2])
    np.testing.assert_array_equal(raw.confidence[:, 0], expected[:, :, 2])
    with pytest.raises(ConfigError, match=rf"these {expected.shape[1]} joints is not known.*--layout"):
        find_layout(raw, None, None, "mine")


@pytest.mark.parametrize(("key", "people"), [("pose_keypoints_2d", "people"), ("joints", "bodies")])
def test_other_forms_of_alphapose_are_objects_by_image(key: str, people: str) -> None:
    content = {f"{n}.jpg": {"version": "AlphaPose v0.3", people: [body(18, n + 1, key)]} for n in (0, 1, 3)}
    (raw,) = parse_alphapose([json_file("x.json", content)])
    assert (raw.layout, raw.joints.shape) == ("coco18", (1, 4, 18, 2))
    np.testing.assert_array_equal(raw.joints[0, :, 0, 0], [1, 2, np.nan, 4])


def test_images_of_several_videos_are_several_recordings() -> None:
    persons = [
        {"image_id": f"{name}_{n}.jpg", "keypoints": body(17)["pose_keypoints_2d"]} for name in "ab" for n in range(3)
    ]
    raws = parse_alphapose([json_file("x.json", persons)])
    assert [(raw.id, raw.joints.shape[1]) for raw in raws] == [("a", 3), ("b", 3)]


@pytest.mark.parametrize("idx", [0.0, [0.0], [[0.0], [0.0]], [], None])
def test_without_tracking_persons_of_alphapose_are_detections(idx: Any) -> None:
    persons = [
        {"image_id": f"{n}.jpg", "keypoints": body(17, value)["pose_keypoints_2d"], "idx": idx}
        for n in range(3)
        for value in (5, 900)
    ]
    (raw,) = parse_alphapose([json_file("x.json", persons)])
    assert (raw.persons, raw.joints.shape) == ("detections", (2, 3, 17, 2))
    np.testing.assert_array_equal(raw.joints[:, :, 0, 0], [[5] * 3, [900] * 3])


@pytest.mark.parametrize("is_repeated", [False, True])
def test_tracks_of_alphapose_differ_in_each_image(is_repeated: bool) -> None:
    persons = [
        {"image_id": f"{n}.jpg", "keypoints": body(17, track)["pose_keypoints_2d"], "idx": [[float(track)]]}
        for n, track in ((0, 7), (0, 9), (1, 9), (1, 7), *([(2, 7)] * 2 if is_repeated else []))
    ]
    (raw,) = parse_alphapose([json_file("x.json", persons)])
    assert raw.persons == ("detections" if is_repeated else "bodies")
    np.testing.assert_array_equal(raw.joints[:, 1, 0, 0], [9, 7] if is_repeated else [7, 9])


def video(points: int, channels: int, **facts: Any) -> list[dict[str, Any]]:
    one = {"keypoints": np.full((points, channels), 7.0).tolist(), "keypoint_scores": [0.5] * points, **facts}
    return [{"frame_id": n, "instances": [one]} for n in range(3)]


@pytest.mark.parametrize(
    ("points", "channels", "layout", "up"),
    [(133, 2, "coco17", "-y"), (26, 2, "halpe26", "-y"), (136, 2, "halpe26", "-y"), (17, 3, "h36m17", "z")],
)
def test_numbers_of_joints_tell_the_model_of_mmpose(points: int, channels: int, layout: str, up: str) -> None:
    (raw,) = parse_video([json_file("x.json", video(points, channels))])
    assert (raw.layout, raw.up, raw.joints.shape[2]) == (layout, up, len(layout_by_name(layout).joints))
    assert any(f"of {points} points" in note for note in raw.notes) == (points > 100)


def test_tracks_of_mmpose_are_bodies_and_repeated_ones_are_refused() -> None:
    (raw,) = parse_video([json_file("x.json", video(17, 2, track_id=4))])
    assert raw.persons == "bodies"
    frames = video(17, 2, track_id=4)
    frames[1]["instances"] *= 2
    with pytest.raises(RecordingError, match=r"frame 1: person 4 occurs twice"):
        parse_video([json_file("x.json", frames)])


@pytest.mark.parametrize(
    ("more", "persons", "confidence"),
    [((), "detections", 1), ((0.75,), "detections", 1), ((3,), "bodies", 1), ((0.75, 3), "bodies", 1)],
)
def test_the_number_of_words_tells_what_a_line_of_ultralytics_has(
    more: tuple[float, ...], persons: str, confidence: int
) -> None:
    line = " ".join(map(str, (0, 0.5, 0.5, 0.1, 0.2, *np.full(32, 0.25), 0, 0, *more)))
    (raw,) = parse_text([File("labels/a_1.txt", line.encode()), File("labels/a_2.txt", line.encode())])
    assert (raw.persons, raw.joints.shape, raw.units) == (persons, (1, 2, 17, 2), "shares of the image")
    assert np.isnan(raw.joints[0, :, 16]).all()
    assert (raw.confidence[0, :, :16] == confidence).all()
    with pytest.raises(RecordingError, match=r"a_1\.txt, line 1: expected one of .* words"):
        parse_text([File("labels/a_1.txt", line.encode() + b" 1 1 1")])


def test_frames_of_ultralytics_count_from_1() -> None:
    line = " ".join(map(str, (0, 0.5, 0.5, 0.1, 0.2, *np.full(34, 0.25)))).encode()
    firsts = [parse_text([File(f"labels/a_{n}.txt", line)])[0].first for n in (0, 1, 2, 301)]
    assert firsts == [0, 0, 1, 300]


def test_too_many_tracks_are_followed_anew() -> None:
    frames = {n: [Pose(np.full((17, 2), 5.0), track=n)] for n in range(1500)}
    raw = recording_of(frames, "x.json")
    assert raw.joints.shape == (1, 1500, 17, 2)
    assert (raw.persons, "tracked anew" in raw.notes[0]) == ("detections", True)


COUNTS = {(17, 2): "coco17", (18, 2): "coco18", (21, 2): "hand21", (25, 2): "openpose25", (26, 2): "halpe26"}
COUNTS |= {(33, 2): "mediapipe33", (133, 2): "coco17", (136, 2): "halpe26", (25, 3): "ntu25", (21, 3): "hand21"}


@pytest.mark.parametrize("count", [15, 17, 18, 20, 21, 24, 25, 26, 32, 33, 133, 136])
@pytest.mark.parametrize("channels", [2, 3])
def test_every_number_of_joints_is_decided_or_asked_for(count: int, channels: int) -> None:
    raw = recording_of({0: [Pose(np.ones((count, channels)))]}, "x.json")
    expected = COUNTS.get((count, channels)) or ("mediapipe33" if count == 33 else None)
    if expected is not None:
        assert find_layout(raw, None, None, "mine").layout.name == expected
        return
    with pytest.raises(ConfigError, match=rf"these {count} joints is not known\. Name it with --layout: .*a YAML file"):
        find_layout(raw, None, None, "mine")


def test_a_layout_of_as_many_joints_may_be_given(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(video(17, 2)))
    reader = open_reader(tmp_path, layout="ap10k")
    recording = reader.read(reader.items()[0][0])
    assert reader.layout.name == "ap10k"
    assert (recording.joints == 7).all()
    assert isinstance(parse_video([File("a.json", (tmp_path / "a.json").read_bytes())])[0], Raw)
