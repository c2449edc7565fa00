"""The recordings of a source with their ids, and labels and parts from the names of folders."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import PurePosixPath

from psp.errors import RecordingError
from psp.io.folder import is_archive
from psp.io.format import File, Format, Raw, nfc
from psp.io.joints import names_of
from psp.io.labels.label_table import ENDINGS, TABLE, label_tables
from psp.io.source import FileSource

LAYOUT = "layout.yaml"
"""The layout file of a folder; like tables of labels it is not a recording."""

PARTS = {"train": "train", "training": "train", "val": "validation", "valid": "validation", "validation": "validation"}
PARTS |= {"test": "test", "testing": "test"}
"""Names of folders that state the part of a split, not a class."""


@dataclass(frozen=True)
class Listed:
    """A recording, or a clip of one, and its facts.

    `part` is the index of the recording among those of its files. `length` is the number of frames of the recording, 0
    where the file was not read; `first` is the number of the first one and `fps` their rate, as in `Raw`. `frames` are
    the first frame of the clip and the one after its last, counted in the recording, None for all. `names` are those of
    the joints where the file was read and states them.
    """

    id: str
    files: tuple[str, ...]
    stamp: str
    part: int = 0
    label: str | None = None
    columns: Mapping[str, int | float | str] = field(default_factory=dict)
    length: int = 0
    first: int = 0
    fps: float | None = None
    frames: tuple[int, int] | None = None
    names: tuple[str, ...] = ()


def list_recordings(format: Format, files: FileSource, reads: bool) -> list[Listed]:
    """Return the recordings of a source in the order of their ids.

    `reads` says that all files are read, and not only those that may state labels, parts or several recordings; one
    that cannot be read is listed as a single recording. Labels and parts that no file states are the names of folders
    inside of the sources. Several sources that are all called train, test or the like are parts. Ids and labels are
    spelled in one way (`nfc`).
    """
    groups = groups_of(format, files)
    named = {} if all(name.lower() in PARTS for name in files.roots) else files.roots
    folders = folder_facts([id.partition("/")[2] if id.partition("/")[0] in named else id for id in groups])
    found: list[Listed] = []
    for (id, (names, stamp)), (part, label) in zip(groups.items(), folders, strict=True):
        base = Listed(nfc(id), names, stamp, label=label and nfc(label), columns={"part": part} if part else {})
        found += _inside(format, files, base) if reads or _states(format, names[0]) else [base]
    kept: dict[tuple[str, ...], tuple[str, ...]] = {}  # equal names of many recordings, in memory once
    found = [replace(each, names=kept.setdefault(each.names, each.names)) for each in found]
    return sorted(found, key=lambda each: each.id)


def groups_of(format: Format, files: FileSource) -> dict[str, tuple[tuple[str, ...], str]]:
    """Return the files of each recording with a stamp, by id; a source without any raises RecordingError."""
    tables = label_tables(files.path) if set(ENDINGS).intersection(format.suffixes) else []
    others = (*tables, TABLE, LAYOUT)
    walked = [file for file in files.walk() if not {file.name, PurePosixPath(file.name).name}.intersection(others)]
    stamps = {file.name: file.stamp for file in walked}
    groups = format.group(sorted(stamps))
    if not groups:
        kinds = " or ".join(f"*{suffix}" for suffix in format.suffixes)
        remedy = f"Name a folder, a zip archive or files with {kinds}: {format.description}."
        raise RecordingError(f"there is no {kinds} file.", where=files.where, remedy=remedy)
    files.require_each([name for names in groups.values() for name in names])
    return {id: (tuple(names), _joined([stamps[name] for name in names])) for id, names in sorted(groups.items())}


@lru_cache(maxsize=1)
def parsed(format: Format, files: FileSource, names: tuple[str, ...], stamp: str) -> Sequence[Raw]:
    """Return the recordings of a group of files; the last group is kept, because several clips may be cut from it."""
    raws = format.parse([File(name, files.read(name)) for name in names])
    if not raws:
        raise RecordingError("there is no recording in this file.", where=names[0], remedy="Leave it out.")
    return raws


def folder_facts(ids: Sequence[str]) -> list[tuple[str | None, str | None]]:
    """Return the part of a split and the class that the folders of each id state.

    Archives are no folders, and outer folders that hold all files are ignored. The first of the others is the class; if
    it is called train, test or the like in every id, it is the part and the next one the class.
    """
    folders = [tuple(name for name in PurePosixPath(id).parts[:-1] if not is_archive(name)) for id in ids]
    while folders and all(len(each) > 1 for each in folders) and len({each[0] for each in folders}) == 1:
        folders = [each[1:] for each in folders]
    if folders and all(each and each[0].lower() in PARTS for each in folders):
        return [(PARTS[each[0].lower()], each[1] if len(each) > 1 else None) for each in folders]
    return [(None, each[0] if each else None) for each in folders]


def _states(format: Format, name: str) -> bool:
    """Return whether a file may state labels, parts or several recordings."""
    several = format.reads_to_list
    return several if isinstance(several, bool) else name.lower().removesuffix(".gz").endswith(several)


def _inside(format: Format, files: FileSource, base: Listed) -> list[Listed]:
    """Return the recordings inside a group of files."""
    try:
        raws = parsed(format, files, base.files, base.stamp)
    except RecordingError:
        return [base]
    found, stated = [], any(raw.label is not None for raw in raws)
    for part, raw in enumerate(raws):
        id = raw.id or (base.id if len(raws) == 1 else f"{base.id}-{part:0{len(str(len(raws) - 1))}}")
        label = base.label if not stated else raw.label and nfc(raw.label)
        facts = {"columns": {**base.columns, **raw.columns}, "length": raw.joints.shape[1]}
        facts |= {"names": names_of(raw), "first": raw.first, "fps": raw.fps}
        found.append(replace(base, id=nfc(id), part=part, label=label, **facts))
    return found


def _joined(stamps: Sequence[str]) -> str:
    return stamps[0] if len(stamps) == 1 else hashlib.sha256(" ".join(stamps).encode()).hexdigest()
