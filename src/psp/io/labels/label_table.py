"""Reading of tables of labels in any known form, and the search for them among recordings."""

import csv
import io
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path, PurePosixPath

from psp.errors import RecordingError
from psp.io.folder import is_archive
from psp.io.format import File, nfc
from psp.io.formats import table_columns
from psp.io.labels.behaviours import FREE, find_header, read_behaviours
from psp.io.labels.facts import FactTable, columns_of, facts_of, text_of_table
from psp.io.labels.sheet import Row
from psp.io.parse.csv_text import text_of
from psp.io.source import FileSource, some

ENDINGS = (".csv", ".tsv", ".txt")
TABLE = "clips.csv"
HEAD, DELIMITERS = 16384, ("\t", ";", ",")
FORMS = "a table with file and label, BORIS events, start, end and label of intervals, or 0 and 1 for each behaviour"
NUMBERS = re.compile(
    r"(.*[_ .\-\d])?[xyz]\d*|.*(score|likelihood|confiden|visib|prob).*|joint.*|frame|keypoint.*|coords"
)
"""Names of columns that hold numbers of joints, not behaviours."""


def read_label_table(path: Path) -> FactTable:
    """Return the lines of a table of facts, or of labelled intervals in a form of `psp.io.labels.behaviours`."""
    return _table_of(text_of_table(path), str(path))


def find_label_table(source: Path | tuple[Path, ...]) -> tuple[FactTable | None, list[str]]:
    """Return the table of labels of a folder or archive, or of several together, and notes for the user.

    It is `clips.csv`, or the only table there is, or all tables together if each is of other recordings. The table of
    one of several paths is about the recordings of that path. A damaged table raises RecordingError.
    """
    if isinstance(source, Path):
        return _table_inside(source)
    tables, notes = list[FactTable](), list[str]()
    for start, path in FileSource(source, ENDINGS).roots.items():
        table, said = _table_inside(path)
        notes += [f"{start}: {note}" for note in said]
        tables += [_about(start, path, table)] if table else []
    return _chosen(tables, notes)


def _table_inside(path: Path) -> tuple[FactTable | None, list[str]]:
    """Return the table of a single folder or archive, and notes."""
    if (path / TABLE).is_file():
        return read_label_table(path / TABLE), []
    names, files = label_tables(path), FileSource(path, ENDINGS)
    tables = [_table_of(text_of(File(name, files.read(name))), name) for name in names]
    return _chosen(tables if len(tables) == 1 else list(map(_named, tables)), [])


def _about(start: str, path: Path, table: FactTable) -> FactTable:
    """Return a table whose lines are about the files of a path, whose names begin with `start`."""
    where = f"{start}/{table.where.removeprefix(f'{path}{os.sep}')}"
    lines = (replace(line, root=f"{start}/", id=line.id and f"{start}/{line.id}") for line in table.lines)
    return replace(table, lines=tuple(lines), where=where)


def _named(table: FactTable) -> FactTable:
    """Return a table whose lines all name a recording, by default the one with the name of the table."""
    own = PurePosixPath(table.where.replace("\\", "/")).stem
    return replace(table, lines=tuple(line if line.name else replace(line, name=own) for line in table.lines))


def _chosen(tables: Sequence[FactTable], notes: Sequence[str]) -> tuple[FactTable | None, list[str]]:
    """Return several tables as one, None if two are of the same recording or differ in their units, and notes."""
    if not tables:
        return None, list(notes)
    recordings = [key for table in tables for key in {(line.root, line.name) for line in table.lines}]
    units = {table.unit for table in tables if any(line.interval for line in table.lines)}
    names = some([table.where for table in tables])
    if len(set(recordings)) < len(recordings) or len(units) > 1:
        return None, [*notes, f"Of several tables of labels none is used (--table names one): {names}."]
    said = [note if len(tables) == 1 else f"{table.where}: {note}" for table in tables for note in table.notes]
    lines = tuple(line for table in tables for line in table.lines)
    found = FactTable(lines, next(iter(units), tables[0].unit), names, tuple(dict.fromkeys(said)))
    return found, [*notes, f"Labels are read from {names}."]


def _table_of(text: str, where: str) -> FactTable:
    text = nfc(text)
    table = read_behaviours(rows_of(text.splitlines(), where), where)
    if table is not None:
        return table
    names = {name for _, row in rows_of(text.splitlines()[:1], where) for name in columns_of(row)}
    if not names & {"file", "id"} and len(names) > 1:
        raise RecordingError("this table has no known form.", where=where, remedy=f"Use {FORMS}.")
    return facts_of(text, where)


def rows_of(lines: Iterable[str], where: str) -> list[Row]:
    """Return the entries of lines that are not empty; the delimiter is the one that occurs most.

    An entry of more than 131,072 characters, as after a quotation mark without its second one, raises RecordingError.
    """
    text = list(lines)
    delimiter = max(DELIMITERS, key=lambda each: sum(line.count(each) for line in text[:FREE]))
    try:
        reader = csv.reader(io.StringIO("\n".join(text), newline=""), delimiter=delimiter)
        return [(number, row) for number, row in ((reader.line_num, row) for row in reader) if any(row)]
    except csv.Error as error:
        what, remedy = f"the table cannot be read ({error}).", "Look for a quotation mark without its second one."
        raise RecordingError(what, where=where, remedy=remedy) from error


def label_tables(source: Path | tuple[Path, ...]) -> list[str]:
    """Return the names of the files of folders and archives that are tables of labels."""
    if not isinstance(source, Path):
        roots = FileSource(source, ENDINGS).roots
        return [f"{start}/{name}" for start, path in roots.items() for name in label_tables(path)]
    if source.is_file() and not is_archive(source.name):
        return []
    files = FileSource(source, ENDINGS)
    try:
        walked = list(files.walk())
    except RecordingError:
        return []
    return sorted(file.name for file in walked if is_label_table(file.name, file.stamp, files))


def without_label_tables(source: Path | tuple[Path, ...]) -> tuple[Path | tuple[Path, ...], list[Path]]:
    """Return several paths without the files that are tables of labels, and these tables.

    A single path, and paths that are all tables, are returned as they are, without tables.
    """
    tables = [] if isinstance(source, Path) else [path for path in source if path.is_file() and _is_named_table(path)]
    if isinstance(source, Path) or not tables or len(tables) == len(source):
        return source, []
    rest = tuple(path for path in source if path not in tables)
    return rest if len(rest) > 1 else rest[0], tables


def _is_named_table(path: Path) -> bool:
    files = FileSource(path, ENDINGS)
    if path.name == TABLE or not path.name.lower().endswith(ENDINGS):
        return path.name == TABLE
    return any(is_label_table(file.name, file.stamp, files) for file in files.walk())


@lru_cache(maxsize=65536)
def is_label_table(name: str, stamp: str, files: FileSource) -> bool:
    """Return whether a file is certainly a table of labels and not a recording, which may be a table too."""
    try:
        head = files.read(name, HEAD).decode("utf-8-sig", "replace")
    except RecordingError:
        return False
    rows = rows_of(head.splitlines()[: FREE - 1], name)
    if rows and table_columns.columns_of(list(dict.fromkeys(rows[0][1]))) is not None:
        return False
    found = find_header(rows)
    if found is not None and found[0] < 0:
        return True
    header = rows[found[0] if found else 0][1] if rows else []
    names = [name.lower() for name in columns_of(header)]
    if any(NUMBERS.fullmatch(each) for each in names[1:]):
        return False
    facts = {"file", "id"}.intersection(names) and {"label", "start", "start_frame"}.intersection(names)
    return found is not None or bool(facts)
