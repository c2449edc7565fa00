"""The table of facts beside own recordings, `clips.csv`: one line per clip or per interval of a long recording."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from psp.errors import RecordingError
from psp.files import read_regular
from psp.io.format import File, nfc
from psp.io.parse.csv_text import text_of

NAMES, RESERVED = ("file", "id", "label"), ("persons", "frames", "first_row", "key", "order")
SYNONYMS = dict.fromkeys(("filename", "file_name", "file name"), "file")
SYNONYMS |= dict.fromkeys(("class", "class_name", "behavior", "behaviour", "action", "activity", "gesture"), "label")
KNOWN = (*NAMES, "subject", "part", "start", "end", "start_frame", "end_frame", "fps")
"""Names of columns, which may be written in any case."""

REMEDY = "Correct this table: a column file or id, one line per recording or interval, entries between commas."
ENDS = {("start", "end"): None, ("start_frame", "end_frame"): "frames"}
"""The columns of an interval, with the unit that they state."""

MARKS = ("-1", "nan", "na", "n/a", "null", "none")
"""What programs write for a missing label, in lower case."""

Number = TypeVar("Number", int, float)
Unit = Literal["seconds", "frames"]


@dataclass(frozen=True)
class Facts:
    """One line of the table: the recording it names, its id if one is given, its label and free columns.

    `interval` is (start, end) in the unit of the table; the end is not part of it. None means the whole recording. An
    empty `name` stands for the only recording of a source. The line is about files whose names begin with `root`. `fps`
    are the frames a second of the recording, if the line states them.
    """

    name: str
    id: str | None
    label: str | None
    columns: Mapping[str, int | float | str]
    interval: tuple[float, float] | None = None
    root: str = ""
    fps: float | None = None


@dataclass(frozen=True)
class FactTable:
    """The lines of a table, the unit of their intervals (None: not stated), and where the table is."""

    lines: tuple[Facts, ...]
    unit: Unit | None
    where: str
    notes: tuple[str, ...] = ()


def read_facts(path: Path) -> FactTable:
    """Return the table of a file, see `facts_of`."""
    return facts_of(text_of_table(path), str(path))


def facts_of(text: str, path: str) -> FactTable:
    """Return a table with the columns `file` or `id` or both, `label`, and any others (`columns_of`).

    Intervals have the columns `start` and `end`, or `start_frame` and `end_frame`; `fps` is the frame rate. A column
    whose entries are all whole numbers holds int, else float if they are all numbers, else text. Empty entries are left
    out; an empty label means an unlabelled clip. A line that occurs twice counts once; two different lines of one
    recording or of one of its intervals, and a rate that is no number above 0 raise RecordingError.
    """
    header, lines = _lines(text, path)
    table = {name: [line[place].strip() for line in lines.values()] for place, name in enumerate(header)}
    ends = next((ends for ends in ENDS if set(ends) <= set(header)), ())
    free = {name: typed(values) for name, values in table.items() if name not in (*NAMES, *ends)}
    found: dict[object, Facts] = {}
    for place, number in enumerate(lines):
        where = f"{path}, line {number}"
        columns = {name: values[place] for name, values in free.items() if values[place] != ""}
        own = {name: table[name][place] for name in NAMES if name in table}
        name, interval = own.get("file") or own.get("id") or "", _interval([table[end][place] for end in ends], where)
        own_id = own.get("id") or None if interval is None or "file" in own else None
        fps = _rate(table["fps"][place], where) if "fps" in table else None
        facts = Facts(name, own_id, own.get("label") or None, columns, interval, fps=fps)
        _check(facts, found.get((name, interval)), where)
        found[name, interval] = facts
    unit: Unit | None = "frames" if ends and ENDS[ends] else None
    notes = [] if "label" in header else [f"The table has no column label; its columns are {', '.join(header)}."]
    notes += [
        f"The column {name!r} is not taken as that of an interval, because there is no column {other!r}."
        for pair in ENDS for name, other in (pair, pair[::-1]) if name in header and other not in header
    ]  # fmt: skip
    return FactTable(tuple(found.values()), unit, path, tuple(notes))


def class_names(labels: Iterable[str]) -> tuple[str, ...]:
    """Return the different labels, sorted as numbers if all are whole numbers, else alphabetically."""
    different = sorted(set(labels))
    numbers = _parsed(different, int)
    return tuple(different if numbers is None else sorted(different, key=int))


def columns_of(header: Iterable[str]) -> list[str]:
    """Return the names of columns; known ones in lower case.

    Without `file` or `label`, the first of its synonyms, in the order of SYNONYMS, is called so.
    """
    names = [name.strip() for name in header]
    names = [name.lower() if name.lower() in (*KNOWN, *SYNONYMS) else name for name in names]
    for synonym, known in SYNONYMS.items():
        if known not in names:
            names = [known if name == synonym else name for name in names]
    return names


def similar_names(names: Iterable[str]) -> list[str]:
    """Return a sentence for each group of names that differ only in case and blanks."""
    groups: dict[str, list[str]] = {}
    for name in names:
        groups.setdefault("".join(name.casefold().split()), []).append(name)
    alike = (" and ".join(map(repr, group)) for group in groups.values() if len(group) > 1)
    return [f"The classes {group} differ only in case or blanks; they are kept apart." for group in alike]


def marks_of_none(names: Iterable[str]) -> list[str]:
    """Return a sentence for each name of a class that usually marks a missing label."""
    marks = [name for name in names if name.casefold() in MARKS]
    return [f"The class {name!r} may mean that there is no label; then leave its entries empty." for name in marks]


def text_of_table(path: Path) -> str:
    """Return the text of a table, its letters spelled in one way."""
    try:
        content = read_regular(path)
    except OSError as error:
        what = f"the table cannot be read ({error.strerror})."
        raise RecordingError(what, where=str(path), remedy="Correct the path.") from error
    return nfc(text_of(File(str(path), content)))


def _lines(text: str, path: str) -> tuple[list[str], dict[int, list[str]]]:
    """Return the header and the lines by number, without empty ones; RecordingError unless it is such a table."""
    first = text.partition("\n")[0]
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=max(",;\t", key=first.count))
        header, lines = next(reader, []), dict[int, list[str]]()
        lines.update((reader.line_num, line) for line in reader if any(line))
    except csv.Error as error:
        raise RecordingError(f"the table cannot be read ({error}).", where=path, remedy=REMEDY) from error
    header = columns_of(header)
    wrong = _wrong_header(header)
    if wrong:
        raise RecordingError(wrong, where=path, remedy=REMEDY)
    for number, line in lines.items():
        if len(line) != len(header):
            what = f"line {number} has {len(line)} entries, the header {len(header)}."
            raise RecordingError(what, where=path, remedy=REMEDY)
    return header, lines


def _wrong_header(header: Sequence[str]) -> str | None:
    """Return a sentence about what is wrong with the column names, None if nothing is."""
    if "file" not in header and "id" not in header:
        return f"there is no column file or id among {', '.join(header) or 'no columns'}."
    if len(set(header)) < len(header) or "" in header:
        return "a column name occurs twice or is empty."
    reserved = [name for name in header if name in RESERVED]
    return f"the column name {reserved[0]!r} is reserved." if reserved else None


def _interval(entries: Sequence[str], where: str) -> tuple[float, float] | None:
    """Return start and end; None if both are empty or there are no such columns."""
    if not any(entries):
        return None
    try:
        start, end = (float(entry) for entry in entries)
    except ValueError:
        what = f"{' and '.join(entry or '(empty)' for entry in entries)} are not a start and an end."
        raise RecordingError(what, where=where, remedy="Write two numbers, or leave both empty.") from None
    if not 0 <= start < end < float("inf"):
        what = f"the interval from {entries[0]} to {entries[1]} is empty or begins before the recording."
        raise RecordingError(what, where=where, remedy="Write a start from 0 and an end after it.")
    return start, end


def _rate(entry: str, where: str) -> float | None:
    """Return the frames a second of a line, None for an empty entry."""
    if not entry or entry.casefold() in MARKS:
        return None
    try:
        fps = float(entry)
    except ValueError:
        fps = 0.0
    if not 0 < fps < float("inf"):
        remedy = "Write frames a second, a number above 0, or leave it empty."
        raise RecordingError(f"fps is {entry!r}.", where=where, remedy=remedy)
    return fps


def _check(facts: Facts, before: Facts | None, where: str) -> None:
    if not facts.name:
        raise RecordingError("this line names no recording.", where=where, remedy=REMEDY)
    if before is not None and before != facts:
        labels = [repr(each.label) if each.label else "no label" for each in (before, facts)]
        what = f"{facts.name!r} has two lines" + (" of one interval" if facts.interval else "")
        what += f" that contradict each other, {labels[0]} and {labels[1]}." if labels[0] != labels[1] else "."
        raise RecordingError(what, where=where, remedy="Keep one line per recording or interval.")


def typed(values: Sequence[str]) -> Sequence[int | float | str]:
    """Return entries as int (of 64 bits) or float if all entries that are not empty are such numbers, else as text."""
    whole = _parsed(values, int)
    small = whole is not None and all(number == "" or abs(int(number)) < 2**63 for number in whole)
    return (whole if small else _parsed(values, float)) or values


def _parsed(values: Sequence[str], kind: type[Number]) -> list[Number | str] | None:
    """Return the numbers, empty entries as they are; None if an entry is not a number or all are empty."""
    try:
        parsed = [kind(value) if value else "" for value in values]
    except ValueError:
        return None
    return parsed if any(values) and not any("_" in value for value in values) else None
