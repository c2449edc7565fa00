"""Northwestern-UCLA Multiview Action 3D: the JSON files of the public `all_sqe` archive (Kinect v1)."""

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float64

from psp.errors import RecordingError
from psp.io.format import Units
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

NAME, JOINTS = re.compile(r"a(\d+)_s(\d+)_e(\d+)_v(\d+)"), 20
REMEDY = "Copy this file again or leave it out."


@dataclass(frozen=True)
class NWUCLAReader:
    """The recordings of a folder or a zip archive; a view is a camera and an episode a repetition."""

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
        """List the files to read; none is left out."""
        return self.files.files(), Counter()

    def read(self, item: SourceItem) -> Recording:
        """Return one recording."""
        return parse_nw_ucla(self.files.read(item.name), f"{item.id}.json")


def open_nw_ucla(source: Path) -> NWUCLAReader:
    """Return the reader of a folder or a zip archive of JSON files."""
    return NWUCLAReader(_files(source))


def detects_nw_ucla(source: Path) -> bool:
    """Return whether a source has JSON files of the names of NW-UCLA."""
    return _files(source).has(lambda name: NAME.fullmatch(name) is not None)


def parse_nw_ucla(content: bytes, name: str) -> Recording:
    """Return the recording in the content of the file `name`; whatever is wrong raises RecordingError.

    A joint at zero or with a coordinate that is not a number (NaN or null) was not observed.
    """
    facts = NAME.fullmatch(Path(name).stem)
    action, subject, episode, view = map(int, facts.groups()) if facts else (0, 0, 0, 0)
    if action not in NW_UCLA_ACTIONS:
        remedy = "Name it like a01_s01_e00_v01.json."
        raise RecordingError("the name tells none of the ten actions.", where=name, remedy=remedy)
    label = list(NW_UCLA_ACTIONS).index(action)
    about = _load(content, name)
    if about.get("label") != label + 1:
        what = f"the file has the label {about.get('label')!r}, its name says {label + 1}."
        raise RecordingError(what, where=name, remedy=REMEDY)
    joints = _joints(about.get("skeletons"), name)[None]
    observed = np.isfinite(joints).all(axis=3) & np.any(joints, axis=3)
    columns = {"subject": subject, "camera": view, "setup": 0, "repetition": episode}
    info = ClipInfo(Path(name).stem, label, columns)
    return Recording(info, np.where(observed[..., None], joints, 0.0), observed.astype(np.float32))


def _files(source: Path) -> FileSource:
    return FileSource(source, (".json",))


def _load(content: bytes, name: str) -> dict[str, Any]:
    try:
        about = json.loads(content)
    except json.JSONDecodeError as error:
        where = f"{name}:{error.lineno}"
        raise RecordingError(f"this is not JSON ({error.msg}).", where=where, remedy=REMEDY) from error
    except (UnicodeDecodeError, RecursionError) as error:
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
