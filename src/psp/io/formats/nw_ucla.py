"""Northwestern-UCLA Multiview Action 3D (Kinect v1): the public archive `all_sqe`, and the original recordings.

`all_sqe` has one JSON file per clip. The original has one folder per clip and one text file per frame, such as
`frame_1_tc_20_skeletons.txt`: a line with a single number, then 20 lines x,y,z,state for each skeleton, in any order.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from jaxtyping import Float64

from psp.errors import RecordingError
from psp.io.format import Units
from psp.io.parse.decimals import read_decimals
from psp.io.parse.limits import require_room
from psp.io.source import FileSource, SourceItem
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.layout import Layout
from psp.skeleton.recording import ClipInfo, Recording, Up

NW_UCLA_ACTIONS = {
    1: "pick up with one hand",
    2: "pick up with two hands",
    3: "drop trash",
    4: "walk around",
    5: "sit down",
    6: "stand up",
    8: "donning",
    9: "doffing",
    11: "throw",
    12: "carry",
}
"""The action numbers in the files' names; a label is an action's position in this list."""

NAME = re.compile(r"(a(?P<action>\d+))?_?(s(?P<subject>\d+))?_?(e(?P<episode>\d+))?_?(v(?P<view>\d+))?")
FRAME = re.compile(r"frame_(\d+).*skeletons?\.txt", re.IGNORECASE)
JOINTS, NAME_PARTS, HEAD = 20, 4, 4096
REMEDY = "Copy this file again or leave it out."
DIGITS, FRAME_FORM = b"0123456789.eE+-", b"[" + b",".join([b"[,,]"] * JOINTS) + b"]"
IS_DIGIT = np.isin(np.arange(256), list(DIGITS))


@dataclass(frozen=True)
class FramesItem(SourceItem):
    """A recording of one text file per frame."""

    frames: tuple[str, ...]

    @property
    def id(self) -> str:
        """The name of the folder."""
        return PurePosixPath(self.name).name


@dataclass(frozen=True)
class NWUCLAReader:
    """The recordings of a folder or a zip archive; a view is a camera and an episode a repetition.

    A file or folder whose name states no action is an unlabelled clip.
    """

    files: FileSource
    dataset: str = "nw-ucla"
    classes: tuple[str, ...] = tuple(NW_UCLA_ACTIONS.values())
    up: Up = "y"
    units: Units = "metres"
    tracked: bool = False
    notes: tuple[str, ...] = ()

    @property
    def layout(self) -> Layout:
        """The joints of Kinect v1."""
        return layout_by_name("kinect20")

    @property
    def source(self) -> str:
        """The name of the folder or archive."""
        return self.files.name

    def items(self) -> tuple[list[SourceItem], Counter[str]]:
        """Return the recordings sorted by id and the number without a label; a repeated id raises RecordingError."""
        files = list(self.files.walk())
        items = [*_frames_items(files, self.files), *(file for file in files if _is_json(file))]
        if not items:
            remedy = "Name a folder or a zip archive that holds *.json files, or frame_*_skeletons.txt files."
            raise RecordingError("there is no recording.", where=self.files.where, remedy=remedy)
        named = sorted(((item.id, item) for item in items), key=lambda pair: (pair[0], pair[1].name))
        for (id, first), (other, second) in pairwise(named):
            if id == other:
                what = f"{first.name} and {second.name} have the same name."
                raise RecordingError(what, where=self.files.where, remedy="Leave one of them out.")
        unlabelled = sum("action" not in _facts(id) for id, _ in named)
        return [item for _, item in named], +Counter({"recordings without a label": unlabelled})

    def read(self, item: SourceItem) -> Recording:
        """Return one recording."""
        if isinstance(item, FramesItem):
            return parse_frames([(name, self.files.read(name)) for name in item.frames], item.id)
        return parse_nw_ucla(self.files.read(item.name), f"{item.id}.json")


def open_nw_ucla(source: Path | tuple[Path, ...]) -> NWUCLAReader:
    """Return the reader of a folder or a zip archive of JSON files, or of folders of text files."""
    files = _files(source)
    return NWUCLAReader(files, notes=tuple(files.not_read))


def detects_nw_ucla(source: Path | tuple[Path, ...]) -> bool:
    """Return whether a source has files with names of NW-UCLA, or its first JSON file has the content of NW-UCLA."""
    files, first = _files(source), None
    try:
        for file in files.walk():
            if _is_frame(file) or (_is_json(file) and len(_facts(file.id)) == NAME_PARTS):
                return True
            first = file.name if first is None and _is_json(file) else first
        return first is not None and b'"skeletons"' in files.read(first, HEAD)
    except RecordingError:
        return False


def parse_nw_ucla(content: bytes, name: str) -> Recording:
    """Return the recording in the content of the JSON file `name`; RecordingError says what is wrong.

    A joint at zero or with a coordinate that is not a number (NaN or null) was not observed.
    """
    info = _info(Path(name).stem, name)
    about = _plain_content(content) or _load(content, name)
    if info.label is not None and about.get("label") != info.label + 1:
        what = f"the file has the label {about.get('label')!r}, its name says {info.label + 1}."
        raise RecordingError(what, where=name, remedy=REMEDY)
    return _recording(info, _joints(about.get("skeletons"), name)[None])


def _plain_content(content: bytes) -> dict[str, Any] | None:
    """Return the content of a JSON file, with the skeletons as an array; None unless they are plain numbers.

    All numbers are read at once, which takes a third of the time of `json`.
    """
    start, end = content.find(b"[[["), content.rfind(b"]]]") + 3
    array = content[max(start, 0) : end]
    form = array.translate(None, DIGITS + b" \t\r\n")
    frames = form.count(b"]],") + 1
    if form != b"[" + b",".join([FRAME_FORM] * frames) + b"]":
        return None
    characters = np.frombuffer(array, dtype=np.uint8)
    edges = np.flatnonzero(np.diff(IS_DIGIT[characters])) + 1
    values = read_decimals(characters, edges[::2], edges[1::2])
    try:
        about = json.loads(content[:start] + b"null" + content[end:])
    except (ValueError, RecursionError):
        return None
    plain = len(values) == frames * JOINTS * 3 and bool(np.isfinite(values).all())
    if not plain or not isinstance(about, dict) or about.get("skeletons", 0) is not None:
        return None
    return about | {"skeletons": values.reshape(frames, JOINTS, 3)}


def parse_frames(files: Sequence[tuple[str, bytes]], id: str) -> Recording:
    """Return the recording of text files, (name, content) of each frame in order; RecordingError names file and line.

    The state of a joint is 0 where it was not observed, unless all states are 0.
    """
    info, frames = _info(id, id), [_skeletons(content, name) for name, content in files]
    persons = max([1, *map(len, frames)])
    require_room((persons, len(frames), JOINTS, 4), id)
    values = np.zeros((persons, len(frames), JOINTS, 4))
    for number, frame in enumerate(frames):
        values[: len(frame), number] = frame
    joints, state = values[..., :3], values[..., 3]
    lost = (state == 0) & state.any()
    return replace(_recording(info, np.where(lost[..., None], 0.0, joints)), detections=persons > 1)


def _facts(id: str) -> dict[str, int]:
    """Return the numbers that a name states."""
    facts = NAME.fullmatch(id)
    return {} if facts is None else {key: int(number) for key, number in facts.groupdict().items() if number}


def _info(id: str, where: str) -> ClipInfo:
    facts = _facts(id)
    action = facts.get("action")
    if action is not None and action not in NW_UCLA_ACTIONS:
        remedy = "Name it like a01_s01_e00_v01."
        raise RecordingError("the name states none of the ten actions.", where=where, remedy=remedy)
    known = {"subject": facts.get("subject"), "camera": facts.get("view"), "setup": 0 if facts else None}
    known["repetition"] = facts.get("episode")
    columns = {column: number for column, number in known.items() if number is not None}
    return ClipInfo(id, None if action is None else list(NW_UCLA_ACTIONS).index(action), columns)


def _recording(info: ClipInfo, joints: Float64[np.ndarray, "m t 20 3"]) -> Recording:
    observed = np.isfinite(joints).all(axis=3) & np.any(joints, axis=3)
    return Recording(info, np.where(observed[..., None], joints, 0.0), observed.astype(np.float32))


def _files(source: Path | tuple[Path, ...]) -> FileSource:
    return FileSource(source, (".json", ".txt"))


def _is_json(file: SourceItem) -> bool:
    return file.name.lower().removesuffix(".gz").endswith(".json")


def _is_frame(file: SourceItem) -> bool:
    return FRAME.fullmatch(_last(file.name)) is not None


def _last(name: str) -> str:
    """Return a name without its folders."""
    return name.rpartition("/")[2]


def _frames_items(files: Sequence[SourceItem], source: FileSource) -> list[SourceItem]:
    """Return one item per folder of text files, its frames in the order of their numbers."""
    folders: dict[PurePosixPath, list[tuple[int, str, str]]] = {}
    for file in files:
        if found := FRAME.fullmatch(_last(file.name)):
            parent = PurePosixPath(file.name).parent
            folders.setdefault(parent, []).append((int(found[1]), file.name, file.stamp))
    items: list[SourceItem] = []
    for folder, frames in folders.items():
        stamp = hashlib.sha256(repr(sorted(frames)).encode()).hexdigest()
        name = str(folder) if folder.name else PurePosixPath(source.name).stem
        items.append(FramesItem(name, stamp, tuple(name for _, name, _ in sorted(frames))))
    return items


def _skeletons(content: bytes, name: str) -> Float64[np.ndarray, "m 20 4"]:
    """Return x, y, z and state of the joints of each skeleton in a frame."""
    lines = enumerate(content.decode("utf-8-sig", errors="replace").splitlines(), start=1)
    words = [(number, line.replace(",", " ").split()) for number, line in lines if line.strip()]
    joints = list[list[float]]()
    for number, line in words[1:] if words and len(words[0][1]) == 1 else words:
        try:
            x, y, z, state = map(float, line)
        except ValueError:
            what = "a joint is not four numbers x,y,z,state."
            raise RecordingError(what, where=f"{name}:{number}", remedy=REMEDY) from None
        joints.append([x, y, z, state])
    if len(joints) % JOINTS:
        what = f"the frame has {len(joints)} joints, not a multiple of {JOINTS}."
        raise RecordingError(what, where=name, remedy=REMEDY)
    return np.array(joints).reshape(-1, JOINTS, 4)


def _load(content: bytes, name: str) -> dict[str, Any]:
    try:
        about = json.loads(content)
    except json.JSONDecodeError as error:
        where = f"{name}:{error.lineno}"
        raise RecordingError(f"this is not JSON ({error.msg}).", where=where, remedy=REMEDY) from error
    except (ValueError, RecursionError) as error:
        raise RecordingError("this is not JSON text.", where=name, remedy=REMEDY) from error
    if not isinstance(about, dict):
        raise RecordingError("the file holds no recording.", where=name, remedy=REMEDY)
    return about


def _joints(rows: object, name: str) -> Float64[np.ndarray, "t 20 3"]:
    try:
        joints = np.array(rows, dtype=np.float64)
    except (ValueError, TypeError, OverflowError):
        joints = np.empty(0)
    if joints.ndim != 3 or joints.shape[1:] != (JOINTS, 3) or not len(joints):
        what = f"the skeletons are not frames of {JOINTS} joints with 3 numbers each."
        raise RecordingError(what, where=name, remedy=REMEDY)
    if np.isinf(joints).any():
        frame = int(np.isinf(joints).any(axis=(1, 2)).argmax())
        raise RecordingError(f"a position in frame {frame + 1} is infinite.", where=name, remedy=REMEDY)
    return joints
