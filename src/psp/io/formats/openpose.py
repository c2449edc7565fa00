"""OpenPose's JSON, one file per frame: NAME_000000000000_keypoints.json, as its option --write_json writes them.

A file is {people: [{pose_keypoints_2d: [x, y, confidence, ...], hand_left_keypoints_2d, pose_keypoints_3d, ...}]}; the
joints are BODY_25, COCO or MPI, by their number. Without a body the joints are those of two hands. Coordinates are
pixels or, with --keypoint_scale 3 and 4, in [0, 1] or [-1, 1]; confidence 0 means not observed. The persons of a frame
are in arbitrary order. AlphaPose writes the same, and `bodies` with `joints`, in its folder sep-json. Source:
doc/02_output.md and include/openpose/pose/poseParameters.hpp of OpenPose.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np

from psp.errors import RecordingError
from psp.io.format import File, Format, Raw
from psp.io.formats.poses import BODIES, Pose, frame_of, group_frames, pose_of, recording_of, with_units
from psp.io.parse.json_text import key_paths, kind_name, list_of, members, point_rows, read_json, whole_number
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.layout import Layout

BODY = ("pose_keypoints_3d", "pose_keypoints_2d", "pose_keypoints", "joints")
HANDS = ("hand_left_keypoints_2d", "hand_right_keypoints_2d")
LAYOUTS = {**BODIES, (25, 2): ("openpose25", 25), (25, 3): ("openpose25", 25), (18, 3): ("coco18", 18)}

MPI = (
    "head", "neck", "right_shoulder", "right_elbow", "right_wrist", "left_shoulder", "left_elbow", "left_wrist",
    "right_hip", "right_knee", "right_ankle", "left_hip", "left_knee", "left_ankle", "chest",
)  # fmt: skip
MPI_EDGES = (
    (0, 1), (1, 14), (1, 2), (2, 3), (3, 4), (1, 5), (5, 6), (6, 7), (14, 8), (8, 9), (9, 10), (14, 11), (11, 12),
    (12, 13),
)  # fmt: skip


def recognises_openpose(name: str, head: bytes) -> bool:
    """Return whether a file is an object with a list of people, or of bodies with joints."""
    paths = key_paths(head)
    if ("people", "[]") in {path[:2] for path in paths}:
        return any(("people", "[]", key) in paths for key in (*BODY, *HANDS))
    nobody = ("people",) in paths and (("version",) in paths or name.lower().endswith("_keypoints.json"))
    return nobody or ("bodies", "[]", "joints") in paths


def parse_openpose(files: Sequence[File]) -> list[Raw]:
    """Return the recording of the files of its frames."""
    people = {frame_of(file.name)[1] or 0: _people(file) for file in files}
    where = files[0].name
    present = {key for found in people.values() for _, person in found for key in (*BODY, *HANDS) if person.get(key)}
    keys = next(((key,) for key in BODY if key in present), HANDS if present else BODY[1:2])
    frames = {number: [pose for each in found if (pose := _pose(*each, keys))] for number, found in people.items()}
    raw = recording_of(frames, where, LAYOUTS, up="-y", layout=two_hands() if keys == HANDS else None)
    if raw.joints.shape[2] == len(MPI):
        raw = replace(raw, names=MPI, edges=tuple((MPI[a], MPI[b]) for a, b in MPI_EDGES))
    if raw.joints.shape[3] == 3:
        note = "Three coordinates are taken to be camera coordinates with y down (--up states another axis)."
        return [replace(raw, notes=(*raw.notes, note))]
    return [with_units(raw)]


OPENPOSE = Format(
    "openpose", "OpenPose, one .json file per frame", (".json",), recognises_openpose, parse_openpose, group_frames
)  # fmt: skip


@cache
def two_hands() -> Layout:
    """Return the layout of the left and the right hand."""
    hand = layout_by_name("hand21")
    joints = [f"{side}_{joint}" for side in ("left", "right") for joint in hand.joints]
    edges = [(start + a, start + b) for start in (0, len(hand.joints)) for a, b in hand.edges]
    return Layout.from_graph("hands42", joints, edges)


def _people(file: File) -> list[tuple[str, dict[str, Any]]]:
    """Return the persons of a frame, each with its position in the file for error messages."""
    content = read_json(file)
    key = "bodies" if isinstance(content, dict) and "people" not in content and "bodies" in content else "people"
    people = members(content, key, file.name)
    for number, person in enumerate(people):
        if not isinstance(person, dict):
            what = f"expected a person, found {kind_name(person)}."
            remedy = "Correct this file or leave it out."
            raise RecordingError(what, where=f"{file.name}, person {number}", remedy=remedy)
    return [(f"{file.name}, person {number}", person) for number, person in enumerate(people)]


def _pose(where: str, person: dict[str, Any], keys: Sequence[str]) -> Pose | None:
    """Return the joints under some keys, concatenated; None if the person has none."""
    width = 4 if keys[0].endswith("3d") else 3
    points = [point_rows(list_of(person.get(key) or [], f"{where}, {key}"), width, f"{where}, {key}") for key in keys]
    if not any(each.size for each in points):
        return None
    if len(keys) > 1:
        points = [each if each.size else np.zeros((21, width)) for each in points]
        if any(len(each) != 21 for each in points):
            remedy = "Correct this file or leave it out."
            raise RecordingError("a hand does not have 21 points.", where=where, remedy=remedy)
    return pose_of(np.concatenate(points), _track(person, where))


def _track(person: dict[str, Any], where: str) -> int | None:
    """Return the number that OpenPose's tracking gave a person; None for -1 or no number, without tracking."""
    given = person.get("person_id")
    given = given[0] if isinstance(given, list) and len(given) == 1 else given
    if given is None or given == []:
        return None
    number = whole_number(given, f"{where}, person_id")
    return None if number < 0 else number
