"""Results of Ultralytics pose models: text files of `save_txt`, one file per frame, and JSON of `to_json`.

`labels/NAME_12.txt` is frame 12 of NAME. A line is a person: class, box (4 numbers), 17 x (x, y[, confidence]), then
the confidence of the box with save_conf and the track with model.track; the number of words shows which. Coordinates
are in [0, 1] of the image, (0, 0) means not observed. JSON is a list of {name, class, confidence, box, track_id,
keypoints: {x: [], y: [], visible: []}}, in pixels, one file per frame; or a list of such lists, one file per video.
Source: ultralytics/engine/results.py, 8.4.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from psp.errors import RecordingError
from psp.io.format import File, Format, Raw
from psp.io.formats.poses import Pose, frame_of, group_frames, pose_of, recording_of, with_units
from psp.io.parse.csv_text import text_of
from psp.io.parse.json_text import REMEDY, array_of, key_paths, list_of, member, read_json, whole_number

START = 5
WORDS = {
    START + per * joints + more: (joints, per, more) for joints in (17, 21) for per in (2, 3) for more in (0, 1, 2)
}
"""By the number of words of a line: the number of joints, numbers per joint, and words after them."""

NUMBER = re.compile(rb"-?\d+(\.\d+)?(e-?\d+)?")


def recognises_text(name: str, head: bytes) -> bool:
    """Return whether the first line of a file has a known number of words, and a box in [0, 1]."""
    words = head.lstrip().partition(b"\n")[0].split()
    if len(words) not in WORDS or not all(NUMBER.fullmatch(word) for word in words):
        return False
    return words[0].isdigit() and all(0 <= float(word) <= 1 for word in words[1:START])


def group_text(names: Sequence[str]) -> dict[str, list[str]]:
    """Return the files of each video; if there are folders called labels, other files are ignored."""
    inside = [name for name in names if "labels" in name.split("/")[:-1]]
    return group_frames(name for name in inside or names if name.rpartition("/")[2] != "classes.txt")


def parse_text(files: Sequence[File]) -> list[Raw]:
    """Return the recording of the files of its frames."""
    lines = [
        (file, number, line.split()) for file in files for number, line in enumerate(text_of(file).splitlines(), 1)
    ]
    rows = [(file, f"{file.name}, line {number}", words) for file, number, words in lines if words]
    tracked = _last_is_track([words for _, _, words in rows])
    frames: dict[int, list[Pose]] = {frame_of(file.name)[1] or 0: [] for file in files}
    for file, where, words in rows:
        frames[frame_of(file.name)[1] or 0].append(_pose_of_words(words, tracked, where))
    return [recording_of(frames, files[0].name, start=1, up="-y", units="shares of the image")]


def recognises_json(name: str, head: bytes) -> bool:
    """Return whether a file is a list of persons."""
    return ("[]", "keypoints", "x") in key_paths(head)


def parse_json(files: Sequence[File]) -> list[Raw]:
    """Return the recording of the files of its frames."""
    poses = {frame_of(file.name)[1] or 0: _poses(read_json(file), file.name) for file in files}
    return [with_units(recording_of(poses, files[0].name, up="-y"))]


def recognises_video(name: str, head: bytes) -> bool:
    """Return whether a file is a list of lists of persons."""
    return ("[]", "[]", "keypoints", "x") in key_paths(head)


def parse_video(files: Sequence[File]) -> list[Raw]:
    """Return the recording of a file with all frames."""
    (file,) = files
    frames = enumerate(list_of(read_json(file), file.name))
    poses = {number: _poses(found, f"{file.name}, frame {number}") for number, found in frames}
    return [with_units(recording_of(poses, file.name, up="-y"))]


ULTRALYTICS = Format(
    "ultralytics", "Ultralytics pose labels, one .txt file per frame", (".txt",), recognises_text, parse_text,
    group_text,
)  # fmt: skip

ULTRALYTICS_JSON = Format(
    "ultralytics-json", "Ultralytics pose results, one .json file per frame", (".json",), recognises_json, parse_json,
    group_frames,
)  # fmt: skip

ULTRALYTICS_VIDEO = Format(
    "ultralytics-video", "Ultralytics pose results, one .json file per video", (".json",), recognises_video, parse_video
)  # fmt: skip


def _last_is_track(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the last words of lines are tracks: whole numbers from 1, or a second word after the points."""
    more = [WORDS[len(words)][2] for words in rows if len(words) in WORDS]
    last = {words[-1] for words in rows}
    return 2 in more or (1 in more and all(word.isdigit() and int(word) > 0 for word in last))


def _pose_of_words(words: Sequence[str], tracked: bool, where: str) -> Pose:
    if len(words) not in WORDS:
        what = f"expected one of {', '.join(map(str, sorted(WORDS)))} words, found {len(words)}."
        raise RecordingError(what, where=where, remedy="Leave out files that are not labels of a pose model.")
    joints, numbers, more = WORDS[len(words)]
    try:
        values = np.array(words, dtype=np.float64)
    except ValueError:
        raise RecordingError("a word is not a number.", where=where, remedy=REMEDY) from None
    points = values[START : START + joints * numbers].reshape(joints, numbers)
    track = whole_number(words[-1], where) if tracked and more else None
    if numbers == 3:
        return pose_of(points, track)
    return Pose(np.where(points.any(axis=1, keepdims=True), points, np.nan), None, track)


def _poses(persons: Any, where: str) -> list[Pose]:
    return [_pose_of_object(each, f"{where}, person {person}") for person, each in enumerate(list_of(persons, where))]


def _pose_of_object(person: Any, where: str) -> Pose:
    points = member(person, "keypoints", where)
    columns = [array_of(member(points, axis, f"{where}, keypoints"), f"{where}, {axis}") for axis in ("x", "y")]
    if "visible" in points:
        columns.append(array_of(points["visible"], f"{where}, visible"))
    if any(each.ndim != 1 or each.shape != columns[0].shape for each in columns) or not columns[0].size:
        raise RecordingError("x, y and visible are not lists of one length.", where=where, remedy=REMEDY)
    track = None if person.get("track_id") is None else whole_number(person["track_id"], f"{where}, track_id")
    if len(columns) == 3:
        return pose_of(np.column_stack(columns), track)
    joints = np.column_stack(columns)
    return Pose(np.where(joints.any(axis=1, keepdims=True), joints, np.nan), None, track)
