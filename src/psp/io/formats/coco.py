"""COCO's key point annotations, .json files of many images.

A file is {images: [{id, file_name, width, height}], annotations: [{image_id, keypoints: [x, y, v, ...], category_id}],
categories: [{id, keypoints: [names], skeleton: [[1-based numbers]]}]}. v is 0 where a joint is not labelled, 1 where it
is hidden, 2 where it is visible. Coordinates are pixels. The images of one video (`video_id` or `vid_id`, else their
folder and name) are a recording, ordered by `frame_id` or the number in their names. `track_id` or `person_id` is the
person; without it persons stand in arbitrary order. Sources: cocodataset.org (data format), PoseTrack 2018.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from psp.errors import RecordingError
from psp.io.format import File, Format, Raw
from psp.io.formats.poses import Pose, frame_of, number_images, recording_of
from psp.io.parse.json_text import (
    REMEDY,
    key_paths,
    kind_name,
    list_of,
    member,
    members,
    point_rows,
    read_json,
    whole_number,
)

VIDEO, TRACK = ("video_id", "vid_id"), ("track_id", "person_id")


@dataclass(frozen=True)
class Image:
    """An image: its name, the recording it belongs to, its frame number if stated, its size in pixels if stated."""

    name: str
    recording: str
    frame: int | None
    size: tuple[int, int] | None


def recognises_coco(name: str, head: bytes) -> bool:
    """Return whether a file is an object with images or annotations as COCO has them."""
    paths = key_paths(head)
    return ("images", "[]", "file_name") in paths or ("annotations", "[]", "keypoints") in paths


def parse_coco(files: Sequence[File]) -> list[Raw]:
    """Return a recording for each video or folder of images."""
    (file,) = files
    content = read_json(file)
    images = _images(content, file.name)
    poses, categories = _poses(content, images, file.name)
    names, edges, notes = _joints(content, categories, file.name)
    recordings: dict[str, list[str]] = {}
    for key, image in images.items():
        recordings.setdefault(image.recording, []).append(key)
    found = []
    for recording, keys in recordings.items():
        numbers = _numbers({key: images[key] for key in keys})
        frames = {numbers[key]: poses.get(key, []) for key in keys}
        if any(frames.values()):
            facts: dict[str, Any] = {"names": names, "edges": edges, "notes": notes, "size": images[keys[0]].size}
            id = recording if len(recordings) > 1 else None
            found.append(recording_of(frames, f"{file.name}, {recording}", up="-y", units="pixels", id=id, **facts))
    return found


COCO = Format(
    "coco", "COCO key point annotations, .json files", (".json",), recognises_coco, parse_coco, reads_to_list=True
)  # fmt: skip


def _images(content: Any, name: str) -> dict[str, Image]:
    """Return the images by their ids."""
    videos = {
        str(each["id"]): str(each.get("name") or each["id"])
        for each in _objects(content, "videos", name)
        if "id" in each
    }
    images: dict[str, Image] = {}
    for place, image in enumerate(_objects(content, "images", name)):
        where = f"{name}, entry {place} of images"
        key, file_name = _key(member(image, "id", where), where), image.get("file_name", "")
        if not isinstance(file_name, str):
            raise RecordingError(f"{kind_name(file_name)} is not a file name.", where=where, remedy=REMEDY)
        if key in images:
            raise RecordingError(f"the id {key} occurs twice.", where=where, remedy=REMEDY)
        video = next((str(image[each]) for each in VIDEO if image.get(each) is not None), None)
        recording = frame_of(file_name or key)[0] if video is None else videos.get(video, video)
        frame = image.get("frame_id")
        number = None if frame is None else whole_number(frame, f"{where}, frame_id")
        images[key] = Image(file_name or key, recording, number, _size(image))
    return images


def _size(image: Mapping[str, Any]) -> tuple[int, int] | None:
    """Return width and height, None unless both are stated."""
    width, height = image.get("width"), image.get("height")
    if isinstance(width, int) and isinstance(height, int) and 0 < min(width, height) <= max(width, height) < 10**6:
        return width, height
    return None


def _numbers(images: Mapping[str, Image]) -> dict[str, int]:
    """Return the number of the frame of each image of a recording."""
    stated = {key: image.frame for key, image in images.items() if image.frame is not None}
    if len(stated) == len(images) == len(set(stated.values())):
        return stated
    names = {image.name: key for key, image in images.items()}
    numbered = {name: number for each in number_images(names).values() for name, number in each.items()}
    unique = len(names) == len(images) == len(set(numbered.values()))
    return (
        {names[name]: number for name, number in numbered.items()} if unique else {k: n for n, k in enumerate(images)}
    )


def _poses(content: Any, images: Mapping[str, Image], name: str) -> tuple[dict[str, list[Pose]], set[str]]:
    """Return the poses by the ids of their images, and the ids of the categories that they are of."""
    poses, categories = dict[str, list[Pose]](), set[str]()
    for place, annotation in enumerate(_objects(content, "annotations", name)):
        where = f"{name}, entry {place} of annotations"
        key = _key(member(annotation, "image_id", where), where)
        if key not in images:
            raise RecordingError(f"there is no image {key}.", where=where, remedy=REMEDY)
        points = point_rows(list_of(annotation.get("keypoints") or [], f"{where}, keypoints"), 3, f"{where}, keypoints")
        visible = points[:, 2:] > 0
        if not visible.any():
            continue
        track = next((annotation[each] for each in TRACK if annotation.get(each) is not None), None)
        number = None if track is None else whole_number(track, f"{where}, track")
        joints = np.where(visible, points[:, :2], np.nan)
        score = np.clip(points[:, 2], 0, 1)
        poses.setdefault(key, []).append(Pose(joints, score, number))
        categories.add(str(annotation.get("category_id")))
    if not poses:
        remedy = "Name a file of key point annotations, such as person_keypoints_val2017.json."
        raise RecordingError("no annotation has key points.", where=name, remedy=remedy)
    return poses, categories


def _joints(
    content: Any, used: set[str], name: str
) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Return the names of the joints, their connections, and what was assumed."""
    found = dict[tuple[str, ...], tuple[str, Any]]()
    for place, category in enumerate(_objects(content, "categories", name)):
        where = f"{name}, entry {place} of categories"
        if str(category.get("id")) in used and category.get("keypoints"):
            names = tuple(map(str, list_of(category["keypoints"], f"{where}, keypoints")))
            found.setdefault(names, (where, category.get("skeleton") or []))
    if len(found) > 1:
        what = "the categories have different key points."
        raise RecordingError(what, where=f"{name}, categories", remedy="Split the file by category.")
    for names, (where, skeleton) in found.items():
        return names, *_edges(names, skeleton, f"{where}, skeleton")
    return (), (), ()


def _edges(names: Sequence[str], skeleton: Any, where: str) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """Return the connections by name, with notes; joints are numbered from 1 or, if a 0 occurs, from 0."""
    pairs = [[whole_number(end, where) for end in list_of(pair, where)] for pair in list_of(skeleton, where)]
    first = 0 if any(0 in pair for pair in pairs) else 1
    for pair in pairs:
        if len(pair) != 2 or not all(first <= end < first + len(names) for end in pair):
            what = f"{pair} does not connect two of the {len(names)} joints."
            raise RecordingError(what, where=where, remedy=REMEDY)
    notes = () if first or not pairs else ("The skeleton of the category counts joints from 0.",)
    return tuple((names[a - first], names[b - first]) for a, b in pairs), notes


def _objects(content: Any, key: str, name: str) -> list[dict[str, Any]]:
    """Return the list of objects under a key; only videos and categories may be missing."""
    if key in ("videos", "categories") and isinstance(content, dict) and key not in content:
        return []
    entries = members(content, key, name)
    for place, entry in enumerate(entries):
        if not isinstance(entry, dict):
            what = f"expected an object, found {kind_name(entry)}."
            raise RecordingError(what, where=f"{name}, entry {place} of {key}", remedy=REMEDY)
    return entries


def _key(value: Any, where: str) -> str:
    if not isinstance(value, str | int) or isinstance(value, bool):
        raise RecordingError(f"{kind_name(value)} is not the id of an image.", where=where, remedy=REMEDY)
    return str(value)
