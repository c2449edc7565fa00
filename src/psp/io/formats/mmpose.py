"""JSON of MMPose: what its Inferencer and its demos save.

The Inferencer writes one file per video, [{frame_id, instances: [...]}], or one file per image, [...], of instances
{keypoints: [[x, y(, z)]], keypoint_scores: [...], bbox, bbox_score}; the joints are known by their number only. Demos
with --save-predictions write {meta_info: {keypoint_id2name, skeleton_links}, instance_info: [{frame_id, instances}]},
in which arrays may be {"__ndarray__": [...]}. Coordinates are pixels; three are those of the lifted skeleton, z up. All
coordinates are given; uncertain ones have low scores. Persons are in arbitrary order unless there is a track_id.
Sources: mmpose/structures/utils.py, mmpose/apis/inferencers and demo of open-mmlab/mmpose.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from psp.errors import RecordingError
from psp.io.format import File, Format, Raw
from psp.io.formats.poses import BODIES, COCO_OR, Pose, frame_of, group_frames, recording_of
from psp.io.parse.json_text import REMEDY, array_of, key_paths, list_of, member, members, read_json, whole_number

LIFTED = {**BODIES, (17, 3): ("h36m17", 17)}
WHOLE_BODY = (133, 136)
"""Numbers of joints of which only the body is used."""


def recognises_video(name: str, head: bytes) -> bool:
    """Return whether a file has frames with instances."""
    paths = key_paths(head)
    return ("[]", "instances") in paths or ("instance_info",) in paths or ("meta_info", "keypoint_id2name") in paths


def recognises_image(name: str, head: bytes) -> bool:
    """Return whether a file has the instances of an image."""
    return ("[]", "keypoint_scores") in key_paths(head)


def parse_video(files: Sequence[File]) -> list[Raw]:
    """Return the recording of a file."""
    (file,) = files
    content, where, meta = read_json(file), file.name, dict[str, Any]()
    if isinstance(content, dict):
        meta, where = content.get("meta_info") or {}, f"{file.name}, instance_info"
        content = member(content, "instance_info", file.name)
    frames: dict[int, list[Pose]] = {}
    for place, frame in enumerate(list_of(content, where)):
        number = whole_number(member(frame, "frame_id", f"{where}, entry {place}"), f"{where}, entry {place}, frame_id")
        if number in frames:
            raise RecordingError(f"frame {number} occurs twice.", where=f"{where}, entry {place}", remedy=REMEDY)
        frames[number] = _poses(members(frame, "instances", f"{where}, entry {place}"), f"{where}, frame {number}")
    return [_recording(frames, meta, file.name)]


def parse_images(files: Sequence[File]) -> list[Raw]:
    """Return the recording of the images of a video, a file each."""
    frames = {frame_of(file.name)[1] or 0: _poses(list_of(read_json(file), file.name), file.name) for file in files}
    return [_recording(frames, {}, files[0].name)]


MMPOSE = Format("mmpose", "MMPose, one .json file per video", (".json",), recognises_video, parse_video)

MMPOSE_IMAGES = Format(
    "mmpose-images", "MMPose, one .json file per image", (".json",), recognises_image, parse_images, group_frames
)  # fmt: skip


def _recording(frames: Mapping[int, Sequence[Pose]], meta: Any, name: str) -> Raw:
    """Return the recording of poses with the joints that the file names."""
    names, edges = _names(meta, f"{name}, meta_info")
    first = next((pose for found in frames.values() for pose in found), None)
    count, channels = first.joints.shape if first else (0, 2)
    if first and names and len(names) != count:
        what = f"a person has {count} joints, {len(names)} are named."
        raise RecordingError(what, where=f"{name}, meta_info", remedy=REMEDY)
    if count in WHOLE_BODY:
        names, edges = (), ()
    notes = (COCO_OR,) if count == 17 and not names else ()
    notes = ("The vertical axis of lifted skeletons is z (--up states another).",) if channels == 3 else notes
    return recording_of(
        frames, name, LIFTED, names=names, edges=edges, notes=notes, up="z" if channels == 3 else "-y",
        units="unknown units" if channels == 3 else "pixels",
    )  # fmt: skip


def _poses(instances: Sequence[Any], where: str) -> list[Pose]:
    return [_pose(each, f"{where}, person {person}") for person, each in enumerate(instances)]


def _pose(instance: Any, where: str) -> Pose:
    joints = array_of(_plain(member(instance, "keypoints", where)), f"{where}, keypoints")
    scores = array_of(_plain(member(instance, "keypoint_scores", where)), f"{where}, keypoint_scores")
    joints, scores = (
        each[0] if each.ndim > most and len(each) == 1 else each for each, most in ((joints, 2), (scores, 1))
    )
    if joints.ndim != 2 or joints.shape[1] not in (2, 3) or scores.shape != joints.shape[:1]:
        what = f"there are keypoints of the shape {joints.shape} and scores of the shape {scores.shape}."
        raise RecordingError(what, where=where, remedy=REMEDY)
    track = instance.get("track_id")
    return Pose(joints, scores, None if track is None else whole_number(track, f"{where}, track_id"))


def _names(meta: Any, where: str) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    """Return the names of the joints and their connections; nothing where a file does not state them."""
    given = meta.get("keypoint_id2name") if isinstance(meta, dict) else None
    if not isinstance(given, dict) or not given:
        return (), ()
    numbered = {whole_number(key, f"{where}, keypoint_id2name"): str(name) for key, name in given.items()}
    if sorted(numbered) != list(range(len(given))):
        raise RecordingError("the joints are not numbered from 0.", where=f"{where}, keypoint_id2name", remedy=REMEDY)
    names = tuple(numbered[number] for number in range(len(given)))
    edges = []
    for link in list_of(_plain(meta.get("skeleton_links") or []), f"{where}, skeleton_links"):
        ends = [whole_number(end, f"{where}, skeleton_links") for end in list_of(link, f"{where}, skeleton_links")]
        if len(ends) != 2 or not all(0 <= end < len(names) for end in ends):
            what = f"{ends} does not connect two joints."
            raise RecordingError(what, where=f"{where}, skeleton_links", remedy=REMEDY)
        edges.append((names[ends[0]], names[ends[1]]))
    return names, tuple(edges)


def _plain(value: Any) -> Any:
    """Return the list that json_tricks wrote as an array."""
    return value.get("__ndarray__", value) if isinstance(value, dict) else value
