"""Reading of tables of labels in any known form, and the search for them among recordings."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path, PurePosixPath

from psp.errors import RecordingError
from psp.io.behaviours import FREE, find_header, read_behaviours
from psp.io.facts import FactTable, facts_of, text_of_table
from psp.io.sheet import Row
from psp.io.source import FileSource

ENDINGS = (".csv", ".tsv", ".txt")
TABLE = "clips.csv"
HEAD, DELIMITERS = 16384, ("\t", ";", ",")
FORMS = "a table with file and label, BORIS events, start, end and label of intervals, or 0 and 1 for each behaviour"
NUMBERS = re.compile(
    r"(.*[_ .\-\d])?[xyz]\d*|.*(score|likelihood|confiden|visib|prob).*|joint.*|frame|keypoint.*|coords"
)
"""Names of columns that hold numbers of joints, not behaviours."""


def read_label_table(path: Path) -> FactTable:
    """Return the lines of a table of facts, or of labelled intervals in one of the forms of `psp.io.behaviours`."""
    return _table_of(text_of_table(path), str(path))


def find_label_table(source: Path | tuple[Path, ...]) -> tuple[FactTable | None, list[str]]:
    """Return the table of labels of a folder or archive, and notes for the user.

    It is `clips.csv`, or the only table there is, or all tables together if each is of other recordings. A damaged
    table raises RecordingError.
    """
    if isinstance(source, Path) and (source / TABLE).is_file():
        return read_label_table(source / TABLE), []
    names = label_tables(source)
    if not names:
        return None, []
    files = FileSource(source, ENDINGS)
    tables = [_table_of(files.read(name).decode("utf-8-sig", "replace"), name) for name in names]
    found = tables[0] if len(tables) == 1 else _together(tables)
    if found is None:
        return None, [f"Of several tables of labels none is used (--table names one): {', '.join(names)}."]
    return found, [f"Labels are read from {', '.join(names)}."]


def _together(tables: Sequence[FactTable]) -> FactTable | None:
    """Return the lines of several tables as one; None if two are of the same recording or differ in their units.

    A table that names no recording is of the recording with the name of the table.
    """
    named = []
    for table in tables:
        own = PurePosixPath(table.where.replace("\\", "/")).stem
        named.append([line if line.name else replace(line, name=own) for line in table.lines])
    recordings = [name for lines in named for name in {line.name for line in lines}]
    if len(set(recordings)) < len(recordings) or len({(table.unit, table.fps) for table in tables}) > 1:
        return None
    notes = tuple(dict.fromkeys(f"{table.where}: {note}" for table in tables for note in table.notes))
    lines = tuple(line for lines in named for line in lines)
    return FactTable(lines, tables[0].unit, tables[0].where, notes, tables[0].fps)


def _table_of(text: str, where: str) -> FactTable:
    table = read_behaviours(rows_of(text.splitlines()), where)
    if table is not None:
        return table
    names = {name.strip().lower() for _, row in rows_of(text.splitlines()[:1]) for name in row}
    if not names & {"file", "id"} and len(names) > 1:
        raise RecordingError("this table has no known form.", where=where, remedy=f"Use {FORMS}.")
    return facts_of(text, where)


def rows_of(lines: Iterable[str]) -> list[Row]:
    """Return the entries of lines that are not empty; the delimiter is the one that occurs most."""
    text = list(lines)
    delimiter = max(DELIMITERS, key=lambda each: sum(line.count(each) for line in text[:FREE]))
    try:
        reader = csv.reader(io.StringIO("\n".join(text), newline=""), delimiter=delimiter)
        return [(number, row) for number, row in ((reader.line_num, row) for row in reader) if any(row)]
    except csv.Error:
        return []


def label_tables(source: Path | tuple[Path, ...]) -> list[str]:
    """Return the names of the files of a folder or archive that are tables of labels."""
    if not isinstance(source, Path) or (source.is_file() and source.suffix.lower() != ".zip"):
        return []
    files = FileSource(source, ENDINGS)
    try:
        return sorted(file.name for file in files.walk() if is_label_table(file.name, file.stamp, files))
    except RecordingError:
        return []


@lru_cache(maxsize=65536)
def is_label_table(name: str, stamp: str, files: FileSource) -> bool:
    """Return whether a file is certainly a table of labels and not a recording, which may be a table too."""
    head = files.read(name, HEAD).decode("utf-8-sig", "replace")
    rows = rows_of(head.splitlines()[: FREE - 1])
    found = find_header(rows)
    if found is not None and found[0] < 0:
        return True
    names = [entry.strip().lower() for entry in rows[found[0] if found else 0][1]] if rows else []
    if any(NUMBERS.fullmatch(each) for each in names[1:]):
        return False
    facts = {"file", "id"}.intersection(names) and {"label", "start", "start_frame"}.intersection(names)
    return found is not None or bool(facts)
