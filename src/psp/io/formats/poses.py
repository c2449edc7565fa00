"""Recordings from poses frame by frame, as pose estimators write them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from math import gcd
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from jaxtyping import Float64

from psp.errors import NobodyError, RecordingError
from psp.io.format import Persons, Raw, without_suffix
from psp.io.parse.csv_text import first_of
from psp.io.parse.limits import require_room

REMEDY = "Correct this file or leave it out."
MOST_NUMBERS = 100_000_000
"""How many numbers a recording with one entry per track may have; with more, tracks are ignored."""

MANY_TRACKS = "The {} tracks of the file are too many for one recording: persons are tracked anew."

MOST_STEP, FEW = 100, 8
"""The largest step in which frames may be numbered, and the number of frames from which on steps are recognised."""

MISSING, MOST_MISSING = 10, 10_000
"""How many frames may be missing: MISSING for each frame, and MOST_MISSING more."""

Bodies = Mapping[tuple[int, int], tuple[str, int]]

BODIES: Bodies = {
    (17, 2): ("coco17", 17), (18, 2): ("coco18", 18), (21, 2): ("hand21", 21), (25, 2): ("openpose25", 25),
    (26, 2): ("halpe26", 26), (33, 2): ("mediapipe33", 33), (133, 2): ("coco17", 17), (136, 2): ("halpe26", 26),
    (21, 3): ("hand21", 21), (25, 3): ("ntu25", 25), (33, 3): ("mediapipe33", 33),
}  # fmt: skip
"""By the numbers of joints and coordinates: the layout, and how many of the joints it has, the first ones."""

COCO_OR = "These 17 joints are taken to be coco17 unless --layout says ap10k or h36m17."
"""The note about 17 joints that a file does not name."""

FRAME = re.compile(r"(?P<name>.*?)[-_. ]?(?P<frame>\d{1,18})(_keypoints)?", re.DOTALL)
FOLDERS = ("labels", "predictions", "sep-json", "json", "keypoints")
"""Names of folders that programs put their results in."""


@dataclass(frozen=True, eq=False)
class Pose:
    """A pose in a frame: joints (NaN where not observed), their confidence, and the number of the track if stated."""

    joints: Float64[np.ndarray, "v c"]
    confidence: Float64[np.ndarray, "v"] | None = None
    track: int | None = None


def pose_of(points: Float64[np.ndarray, "v numbers"], track: int | None = None) -> Pose:
    """Return the pose of points whose last number is a confidence; a point at zero was not observed."""
    joints = np.where(points[:, :-1].any(axis=1, keepdims=True), points[:, :-1], np.nan)
    return Pose(joints, points[:, -1], track)


def recording_of(
    frames: Mapping[int, Sequence[Pose]], where: str, bodies: Bodies = BODIES, start: int = 0, **facts: Any
) -> Raw:
    """Return the recording of poses by the number of their frame; missing numbers are frames with nobody.

    Where all numbers are in steps, each step is a frame, and `fps` is divided by it. If every pose has a track, there
    is an entry for each track, else for each position in the lists. The format counts frames from `start`, 0 or 1.
    `facts` are fields of Raw; without a layout or names the layout is chosen among `bodies` by the number of joints.
    Poses of unequal joints, a track that occurs twice in a frame, frames far apart and nobody in all frames raise
    RecordingError.
    """
    poses = [pose for number in frames for pose in frames[number]]
    if not poses:
        what = f"there is no person in {len(frames)} {'frame' if len(frames) == 1 else 'frames'}."
        raise NobodyError(what, where=where, remedy="Leave this recording out.")
    numbers, shape, notes = sorted(frames), _common_shape(frames, where), list[str]()
    step, fps = _step(numbers, where), facts.get("fps")
    if step > 1:
        rate = "the frame rate" if fps else "--fps"
        notes.append(f"Frames are numbered in steps of {step}: intervals in frames and {rate} count only these frames.")
    length, tracks = (numbers[-1] - numbers[0]) // step + 1, _tracks(poses)
    if len(tracks) * length * shape[0] * (shape[1] + 1) > MOST_NUMBERS:
        notes.append(MANY_TRACKS.format(len(tracks)))
        tracks = {}
    entries = len(tracks) or max(len(each) for each in frames.values())
    require_room((entries, length, *shape), where)
    joints = np.full((entries, length, *shape), np.nan)
    confidence = np.zeros(joints.shape[:3])
    for number, found in frames.items():
        for entry, pose in _entries(found, tracks, f"{where}, frame {number}"):
            place = entry, (number - numbers[0]) // step
            joints[place], confidence[place] = pose.joints, 1 if pose.confidence is None else pose.confidence
    persons: Persons = "bodies" if tracks else "detections"
    facts |= {"fps": fps and fps / step, "notes": (*facts.get("notes", ()), *notes)}
    raw = Raw(joints, confidence, persons=persons, first=first_of(numbers[0], start) // step, **facts)
    return raw if raw.layout or raw.names else with_body(raw, bodies)


def with_body(raw: Raw, bodies: Bodies = BODIES) -> Raw:
    """Return a recording with the layout for its numbers of joints and coordinates; a note names dropped joints."""
    count, channels = raw.joints.shape[2:]
    layout, used = bodies.get((count, channels), (None, count))
    notes = list(raw.notes)
    if used < count:
        notes.append(f"The first {used} of {count} points, the body, are used.")
    confidence = None if raw.confidence is None else raw.confidence[:, :, :used]
    return replace(raw, joints=raw.joints[:, :, :used], confidence=confidence, layout=layout, notes=tuple(notes))


def with_units(raw: Raw) -> Raw:
    """Return a recording in two dimensions with its units: shares of the image in [0, 1] or [-1, 1], else pixels.

    Coordinates in [-1, 1] are mapped to [0, 1].
    """
    seen = np.ones(raw.joints.shape[:3]) if raw.confidence is None or not raw.confidence.any() else raw.confidence
    known = raw.joints[(seen > 0) & ~np.isnan(raw.joints).any(axis=3)]
    low, high = known.min(initial=0), known.max(initial=0)
    if low < -1 or high > 1:
        return replace(raw, units="pixels")
    joints = raw.joints if low >= 0 else (raw.joints + 1) / 2
    return replace(raw, joints=joints, units="shares of the image")


def frame_of(name: str) -> tuple[str, int | None]:
    """Return the recording that a file or image belongs to by its name, and the number of its frame.

    "wave/anna_000000000012_keypoints.json" is frame 12 of "wave/anna". If the name is only a number, or that of its
    folder with a number, the folder is the recording. A name without a number is a recording of its own.
    """
    folders, _, stem = without_suffix(name).rpartition("/")
    parts = [part for part in PurePosixPath(folders).parts if part.lower() not in FOLDERS]
    found = FRAME.fullmatch(stem)
    own = stem.removesuffix("_keypoints") if found is None else found["name"]
    if own and not (parts and parts[-1] == own):
        parts.append(own)
    return "/".join(parts) or "frames", int(found["frame"]) if found else None


def group_frames(names: Iterable[str]) -> dict[str, list[str]]:
    """Return the files of each recording in the order of their frames, one file per frame."""
    found: dict[str, dict[int, str]] = {}
    for name in names:
        recording, number = frame_of(name)
        frames = found.setdefault(recording, {})
        if (number or 0) in frames:
            what = f"{frames[number or 0]} and {name} are the same frame of {recording!r}."
            raise RecordingError(what, where=name, remedy="Leave one of them out.")
        frames[number or 0] = name
    return {recording: [frames[number] for number in sorted(frames)] for recording, frames in found.items()}


def number_images(names: Iterable[str]) -> dict[str, dict[str, int]]:
    """Return the images of each recording with the numbers of their frames.

    Numbers are those in the names. Where a name has none or two are the same, images are numbered in their order.
    """
    found: dict[str, dict[str, int | None]] = {}
    for name in names:
        recording, number = frame_of(name)
        found.setdefault(recording, {})[name] = number
    numbered: dict[str, dict[str, int]] = {}
    for recording, images in found.items():
        own = {name: number for name, number in images.items() if number is not None}
        unique = len(set(own.values())) == len(images)
        numbered[recording] = own if unique else {name: number for number, name in enumerate(sorted(images))}
    return numbered


def _step(numbers: Sequence[int], where: str) -> int:
    """Return the step in which sorted frames are numbered; RecordingError if they are far apart or below 0."""
    if numbers[0] < 0:
        raise RecordingError(f"{numbers[0]} is not a frame number.", where=where, remedy="Count frames from 0.")
    step = gcd(*(b - a for a, b in pairwise(numbers)))
    if step > MOST_STEP or len(numbers) < FEW or step == 0:
        step = 1
    if (numbers[-1] - numbers[0]) // step > (MISSING + 1) * len(numbers) + MOST_MISSING:
        what = f"there are {len(numbers)} frames between number {numbers[0]} and number {numbers[-1]}."
        raise RecordingError(what, where=where, remedy="Number the frames one after the other.")
    return step


def _common_shape(frames: Mapping[int, Sequence[Pose]], where: str) -> tuple[int, int]:
    """Return the numbers of joints and coordinates, which all poses must have."""
    shape: tuple[int, ...] | None = None
    for number, found in frames.items():
        for pose in found:
            shape = shape or pose.joints.shape
            if pose.joints.shape != shape:
                what = f"a pose has {_counts(pose.joints.shape)}, poses before it have {_counts(shape)}."
                raise RecordingError(what, where=f"{where}, frame {number}", remedy=REMEDY)
    assert shape is not None
    return shape[0], shape[1]


def _counts(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} joints of {shape[1]} coordinates"


def _tracks(poses: Sequence[Pose]) -> dict[int, int]:
    """Return the entry of each track; an empty mapping if a pose has no track."""
    numbers = [pose.track for pose in poses if pose.track is not None]
    return {track: entry for entry, track in enumerate(sorted(set(numbers)))} if len(numbers) == len(poses) else {}


def _entries(found: Sequence[Pose], tracks: Mapping[int, int], where: str) -> Iterable[tuple[int, Pose]]:
    """Yield the poses of a frame with their entries."""
    seen = [pose.track for pose in found if pose.track is not None]
    if tracks and len(set(seen)) < len(seen):
        twice = next(track for track in seen if seen.count(track) > 1)
        raise RecordingError(f"person {twice} occurs twice.", where=where, remedy=REMEDY)
    for place, pose in enumerate(found):
        yield (tracks[pose.track] if tracks and pose.track is not None else place), pose
