"""Own recordings: NumPy arrays, one .npy or .npz file a clip, with an optional table of facts.

An array is (t, v, c) or (m, t, v, c) for m persons, t frames, v joints and c = 2 or 3 coordinates; NaN means not
observed. In an .npz file it is called `joints`, or is the only array, beside an optional `confidence` (t, v) or
(m, t, v).
`clips.csv` in the folder (see `facts`) tells labels and free columns; without it the names of sub-folders are the
classes, and files outside of sub-folders are unlabelled. `layout.yaml` in the folder may hold the layout.
"""

import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path, PurePosixPath
from tokenize import TokenError
from typing import get_args

import numpy as np
from jaxtyping import Float32, Float64

from psp.errors import ConfigError, RecordingError
from psp.io.facts import Facts, class_names, read_facts
from psp.io.source import FileSource, SourceItem
from psp.skeleton.catalogue import layout_by_name, layout_names, open_layout
from psp.skeleton.layout import Layout
from psp.skeleton.recording import ClipInfo, Recording, Up

SUFFIXES, TABLE, LAYOUT = (".npy", ".npz"), "clips.csv", "layout.yaml"
SHAPES = "(frames, joints, coordinates) or (persons, frames, joints, coordinates) with 2 or 3 coordinates"
REMEDY = "Correct this file or leave it out."
DAMAGED = (
    ValueError, TypeError, EOFError, OSError, KeyError, SyntaxError, RuntimeError, MemoryError, OverflowError,
    TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What reading a damaged array raises."""

Arrays = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class ArrayItem(SourceItem):
    """A recording with its facts."""

    info: ClipInfo

    @property
    def id(self) -> str:
        """The id of the clip: that of the table, else the name with its folders and without the suffix."""
        return self.info.id


@dataclass(frozen=True)
class ArraysReader:
    """The arrays of a folder, or of one file; every array has the joints of `layout` and `channels` coordinates."""

    files: FileSource
    layout: Layout
    channels: int
    up: Up
    classes: tuple[str, ...]
    dataset: str
    tracked: bool = True
    notes: tuple[str, ...] = ()

    @property
    def source(self) -> str:
        """The name of the folder or file."""
        return self.files.path.name

    def items(self) -> tuple[list[SourceItem], Counter[str]]:
        """List the files in the order of their ids, and count those without a label."""
        files = list_arrays(self.files)
        facts = facts_of(self.files.path, files)
        items: list[SourceItem] = []
        for file in files:
            label, columns = facts[file.name].label, facts[file.name].columns
            number = None if label is None else self.classes.index(label)
            info = ClipInfo(facts[file.name].id or _without_suffix(file.name), number, columns)
            items.append(ArrayItem(file.name, f"{file.stamp} {info}", info))
        items.sort(key=lambda item: item.id)
        for first, second in pairwise(items):
            if first.id == second.id:
                what = f"{first.name} and {second.name} have the same id {first.id!r}."
                raise RecordingError(what, where=str(self.files.path), remedy="Give each its own id.")
        return items, +Counter({"recordings without a label": sum(each.label is None for each in facts.values())})

    def read(self, item: SourceItem) -> Recording:
        """Return one recording; a damaged file or one of another shape raises RecordingError."""
        arrays = read_arrays(self.files.read(item.name), item.name)
        joints, confidence = parse_arrays(arrays, item.name)
        size, channels = joints.shape[2:]
        if (size, channels) != (len(self.layout.joints), self.channels):
            what = f"the array has {size} joints of {channels} coordinates, expected are {len(self.layout.joints)} "
            what += f"(layout {self.layout.name!r}) of {self.channels}."
            raise RecordingError(what, where=item.name, remedy="Choose another --layout, or leave this file out.")
        info = item.info if isinstance(item, ArrayItem) else ClipInfo(item.id)
        return Recording(info, joints, confidence, self.up)


def open_arrays(source: Path, layout: str | Path | Layout | None = None, up: Up | None = None) -> ArraysReader:
    """Return the reader of a folder of arrays, or of one array file.

    `layout` is a built-in name, a YAML file or a Layout; None reads `layout.yaml` in the folder. `up` is the axis that
    points up, by default y, and -y for two coordinates, as image coordinates have it.
    """
    files = FileSource(source, SUFFIXES)
    listed = list_arrays(files)
    first = parse_arrays(read_arrays(files.read(listed[0].name), listed[0].name), listed[0].name)[0]
    joints, channels = first.shape[2:]
    found, whence = _layout(source, layout, joints)
    default: Up = "y" if channels == 3 else "-y"
    _check_up(up, channels)
    notes = [f"Layout {found.name!r} from {whence}.", *([] if found.name in layout_names() else found.derived)]
    if up is None:
        notes.append(f"The axis that points up is taken to be {default} (--up names another).")
    classes = class_names(facts.label for facts in facts_of(source, listed).values() if facts.label is not None)
    return ArraysReader(files, found, channels, up or default, classes, _dataset(source), notes=tuple(notes))


def detects_arrays(source: Path) -> bool:
    """Return whether a source is a folder with NumPy arrays or one of their files."""
    return (source.is_dir() or source.name.endswith(SUFFIXES)) and FileSource(source, SUFFIXES).has(lambda name: True)


def list_arrays(files: FileSource) -> list[SourceItem]:
    """Return the array files by name; a source without any raises RecordingError."""
    if files.path.is_file() and not files.path.name.endswith(SUFFIXES):
        what = "arrays are read from a folder or one .npy or .npz file."
        raise RecordingError(what, where=str(files.path), remedy="Unpack an archive first.")
    listed = sorted(files.walk(), key=lambda file: file.name)
    if not listed:
        remedy = "Name a folder that holds .npy or .npz files."
        raise RecordingError("there is no .npy or .npz file.", where=str(files.path), remedy=remedy)
    return listed


def facts_of(source: Path, files: Sequence[SourceItem]) -> dict[str, Facts]:
    """Return the facts of every file by name, from the table if there is one, else from the names of sub-folders."""
    table = source / TABLE
    if not table.is_file():
        parents = {file.name: PurePosixPath(file.name).parts[:-1] for file in files}
        return {name: Facts(name, None, folders[0] if folders else None, {}) for name, folders in parents.items()}
    facts, named = {file.name: Facts(file.name, None, None, {}) for file in files}, dict[str, str]()
    exact, loose = _names(files)
    for line in read_facts(table):
        name = line.name.replace("\\", "/").removeprefix("./")
        found = sorted(exact.get(name) or loose.get(name) or ())
        if len(found) != 1:
            what = f"{line.name!r} names {' and '.join(found[:2]) or 'no array file'}."
            raise RecordingError(what, where=str(table), remedy="Name each file with the folders that it is in.")
        file = found[0]
        if file in named:
            what = f"{named[file]!r} and {line.name!r} name the same file {file}."
            raise RecordingError(what, where=str(table), remedy="Keep one line a recording.")
        facts[file], named[file] = line, line.name
    return facts


def read_arrays(content: bytes, name: str) -> Arrays:
    """Return the arrays of a file by name, "" for that of an .npy file; no Python objects are made."""
    if not content.startswith((b"\x93NUMPY", b"PK")):
        kinds = {b"version https://git-lfs": "a Git-LFS pointer", b"<": "a web page"}
        kind = next((kind for start, kind in kinds.items() if content.lstrip().startswith(start)), "another format")
        raise RecordingError(f"this is no NumPy array but {kind}.", where=name, remedy="Copy or download it again.")
    try:
        loaded = np.load(io.BytesIO(content), allow_pickle=False)
        named = {"": loaded} if isinstance(loaded, np.ndarray) else {key: loaded[key] for key in loaded.files}
    except DAMAGED as error:
        what = f"the array is damaged or holds Python objects ({' '.join(str(error).split())})."
        raise RecordingError(what, where=name, remedy="Save it with numpy.save as an array of numbers.") from error
    return {key: array for key, array in named.items() if isinstance(array, np.ndarray)}


def parse_arrays(arrays: Arrays, name: str) -> tuple[Float64[np.ndarray, "m t v c"], Float32[np.ndarray, "m t v"]]:
    """Return joints and confidence; a joint with a coordinate that is NaN has position and confidence 0."""
    joints = _numbers(_joints(arrays, name), name)
    joints = joints[None] if joints.ndim == 3 else joints
    if joints.ndim != 4 or joints.shape[3] not in (2, 3) or 0 in joints.shape:
        what = f"the array has the shape {_joints(arrays, name).shape}."
        raise RecordingError(what, where=name, remedy=f"Use {SHAPES}.")
    if np.isinf(joints).any():
        remedy = "Use NaN where a joint was not observed."
        raise RecordingError("a coordinate is infinite.", where=name, remedy=remedy)
    observed = ~np.isnan(joints).any(axis=3)
    confidence = observed.astype(np.float32)
    if "confidence" in arrays:
        confidence *= _confidence(arrays["confidence"], joints.shape[:3], name)
    return np.where(confidence[..., None] > 0, np.where(observed[..., None], joints, 0.0), 0.0), confidence


def _joints(arrays: Arrays, name: str) -> np.ndarray:
    if "joints" in arrays:
        return arrays["joints"]
    others = [key for key in arrays if key != "confidence"]
    if len(others) != 1:
        what = f"none of the arrays {', '.join(others) or '(there are none)'} is called joints."
        raise RecordingError(what, where=name, remedy="Save the joints under the key joints.")
    return arrays[others[0]]


def _numbers(array: np.ndarray, name: str) -> Float64[np.ndarray, "..."]:
    if array.dtype.kind not in "fiub":
        raise RecordingError(f"the array holds {array.dtype}, not numbers.", where=name, remedy=REMEDY)
    return array.astype(np.float64)


def _confidence(given: np.ndarray, shape: tuple[int, ...], name: str) -> Float32[np.ndarray, "m t v"]:
    """Return the confidence with a person axis; NaN means 0."""
    values = np.nan_to_num(_numbers(given, name), nan=0.0)
    if values.size != np.prod(shape) or values.shape not in (shape, shape[1:]):
        what = f"the confidence has the shape {given.shape}, the joints {shape}."
        raise RecordingError(what, where=name, remedy="Give one number a person, frame and joint.")
    if not ((values >= 0) & (values <= 1)).all():
        raise RecordingError("a confidence is not between 0 and 1.", where=name, remedy="Bring them to this range.")
    return values.reshape(shape).astype(np.float32)


def _layout(source: Path, given: str | Path | Layout | None, joints: int) -> tuple[Layout, str]:
    """Return the layout and where it comes from; without any ConfigError names those that have as many joints."""
    if given is not None:
        return open_layout(given), "--layout"
    if (source / LAYOUT).is_file():
        return open_layout(source / LAYOUT), LAYOUT
    fitting = [name for name in layout_names() if len(layout_by_name(name).joints) == joints]
    names = f"one of {', '.join(fitting)} (they have {joints} joints), or " if fitting else ""
    remedy = f"Name it with --layout: {names}a YAML file with the joints and edges."
    raise ConfigError(f"the layout of these {joints} joints is not known.", where=str(source), remedy=remedy)


def _check_up(up: str | None, channels: int) -> None:
    allowed = [each for each in get_args(Up) if channels == 3 or each[-1] != "z"]
    if up is not None and up not in allowed:
        remedy = f"Use one of {', '.join(allowed)}."
        raise ConfigError(f"{up!r} is no axis of {channels} coordinates.", where="up", remedy=remedy)


def _dataset(source: Path) -> str:
    """Return the name of the folder or file; another one if a benchmark data set has it."""
    name = source.absolute().name.removesuffix(".npy").removesuffix(".npz")
    return f"own {name}" if name in ("ntu60", "ntu120", "nw-ucla", "synthetic") else name


def _names(files: Sequence[SourceItem]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    """Return the files by their names with folders, and by those without; with and without suffix."""
    exact: dict[str, set[str]] = {}
    loose: dict[str, set[str]] = {}
    for file in files:
        path = PurePosixPath(file.name)
        for key in (file.name, _without_suffix(file.name)):
            exact.setdefault(key, set()).add(file.name)
        for key in (path.name, path.stem):
            loose.setdefault(key, set()).add(file.name)
    return exact, loose


def _without_suffix(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))
