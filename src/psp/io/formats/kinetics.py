"""Kinetics-skeleton's JSON, as the authors of ST-GCN published it: one recording per file.

A file is {data: [{frame_index, skeleton: [{pose: [x, y, ...], score: [...]}]}], label, label_index}. The 18 joints are
those of OpenPose's COCO model in shares of the image, 340 x 256 pixels in Kinetics-skeleton; a score of 0 means not
observed. The persons of a frame are in arbitrary order. Source: feeder/feeder_kinetics.py of yysijie/st-gcn.
"""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from psp.errors import RecordingError
from psp.io.format import File, Format, Raw
from psp.io.formats.poses import Pose, pose_of, recording_of, with_units
from psp.io.parse.json_text import (
    REMEDY,
    array_of,
    frames_in,
    key_paths,
    kind_name,
    member,
    members,
    point_rows,
    read_json,
    whole_number,
)  # fmt: skip

PART = re.compile(r"(?:^|[/_-])(train|val|test)(?:[/_-]|$)")


def recognises_kinetics(name: str, head: bytes) -> bool:
    """Return whether a file is an object whose data are frames with skeletons."""
    paths = key_paths(head)
    return ("data", "[]", "frame_index") in paths or ("data", "[]", "skeleton") in paths


def parse_kinetics(files: Sequence[File]) -> list[Raw]:
    """Return the recording of a file."""
    (file,) = files
    content = read_json(file)
    frames: dict[int, list[Pose]] = {}
    for number, frame, where in frames_in(content, "data", "frame_index", file.name):
        skeletons = members(frame, "skeleton", where)
        frames[number] = [_pose(each, f"{where}, person {person}") for person, each in enumerate(skeletons)]
    part = PART.search(file.name.rpartition("/")[0])
    columns = {"part": part[1]} if part else {}
    raw = recording_of(frames, file.name, start=1, up="-y", label=_label(content, file.name), columns=columns)
    return [with_units(raw)]


KINETICS_SKELETON = Format(
    "kinetics-skeleton", "Kinetics-skeleton, .json files", (".json",), recognises_kinetics, parse_kinetics,
    reads_to_list=True,
)  # fmt: skip


def _pose(skeleton: Any, where: str) -> Pose:
    points = point_rows(member(skeleton, "pose", where), 2, f"{where}, pose")
    score = array_of(member(skeleton, "score", where), f"{where}, score")
    if score.shape != (len(points),):
        what = f"there are {len(points)} joints and {score.size} scores."
        raise RecordingError(what, where=where, remedy=REMEDY)
    return pose_of(np.column_stack([points, score]))


def _label(content: Any, where: str) -> str | None:
    """Return the name of the class, else its number, else None."""
    label, number = content.get("label"), content.get("label_index")
    if isinstance(label, str) and label:
        return label
    if label is not None and not isinstance(label, str | int):
        raise RecordingError(f"{kind_name(label)} is not a label.", where=f"{where}, label", remedy=REMEDY)
    number = label if isinstance(label, int) else number
    if number is None:
        return None
    found = whole_number(number, f"{where}, label_index")
    return None if found < 0 else str(found)
