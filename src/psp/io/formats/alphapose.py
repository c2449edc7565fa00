"""JSON of AlphaPose, and key point results as COCO defines them: one file per video.

A file is a list of persons {image_id: "12.jpg", keypoints: [x, y, score, ...], score, box, idx}. PoseFlow writes an
object of the persons by image instead; with AlphaPose's options --format open and cmu the object has {people:
[{pose_keypoints_2d}]} or {bodies: [{joints}]} by image. The joints follow from their number. Coordinates are pixels;
scores above 1 are clipped. `idx` is a track, in lists where boxes were merged; without it, and in a file where it is
always 0 or occurs twice in an image, the persons of an image are in arbitrary order. Images of several recordings in
one file are separated by their folders and names. Source: alphapose/utils/pPose_nms.py of MVIG-SJTU/AlphaPose.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from psp.errors import RecordingError
from psp.io.format import File, Format, Raw, without_suffix
from psp.io.formats.poses import Pose, number_images, pose_of, recording_of
from psp.io.parse.json_text import REMEDY, key_paths, kind_name, list_of, member, point_rows, read_json, whole_number

POINTS = ("keypoints", "pose_keypoints_2d", "joints")
GENERIC = ("alphapose-results", "alphapose-results-forvis", "alphapose-results-forvis-tracked", "results", "poseflow")
"""Names of files that are the same for every recording, so that the folder names the recording."""

IMAGE = re.compile(r".*(\d|\.(jpe?g|png|bmp|webp|tiff?))", re.IGNORECASE | re.DOTALL)
"""Keys that are names or numbers of images."""

Persons = list[tuple[str, Any, str]]
"""For each person: the name of the image, the entry of the file, and its position for error messages."""


def recognises_alphapose(name: str, head: bytes) -> bool:
    """Return whether a file is a list of persons with an image, or an object of persons by image."""
    paths = key_paths(head)
    if ("[]", "image_id") in paths:
        return ("[]", "keypoints") in paths and ("[]", "keypoints", "x") not in paths
    inner = {path[1:] for path in paths if IMAGE.fullmatch(path[0])}
    return head.lstrip()[:1] == b"{" and bool(
        inner & {("[]", "keypoints"), ("people", "[]", "pose_keypoints_2d"), ("bodies", "[]", "joints")}
    )


def parse_alphapose(files: Sequence[File]) -> list[Raw]:
    """Return the recordings of a file."""
    (file,) = files
    content = read_json(file)
    persons = _by_image(content, file.name) if isinstance(content, dict) else _in_list(content, file.name)
    images = number_images(dict.fromkeys(image for image, _, _ in persons))
    found = []
    poses: dict[str, list[Pose]] = {}
    for image, person, where in persons:
        poses.setdefault(image, []).extend(_pose(person, where))
    if not _are_tracked(poses.values()):
        poses = {image: [replace(pose, track=None) for pose in each] for image, each in poses.items()}
    for recording, numbers in images.items():
        frames = {number: poses.get(image, []) for image, number in numbers.items()}
        id = recording if len(images) > 1 else None
        found.append(recording_of(frames, file.name, up="-y", units="pixels", id=id))
    return found


def group_alphapose(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return each file as a recording; the id is its name or, for names in GENERIC, its folder."""
    found: dict[str, tuple[str, ...]] = {}
    for name in names:
        id = without_suffix(name)
        folder, _, last = id.rpartition("/")
        id = folder if folder and last in GENERIC and folder not in found else id
        if id in found:
            what = f"{found[id][0]} and {name} have the same id {id!r}."
            raise RecordingError(what, where=name, remedy="Leave one of them out.")
        found[id] = (name,)
    return found


ALPHAPOSE = Format(
    "alphapose", "AlphaPose and COCO results, .json files", (".json",), recognises_alphapose, parse_alphapose,
    group_alphapose, reads_to_list=True,
)  # fmt: skip


def _in_list(content: Any, name: str) -> Persons:
    """Return the persons of a list."""
    persons: Persons = []
    for place, person in enumerate(list_of(content, name)):
        image = member(person, "image_id", f"{name}, entry {place}")
        if not isinstance(image, str | int) or isinstance(image, bool) or image == "":
            what = f"{kind_name(image)} is not the name of an image."
            raise RecordingError(what, where=f"{name}, entry {place}, image_id", remedy=REMEDY)
        persons.append((str(image), person, f"{name}, entry {place}"))
    return persons


def _by_image(content: Mapping[str, Any], name: str) -> Persons:
    """Return the persons of an object whose keys are images."""
    persons: Persons = []
    for image, found in content.items():
        where = f"{name}, {image}"
        if isinstance(found, dict):
            found = member(found, "bodies" if "people" not in found and "bodies" in found else "people", where)
        each = list_of(found, where)
        persons += [(image, person, f"{where}, person {place}") for place, person in enumerate(each)] or [
            (image, None, where)
        ]
    return persons


def _pose(person: Any, where: str) -> list[Pose]:
    """Return the pose of a person; none where an image has nobody."""
    if person is None:
        return []
    key = next((key for key in POINTS if isinstance(person, dict) and key in person), POINTS[0])
    points = point_rows(list_of(member(person, key, where), where), 3, f"{where}, {key}")
    if not points.size:
        return []
    track = person.get("idx")
    while isinstance(track, list):
        track = track[0] if track else None
    return [pose_of(points, None if track is None else whole_number(track, f"{where}, idx"))]


def _are_tracked(images: Iterable[Sequence[Pose]]) -> bool:
    """Return whether the numbers of tracks differ in each image, and are not always 0."""
    tracks = [[pose.track for pose in poses if pose.track is not None] for poses in images]
    return any(map(any, tracks)) and all(len(set(each)) == len(each) for each in tracks)
