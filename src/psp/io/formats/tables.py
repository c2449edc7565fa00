"""Tables of joints: CSV files whose first line names the columns.

Wide: a line is a frame, with columns NAME_x, NAME_y and perhaps NAME_z and NAME_score (or confidence, visibility,
likelihood); also "NAME x", NAME.x, NAMEX, x_NAME, x1. Long: a line is a joint, with columns frame, joint, x, y and
perhaps z and score. Columns called frame, time (in seconds), person (or track, id), label (or class) and clip (or file,
video, sequence) are optional; an id or clip that differs in all lines numbers them. Others that are the same in all
lines of a recording are facts of it, such as subject; boxes are left out. Separators are comma, semicolon or tab; with
a semicolon numbers may have a decimal comma. Empty entries are NaN.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float64

from psp.errors import RecordingError
from psp.io.format import File, Format, Persons, Raw, without_suffix
from psp.io.formats.landmarks import HAND, named, numbered
from psp.io.formats.table_columns import COORDINATES, SCORE, Columns, columns_of, in_order
from psp.io.formats.table_rows import MOST, Rows, by_label, constants_of, joints_of, rate_of
from psp.io.labels.facts import NAMES, RESERVED, typed
from psp.io.parse.csv_text import REMEDY, csv_lines, number_rows

DECIMAL = re.compile(r"[+-]?\d*,\d*(?:[eE][+-]?\d+)?")
"""A number with a decimal comma."""

MISSING = {"na", "nan", "null", "none", "n/a", "-"}
"""Entries that mean not observed."""


def recognises_tables(name: str, head: bytes) -> bool:
    """Return whether the first line names the columns of joints, perhaps one of them twice."""
    return columns_of(list(dict.fromkeys(_header(_first_line(head))))) is not None


def parse_table(files: Sequence[File]) -> list[Raw]:
    """Return the recordings of a table."""
    (file,) = files
    separator = _separator(_first_line(file.content))
    lines = csv_lines(file, separator)
    header = next(iter(lines.values()), [])
    columns = columns_of(header)
    twice = [name for name in header if header.count(name) > 1] if columns is None else []
    if twice:
        what = f"the column {twice[0]!r} occurs twice."
        raise RecordingError(what, where=f"{file.name}, line 1", remedy="Give each column its own name.")
    if columns is None or len(lines) < 2:
        what = "the first line does not name x and y of joints." if columns is None else "there is no line of numbers."
        raise RecordingError(what, where=file.name, remedy=REMEDY)
    del lines[next(iter(lines))]
    for number, line in lines.items():
        if len(line) != len(header):
            what = f"the line has {len(line)} entries, the first line {len(header)}."
            raise RecordingError(what, where=f"{file.name}, line {number}", remedy=REMEDY)
    parts, names = _parts(columns, file.name), tuple(columns.joints)
    rows = _rows(lines, columns, parts, separator == ";", file.name)
    if columns.long:
        rows, names, columns = _pivoted(rows, columns, file.name)
    clips, id, found = rows.by_clip(), without_suffix(file.name), list[Raw]()
    for clip, frames in clips.items():
        own = id if len(clips) == 1 else f"{id}/{without_suffix(clip.replace(chr(92), '/').strip('/')) or 'unnamed'}"
        found += _recordings(frames, parts, Raw(np.empty((0, 0, 0, 0)), names=names, id=own), columns, file.name)
    return found


TABLES = Format(
    "tables", "CSV tables of joints, one line per frame or one line per joint", (".csv", ".tsv"), recognises_tables,
    parse_table, reads_to_list=True,
)  # fmt: skip


def _first_line(content: bytes) -> str:
    """Return the first line, at most 64 kB of it."""
    return content[:65536].decode("utf-8-sig", "ignore").lstrip("\r\n").partition("\n")[0].rstrip("\r")


def _separator(first: str) -> str:
    return max(",;\t", key=first.count)


def _header(first: str) -> list[str]:
    try:
        return next(csv.reader([first], delimiter=_separator(first)), [])
    except csv.Error:
        return []


def _parts(columns: Columns, name: str) -> list[str]:
    """Return the parts that the joints have: x, y, perhaps z, and perhaps score."""
    deep = ["z" in each for each in columns.joints.values()]
    if any(deep) and not all(deep):
        lacking = list(columns.joints)[deep.index(False)]
        what = f"the joint {lacking!r} has no column z, others have one."
        raise RecordingError(what, where=f"{name}, line 1", remedy=REMEDY)
    scored = any(SCORE in each for each in columns.joints.values())
    return [*COORDINATES[: 3 if all(deep) else 2], *([SCORE] if scored else [])]


def _rows(lines: Mapping[int, list[str]], columns: Columns, parts: Sequence[str], comma: bool, name: str) -> Rows:
    """Return the lines of a table, with `comma` of decimal commas too; a joint without a score has the score 1."""
    places = [each.get(part, -1) for each in columns.joints.values() for part in parts]
    values = _values(lines, places, comma, name)
    numeric = ("frame", "time") if comma else ()
    facts = {fact: _column(lines, place, fact in numeric) for fact, place in columns.facts.items()}
    free = {key: place for key, place in columns.others.items() if key not in (*NAMES, *RESERVED)}
    others = {key: typed(_column(lines, place, comma)) for key, place in free.items()}
    return Rows(facts, others, list(lines), values.reshape(len(lines), len(columns.joints), len(parts)))


def _column(lines: Mapping[int, list[str]], place: int, comma: bool) -> list[str]:
    """Return the entries of a column; with `comma`, numbers with a decimal comma have a point instead."""
    entries = [line[place].strip() for line in lines.values()]
    return [entry.replace(",", ".") if comma and DECIMAL.fullmatch(entry) else entry for entry in entries]


def _values(
    lines: Mapping[int, list[str]], places: Sequence[int], comma: bool, name: str
) -> Float64[np.ndarray, "lines entries"]:
    """Return the numbers in some columns of each line, 1 for column -1; other entries raise RecordingError."""
    rows = {number: [line[place] if place >= 0 else "1" for place in places] for number, line in lines.items()}
    for number, row in rows.items():
        known = ("" if text.strip().lower() in MISSING else text for text in row)
        rows[number] = [text.replace(",", ".") if comma else text for text in known]
    return number_rows(rows, len(places), name)


def _pivoted(rows: Rows, columns: Columns, name: str) -> tuple[Rows, tuple[str, ...], Columns]:
    """Return the rows of a long table as those of a wide one, the names of its joints, and its columns."""
    order, only_numbers = in_order(list(dict.fromkeys(rows.fact("joint"))))
    number = {joint: place for place, joint in enumerate(order)}
    frames: dict[tuple[str, str, str], int] = {}
    first, seen = list[int](), dict[tuple[int, int], int]()
    keys = zip(rows.fact("clip"), rows.persons(), rows.fact("frame"), strict=True)
    for place, (key, joint) in enumerate(zip(keys, rows.fact("joint"), strict=True)):
        if key not in frames:
            frames[key] = len(first)
            first.append(place)
        before = seen.setdefault((frames[key], number[joint]), place)
        if before != place or not joint:
            what = f"the joint {joint!r} of this frame is in line {rows.lines[before]} too."
            what = what if joint else "there is no name of a joint."
            raise RecordingError(what, where=f"{name}, line {rows.lines[place]}", remedy="Keep one line per joint.")
    if len(first) * len(order) > max(MOST, 1000 * len(rows.lines)):
        what, remedy = f"there are {len(order)} different joints.", "Give a joint the same name in every frame."
        raise RecordingError(what, where=name, remedy=remedy)
    values = np.full((len(first), len(order), rows.values.shape[2]), np.nan)
    values[tuple(np.array(list(seen)).T)] = rows.values[list(seen.values()), 0]
    kept = rows.only(first)
    wide = Rows(kept.facts, kept.others, kept.lines, values)
    return wide, tuple(order), replace(columns, numbered=only_numbers, long=False)


def _recordings(rows: Rows, parts: Sequence[str], about: Raw, columns: Columns, name: str) -> list[Raw]:
    """Return the recording of one clip, or one for each run of the same label."""
    joints, frames, first, notes = joints_of(rows, name, columns.tracks)
    size = 3 if "z" in parts else 2
    tracks: Persons = "detections" if notes else "bodies"
    raw = replace(
        about, joints=joints[..., :size], confidence=joints[..., size] if SCORE in parts else None,
        fps=rate_of(rows, frames), first=first, columns=constants_of(rows),
        persons=tracks if columns.tracks else "persons", notes=notes,
    )  # fmt: skip
    if columns.numbered:
        raw = replace(raw, names=())
        raw = numbered(raw) if columns.landmarks or joints.shape[2] not in (HAND, 2 * HAND) else raw
    return by_label(named(raw), rows, frames, name)
