"""Landmarks of MediaPipe as JSON, as scripts write them.

A file is a frame or a list of frames, perhaps under a key such as `frames`. A frame is a list of points, a list of such
lists (persons), an object with `pose_landmarks`, `pose_world_landmarks`, `left_hand_landmarks`, `right_hand_landmarks`
or `landmarks` in either spelling, each perhaps under `landmark`, or an object of points by the names of joints. Beside
hands each may be a list of one person, as MediaPipe's tasks write them. A point is {x, y, z, visibility}; z and
visibility (or score) may be missing. null or an empty list is a frame with nobody. World landmarks are taken where
there are no hands beside them, or no other body; hands are left out then. Files of one frame each, `NAME_0012.json`,
are joined to recordings by their names.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from jaxtyping import Float64

from psp.errors import RecordingError
from psp.io.format import File, Format, Raw
from psp.io.formats.landmarks import BODY, HAND, named, numbered
from psp.io.formats.poses import Pose, frame_of, group_frames, recording_of
from psp.io.parse.json_text import REMEDY, KeyPath, key_paths, kind_name, read_json

FRAMES = ("frames", "data", "results", "poses", "sequence")
WORLD = ("poseworldlandmarks", "worldlandmarks", "keypoints3d")
IMAGE = ("poselandmarks", "landmarks", "landmark", "keypoints", "pose", "handlandmarks", "multihandlandmarks")
HANDS = ("lefthandlandmarks", "righthandlandmarks")
SCORES = ("visibility", "score", "confidence")
WITHOUT_HANDS = (
    "Hands are left out: they are in shares of the image, and the body is in metres. "
    "Save pose_landmarks too, then both are used."
)
FEWEST = 5
"""An object of at least so many points is a frame."""

MOST = 1e9
"""The largest absolute value of a coordinate."""

Points = Float64[np.ndarray, "v 4"]


def recognises_landmarks(name: str, head: bytes) -> bool:
    """Return whether a JSON file holds points with x and y under keys of landmarks, or in plain lists."""
    listed, named, keys = _points_in(head)
    marked = bool(keys & {*WORLD, *IMAGE, *HANDS, "visibility"})
    alone = any(set(path) == {"[]"} for path in listed)
    return (bool(listed) and (marked or alone)) or (len(named) >= FEWEST and "visibility" in keys)


def recognises_one_frame(name: str, head: bytes) -> bool:
    """Return whether a JSON file of landmarks is one frame: an object without a list of frames, or a list of points."""
    listed, named, _ = _points_in(head)
    frames = any((path[0] == "[]" and len(path) > 1) or _plain(path[0]) in FRAMES for path in (*listed, *named))
    return recognises_landmarks(name, head) and not frames


def parse_landmarks(files: Sequence[File]) -> list[Raw]:
    """Return the recording of a file."""
    (file,) = files
    content = read_json(file)
    frames = {number: (each, f"{file.name}, frame {number}") for number, each in enumerate(_frames_in(content))}
    return [_recording(frames, file.name, _facts(content))]


def parse_landmark_frames(files: Sequence[File]) -> list[Raw]:
    """Return the recording of files of one frame each; its facts are those that the first file states."""
    found, contents = dict[int, tuple[Any, str]](), [read_json(file) for file in files]
    for file, content in zip(files, contents, strict=True):
        frames = _frames_in(content)
        if len(frames) > 1:
            remedy = "Name the format with --format mediapipe, or leave this file out."
            raise RecordingError(f"there are {len(frames)} frames in a file of one.", where=file.name, remedy=remedy)
        found[frame_of(file.name)[1] or 0] = (frames[0] if frames else [], file.name)
    return [_recording(found, files[0].name, _facts(contents[0]))]


LANDMARKS = Format(
    "mediapipe", "landmarks of MediaPipe as JSON", (".json",), recognises_landmarks, parse_landmarks,
    reads_to_list=True,
)  # fmt: skip

LANDMARK_FRAMES = Format(
    "mediapipe-frames", "landmarks of MediaPipe as JSON, one .json file per frame", (".json",), recognises_one_frame,
    parse_landmark_frames, group_frames, reads_to_list=True,
)  # fmt: skip


def _points_in(head: bytes) -> tuple[list[KeyPath], list[KeyPath], set[str]]:
    """Return where there are points in lists and under names, by their paths, and all keys."""
    paths = key_paths(head)
    points = {path[:-1] for path in paths if path[-1] == "x" and (*path[:-1], "y") in paths}
    listed = [path for path in points if path and path[-1] == "[]"]
    named = [path for path in points if path and path[-1] != "[]"]
    return listed, named, {_plain(key) for path in paths for key in path}


def _recording(frames: Mapping[int, tuple[Any, str]], where: str, facts: Mapping[str, Any]) -> Raw:
    """Return the recording of frames by their numbers, each with its place for error messages."""
    dicts = [frame for frame, _ in frames.values() if isinstance(frame, dict)]
    filled = {_plain(key) for frame in dicts for key, value in frame.items() if value}
    in_metres = not filled.isdisjoint(WORLD) and filled.isdisjoint(IMAGE)
    with_hands = not in_metres and any(_plain(key) in HANDS for frame in dicts for key in frame)
    notes = (WITHOUT_HANDS,) if in_metres and not filled.isdisjoint(HANDS) else ()
    poses: dict[int, list[Pose]] = {}
    names: tuple[str, ...] = ()
    for number, (frame, place) in frames.items():
        people, found = _people(frame, with_hands, place)
        names = names or found
        if found and found != names:
            raise RecordingError("the joints differ from those of the frames before.", where=place, remedy=REMEDY)
        poses[number] = [Pose(each[:, :3], each[:, 3]) for each in people]
    raw = recording_of(poses, where, names=names or ("",), notes=notes, **facts)
    flat = np.isnan(raw.joints[..., 2]).all()
    raw = replace(raw, names=names, layout=None, joints=raw.joints[..., :2] if flat else raw.joints)
    raw = replace(raw, persons="bodies" if len(raw.joints) == 1 else raw.persons)
    return named(raw) if names else numbered(raw)


def _plain(key: str) -> str:
    return re.sub(r"[_\s-]", "", key).lower()


def _frames_in(content: Any) -> list[Any]:
    """Return the frames of a file."""
    if isinstance(content, dict):
        inner = next(
            (content[key] for key in content if _plain(key) in FRAMES and isinstance(content[key], list)), None
        )
        return [content] if inner is None else inner
    if isinstance(content, list):
        return [content] if _is_points(content) else content
    return [content]


def _facts(content: Any) -> dict[str, Any]:
    """Return the frame rate, the label and the size of the image, as far as the file states them."""
    if not isinstance(content, dict):
        return {}
    found: dict[str, Any] = {}
    fps, size = content.get("fps"), (content.get("width"), content.get("height"))
    if isinstance(fps, int | float) and 1 <= fps <= 1000:
        found["fps"] = float(fps)
    if all(isinstance(each, int) and 1 < each < 1e6 for each in size):
        found["size"] = size
    if isinstance(content.get("label"), str) and content["label"]:
        found["label"] = content["label"]
    return found


def _is_points(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(each, dict) and "x" in each for each in value)


def _people(frame: Any, with_hands: bool, where: str) -> tuple[list[Points], tuple[str, ...]]:
    """Return the persons of a frame and the names of their joints if it states them."""
    if not frame:
        return [], ()
    if isinstance(frame, list):
        lists = [frame] if _is_points(frame) else [_unwrapped(each) for each in frame]
        people = [_points(each, where) for each in lists if each]
        return [points for points, _ in people], next((names for _, names in people if names), ())
    if not isinstance(frame, dict):
        raise RecordingError(f"expected a frame, found {kind_name(frame)}.", where=where, remedy=REMEDY)
    of_key = {_plain(key): value for key, value in frame.items()}
    if with_hands:
        return [_with_hands(of_key, where)], ()
    inner = [of_key[key] for key in (*WORLD, *IMAGE) if of_key.get(key)]
    if inner or of_key.keys() & {*WORLD, *IMAGE, *HANDS}:
        return _people(_unwrapped(inner[0]), False, where) if inner else ([], ())
    points = {name: point for name, point in frame.items() if isinstance(point, dict) and "x" in point}
    if len(points) < FEWEST:
        raise RecordingError("there are no landmarks in this frame.", where=where, remedy=REMEDY)
    return [_points(list(points.values()), where)[0]], tuple(points)


def _unwrapped(value: Any) -> Any:
    """Return the list under `landmark` or `keypoints`, as protocol buffers and TensorFlow.js write it."""
    if isinstance(value, dict):
        return next((value[key] for key in value if _plain(key) in ("landmark", "landmarks", "keypoints")), value)
    return value


def _with_hands(of_key: Mapping[str, Any], where: str) -> Points:
    """Return body, left and right hand, each perhaps in a list of one person; one that is missing is NaN."""
    body: Any = next((of_key[key] for key in IMAGE if key in of_key), [])
    found = []
    for each, count in ((body, BODY), (of_key.get(HANDS[0]), HAND), (of_key.get(HANDS[1]), HAND)):
        value = each[0] if isinstance(each, list) and len(each) == 1 else each
        points = _points(_unwrapped(value), where)[0] if value else np.full((count, 4), np.nan)
        if len(points) != count:
            what = f"expected {count} landmarks, found {len(points)}."
            raise RecordingError(what, where=where, remedy=REMEDY)
        found.append(points)
    return np.concatenate(found)


def _points(value: Any, where: str) -> tuple[Points, tuple[str, ...]]:
    """Return x, y, z and the visibility of points, 1 where it is not stated, and their names."""
    if not _is_points(value):
        raise RecordingError(f"expected points, found {kind_name(value)}.", where=where, remedy=REMEDY)
    rows = list[list[float]]()
    for point in value:
        score = next((point[key] for key in SCORES if key in point), 1.0)
        row = [point["x"], point.get("y"), point.get("z", np.nan), score]
        wrong = [
            each for each in row if isinstance(each, bool) or not isinstance(each, int | float) or abs(each) > MOST
        ]
        if wrong:
            what = f"{kind_name(wrong[0])} in landmark {len(rows)} is not a number."
            raise RecordingError(what, where=where, remedy=REMEDY)
        rows.append(row)
    names = tuple(str(point.get("name", "")) for point in value)
    return np.array(rows, dtype=np.float64), names if all(names) and len(set(names)) == len(names) else ()
