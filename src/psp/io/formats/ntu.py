"""NTU RGB+D 60 and 120: the raw `.skeleton` text files of Kinect v2.

A file holds the number of frames; for every frame the number of bodies; for every body a line of ten values (its id
first), the number of joints and a line of twelve values per joint (x, y, z in metres first). Lines end in LF or CRLF.
"""

import codecs
import os
import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NoReturn

import numpy as np
from jaxtyping import Float64, Int64

from psp.errors import RecordingError
from psp.files import read_regular
from psp.io.format import Units
from psp.io.formats.ntu_classes import NTU_CLASSES
from psp.io.parse.decimals import read_decimals
from psp.io.parse.limits import require_room
from psp.io.source import FileSource, SourceItem
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.layout import Layout
from psp.skeleton.recording import ClipInfo, Recording, Up

JOINTS, BODY_WORDS, JOINT_WORDS = 25, 10, 12
BLOCK_LINES, JOINT_LINES, MOST_DIGITS = 2 + JOINTS, [JOINT_WORDS] * JOINTS, 6
SUFFIX, COLUMNS = ".skeleton", ("subject", "camera", "setup", "repetition")
NAME = re.compile(r"S\d{3,}C\d{3,}P\d{3,}R\d{3,}A\d{3,}")
FACTS = re.compile(
    r"(S(?P<setup>\d{3,}))?(C(?P<camera>\d{3,}))?(P(?P<subject>\d{3,}))?(R(?P<repetition>\d{3,}))?(A(?P<action>\d{3,}))?",
    re.IGNORECASE,
)
NOT_A_NUMBER = re.compile(rb"[-+]?(nan(\(\w*\))?|1\.#(ind|[qs]?nan)\d*)", re.IGNORECASE)
REMEDY = "Copy this file again or leave it out."


@dataclass(frozen=True)
class NTUReader:
    """The recordings of NTU RGB+D 60 (`actions` = 60) or 120, in a folder or a zip archive.

    `missing` is the data set's official list of clips with missing skeletons; they are left out. A file whose name
    states no action is an unlabelled clip.
    """

    files: FileSource
    actions: int
    missing: frozenset[str] = frozenset()
    up: Up = "y"
    units: Units = "metres"
    tracked: bool = False
    notes: tuple[str, ...] = ()

    @property
    def dataset(self) -> str:
        """The name of the data set."""
        return f"ntu{self.actions}"

    @property
    def layout(self) -> Layout:
        """The joints of Kinect v2."""
        return layout_by_name("ntu25")

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the actions, A001 first."""
        return NTU_CLASSES[: self.actions]

    @property
    def source(self) -> str:
        """The name of the folder or archive."""
        return self.files.name

    def items(self) -> tuple[list[SourceItem], Counter[str]]:
        """List the files to read, and count those left out by reason."""
        kept, counts, found = list[SourceItem](), Counter[str](), set[str]()
        for file in self.files.files():
            name, action = file.id.upper(), _action(file.id)
            if name in self.missing:
                found.add(name)
            if action is not None and action > self.actions:
                counts[f"actions beyond A{self.actions:03}"] += 1
            elif name in self.missing:
                counts["named in the list of missing skeletons, left out"] += 1
            else:
                kept.append(file)
                counts["recordings without a label"] += action is None
        counts = +counts
        if self.missing:
            counts["names in the list of missing skeletons"] = len(self.missing)
            counts["names of that list that were found"] = len(found)
        return kept, counts

    def read(self, file: SourceItem) -> Recording:
        """Return one recording."""
        return parse_skeleton(self.files.read(file.name), f"{file.id}{SUFFIX}")


def open_ntu(
    source: Path | tuple[Path, ...], missing: str | os.PathLike[str] | None = None, actions: int | None = None
) -> NTUReader:
    """Return the reader of a folder or a zip archive of `.skeleton` files, without the names in the file `missing`.

    `actions` is 60 or 120; None takes 120 if an action beyond 60 occurs.
    """
    files, names = _files(source), frozenset[str]() if missing is None else read_missing(Path(missing))
    if actions is not None:
        return NTUReader(files, actions, names, notes=tuple(files.not_read))
    beyond = next((file.id for file in files.walk() if (_action(file.id) or 0) > 60), None)
    note = "NTU RGB+D 60: no action beyond A060 occurs" if beyond is None else f"NTU RGB+D 120: {beyond} occurs"
    notes = (f"{note} (--format ntu60 or ntu120).", *files.not_read)
    return NTUReader(files, 60 if beyond is None else 120, names, notes=notes)


def detects_ntu(source: Path | tuple[Path, ...]) -> bool:
    """Return whether a source has `.skeleton` files."""
    return _files(source).has(lambda name: True)


def read_missing(path: Path) -> frozenset[str]:
    """Return the clip names in a list of missing skeletons, in upper case.

    The list may be UTF-8 or, with a byte-order mark, UTF-16; other text around the names is ignored.
    """
    remedy = "Name a text file with one clip per line, such as S001C002P005R002A008."
    try:
        content = read_regular(path)
        encoding = "utf-16" if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
        names = frozenset(NAME.findall(content.decode(encoding).upper()))
    except (OSError, UnicodeDecodeError) as error:
        what = f"the list of missing skeletons cannot be read ({error})."
        raise RecordingError(what, where=str(path), remedy=remedy) from error
    if not names:
        raise RecordingError("the list of missing skeletons names no clip.", where=str(path), remedy=remedy)
    return names


def read_skeleton_file(path: str | os.PathLike[str]) -> Recording:
    """Return the recording of one `.skeleton` file; RecordingError names file and line of an error."""
    return parse_skeleton(_files(Path(path)).read(Path(path).name), Path(path).name)


def parse_skeleton(content: bytes, name: str) -> Recording:
    """Return the recording in the content of the file `name`.

    The name SsssCcccPpppRrrrAaaa states setup, camera, subject, repetition and action; each may be missing. An id that
    occurs twice in one frame belongs to two bodies, numbered by their order in the frame. A joint at zero or with a
    coordinate that is not a number was not observed.
    """
    id = Path(name).stem
    action = _action(id)
    info = ClipInfo(id, None if action is None else action - 1, columns_of_name(id))
    text = _SkeletonText(content, name)
    sightings = text.sightings()
    bodies = list(dict.fromkeys(body for _, body, _ in sightings))
    require_room((len(bodies), text.frames, JOINTS, 3), name)
    joints = np.zeros((len(bodies), text.frames, JOINTS, 3))
    if sightings:
        number = {body: index for index, body in enumerate(bodies)}
        rows, frames = [number[body] for _, body, _ in sightings], [frame for frame, _, _ in sightings]
        joints[rows, frames] = text.positions(np.array([line for _, _, line in sightings]))
    observed = np.isfinite(joints).all(axis=3) & np.any(joints, axis=3)
    joints[~observed] = 0
    return Recording(info, joints, observed.astype(np.float32))


def columns_of_name(name: str) -> dict[str, int]:
    """Return the columns that a name such as S001C002P003R002A013 states besides the action; empty for other names."""
    facts = FACTS.fullmatch(name)
    return {} if facts is None else {column: int(facts[column]) for column in COLUMNS if facts[column]}


def _files(source: Path | tuple[Path, ...]) -> FileSource:
    return FileSource(source, (SUFFIX,))


def _action(name: str) -> int | None:
    """Return the number of the action that a name states, None if it states none."""
    facts = FACTS.fullmatch(name)
    return int(facts["action"]) or None if facts and facts["action"] else None


class _SkeletonText:
    """The words of a file: where each begins and ends, and the first word of each line."""

    def __init__(self, content: bytes, name: str) -> None:
        self.name, self.content = name, content
        self.characters = np.frombuffer(content, dtype=np.uint8)
        blank = (self.characters == ord(" ")) | (self.characters >= ord("\t")) & (self.characters <= ord("\r"))
        stops = np.flatnonzero(np.concatenate([[True], blank, [True]]))
        apart = np.diff(stops) > 1
        self.begins, self.ends = stops[:-1][apart], stops[1:][apart] - 1
        newlines = np.append(np.flatnonzero(self.characters == ord("\n")), len(content))
        self.first = np.concatenate([[0], np.searchsorted(self.begins, newlines)])
        self.length = np.diff(self.first).tolist()

    @cached_property
    def frames(self) -> int:
        """The number of frames, from the first line."""
        frames = self._count(0, "frames")
        return frames if frames else self._fail(0, "the recording has no frames")

    def sightings(self) -> list[tuple[int, tuple[bytes, int], int]]:
        """Return (frame, body, line of its first joint) for every body in every frame; all lines are checked."""
        found, line = [], 1
        for frame in range(self.frames):
            bodies, line = self._count(line, "bodies"), line + 1
            ids: list[bytes] = []
            for _ in range(bodies):
                body = self._check_body(line)
                found.append((frame, (body, ids.count(body)), line + 2))
                ids.append(body)
                line += BLOCK_LINES
        surplus = next((at for at in range(line, len(self.length)) if self.length[at]), None)
        if surplus is not None:
            self._fail(surplus, f"the file goes on after the last of its {self.frames} frames")
        return found

    def positions(self, lines: Int64[np.ndarray, "s"]) -> Float64[np.ndarray, "s 25 3"]:
        """Return x, y, z of the 25 joints that begin in each of the lines; NaN if the file says so."""
        offsets = JOINT_WORDS * np.arange(JOINTS)[:, None] + np.arange(3)
        words = (self.first[lines][:, None, None] + offsets).ravel()
        values = read_decimals(self.characters, self.begins[words], self.ends[words])
        for place in np.flatnonzero(~np.isfinite(values)).tolist():
            line = int(np.searchsorted(self.first, words[place], side="right")) - 1
            word = self._word(line, place % 3)
            if not NOT_A_NUMBER.fullmatch(word):
                self._fail(line, f"{_show(word)} is not a position in metres")
        return values.reshape(len(lines), JOINTS, 3)

    def _word(self, line: int, place: int = 0) -> bytes:
        number = self.first[line] + place
        return self.content[self.begins[number] : self.ends[number]]

    def _check_body(self, line: int) -> bytes:
        self._expect(line, BODY_WORDS, "a body")
        joints = self._count(line + 1, "joints")
        if joints != JOINTS:
            self._fail(line + 1, f"a body has {joints} joints instead of {JOINTS}")
        if self.length[line + 2 : line + BLOCK_LINES] != JOINT_LINES:
            for at in range(line + 2, line + BLOCK_LINES):
                self._expect(at, JOINT_WORDS, "a joint")
        return self._word(line)

    def _count(self, line: int, things: str) -> int:
        self._expect(line, 1, f"the number of {things}")
        word = self._word(line)
        if not word.isdigit() or len(word) > MOST_DIGITS:
            self._fail(line, f"{_show(word)} is not a number of {things}")
        return int(word)

    def _expect(self, line: int, words: int, what: str) -> None:
        if line >= len(self.length) or (not self.length[line] and self.first[line] == len(self.begins)):
            self._fail(min(line, len(self.length) - 1), f"the file ends where {what} was expected")
        if self.length[line] != words:
            cut = ", and the file ends there" if self.first[line + 1] == len(self.begins) else ""
            self._fail(line, f"the line of {what} has {self.length[line]} values instead of {words}{cut}")

    def _fail(self, line: int, what: str) -> NoReturn:
        raise RecordingError(f"{what}.", where=f"{self.name}:{line + 1}", remedy=REMEDY)


def _show(word: bytes) -> str:
    return repr(word[:20].decode("ascii", errors="replace"))
