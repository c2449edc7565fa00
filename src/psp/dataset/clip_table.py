"""The table of the clips of a data set: `clips.arrow`, one typed column per fact, memory-mapped.

The format is Arrow IPC (Feather version 2), uncompressed: pandas, polars, R and DuckDB read it, and a table of a
million clips opens in a millisecond because columns are mapped, whereas Parquet has to be decompressed first (0.3 s).
"""

import csv
import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
from jaxtyping import Int64, Shaped

from psp.errors import RecordingError, StoreError
from psp.skeleton.recording import ClipInfo
from psp.text import fault_of_name, shortened

CLIPS = "clips.arrow"
FIRST, LAST, DERIVED = ("id", "label"), ("persons", "frames", "first_row"), ("key", "order")
RESERVED = (*FIRST, *LAST, *DERIVED)
"""The columns that every table has."""

LONGEST_ID = 1000
REMAKE = "Prepare the data set again."

Column = Shaped[np.ndarray, "clips"]
Integers = Sequence[int] | np.ndarray


def keys_of_ids(ids: Iterable[str]) -> Int64[np.ndarray, "clips"]:
    """Return the 64-bit keys of clip ids, which seed all random numbers of a clip."""
    digests = b"".join(hashlib.blake2b(str(name).encode(), digest_size=8).digest() for name in ids)
    return np.frombuffer(digests, dtype="<i8").astype(np.int64)


class ClipTable:
    """The facts of every clip, one array per column; columns are read when they are first used.

    `label` is an index into the classes, -1 for an unlabelled clip. The joints of a clip are the `persons * frames`
    rows of the joints from `first_row` on, person by person. `key` is the seed of all random numbers of a clip, `order`
    holds the clip indices in the order of the sorted ids. `columns` are the free columns.
    """

    def __init__(self, table: pa.Table) -> None:
        self.table = table
        self.columns: Mapping[str, Column] = _Columns(table, [n for n in table.column_names if n not in RESERVED])

    @classmethod
    def of(
        cls,
        ids: Sequence[str] | np.ndarray,
        label: Integers,
        persons: Integers,
        frames: Integers,
        columns: Mapping[str, Sequence[int | float | str] | np.ndarray] | None = None,
    ) -> "ClipTable":
        """Return a table of columns in memory; clips lie one after the other in the joints."""
        numbers = {"label": label, "persons": persons, "frames": frames}
        known = {name: np.asarray(values, dtype=np.int64) for name, values in numbers.items()}
        length = known["persons"] * known["frames"]
        names = np.asarray(ids, dtype=str)
        derived = {"key": keys_of_ids(names.tolist()), "order": np.argsort(names, kind="stable")}
        free = {name: _typed(name, values) for name, values in (columns or {}).items()}
        arrays = {"id": names, "label": known.pop("label"), **free, **known, "first_row": length.cumsum() - length}
        return cls(pa.table({name: _to_arrow(values) for name, values in {**arrays, **derived}.items()}))

    def __len__(self) -> int:
        return self.table.num_rows

    @cached_property
    def id(self) -> Column:
        """The ids, an array of text."""
        return self.column("id")

    @cached_property
    def label(self) -> Int64[np.ndarray, "clips"]:
        """The class of each clip, -1 for an unlabelled one."""
        return self.column("label")

    @cached_property
    def persons(self) -> Int64[np.ndarray, "clips"]:
        """The number of persons of each clip."""
        return self.column("persons")

    @cached_property
    def frames(self) -> Int64[np.ndarray, "clips"]:
        """The number of frames of each clip."""
        return self.column("frames")

    @cached_property
    def first_row(self) -> Int64[np.ndarray, "clips"]:
        """The row of the joints at which each clip begins."""
        return self.column("first_row")

    @cached_property
    def key(self) -> Int64[np.ndarray, "clips"]:
        """The seed of all random numbers of each clip."""
        return self.column("key")

    @cached_property
    def order(self) -> Int64[np.ndarray, "clips"]:
        """The clip indices in the order of the sorted ids."""
        return self.column("order")

    def column(self, name: str) -> Column:
        """Return a column by name; an unknown name raises StoreError with the known ones."""
        if name not in self.table.column_names:
            known = ", ".join(self.columns) or "none besides id and label"
            raise StoreError(f"the clips have no column {name!r}.", remedy=f"The columns of this data set: {known}.")
        return self.columns[name] if name in self.columns else _to_numpy(self.table.column(name))

    def indices_of(self, ids: Iterable[str]) -> Int64[np.ndarray, "_"]:
        """Return the clip index of every id, -1 for an id that is not in the table."""
        wanted = np.array(list(ids), dtype=str)
        if not len(self):
            return np.full(len(wanted), -1)
        position = np.searchsorted(self.id, wanted, sorter=self.order).clip(max=len(self) - 1)
        index = self.order[position]
        return np.where(self.id[index] == wanted, index, -1)

    def info(self, index: int) -> ClipInfo:
        """Return the facts of one clip; columns whose value is missing ("" or nan) are left out."""
        columns = {name: self.columns[name][index].item() for name in self.columns}
        known = {name: value for name, value in columns.items() if value != "" and value == value}
        label = int(self.label[index])
        return ClipInfo(str(self.id[index]), None if label < 0 else label, known)


class TableBuilder:
    """A builder of a ClipTable from the facts of clips, one by one.

    A clip without a column that others have gets "" there if the column holds text, else nan.
    """

    def __init__(self, classes: int) -> None:
        self._classes = classes
        self._index: dict[str, int] = {}
        self._numbers: dict[str, list[int]] = {"label": [], "persons": [], "frames": []}
        self._columns: dict[str, dict[int, int | float | str]] = {}

    def __len__(self) -> int:
        return len(self._index)

    def add(self, info: ClipInfo, persons: int, frames: int) -> None:
        """Append a clip; an id or label that cannot be stored raises RecordingError and appends nothing."""
        self._check(info)
        index = self._index[info.id] = len(self)
        numbers = {"label": -1 if info.label is None else info.label, "persons": persons, "frames": frames}
        for name, number in numbers.items():
            self._numbers[name].append(number)
        for name, value in info.columns.items():
            self._columns.setdefault(name, {})[index] = value

    def build(self) -> ClipTable:
        """Return the table of the clips added so far."""
        columns = {name: _filled(values, len(self)) for name, values in self._columns.items()}
        return ClipTable.of(list(self._index), **self._numbers, columns=columns)

    def _check(self, info: ClipInfo) -> None:
        remedy = "Correct or leave out this recording."
        if fault := fault_of_name(info.id, LONGEST_ID):
            raise RecordingError(f"the id {fault}.", where=repr(shortened(info.id)), remedy="Rename the recording.")
        if info.id in self._index:
            raise RecordingError("two recordings have this id.", where=info.id, remedy="Give each its own id.")
        if info.label is not None and not 0 <= info.label < self._classes:
            what = f"the label {info.label} is not one of the {self._classes} classes."
            raise RecordingError(what, where=info.id, remedy=remedy)
        for name, value in info.columns.items():
            if name in RESERVED:
                what = f"the column name {name!r} is reserved."
                raise RecordingError(what, where=info.id, remedy="Rename the column.")
            if isinstance(value, str) and not _is_unicode(value):
                what = f"the column {name!r} holds text that is not valid Unicode or has zero characters."
                raise RecordingError(what, where=repr(info.id), remedy=remedy)


def write_table(table: ClipTable, path: Path) -> None:
    """Write a table as one Arrow file."""
    with pa.OSFile(os.fsencode(path), "wb") as file, pa.ipc.new_file(file, table.table.schema) as writer:
        writer.write_table(table.table)


def read_table(path: Path) -> ClipTable:
    """Return a table that `write_table` wrote, mapped into memory; StoreError if it is damaged."""
    try:
        table = pa.ipc.open_file(pa.memory_map(os.fsencode(path))).read_all()
    except pa.ArrowException as error:
        raise StoreError(f"{path.name} is damaged ({_line(error)}).", where=str(path), remedy=REMAKE) from error
    return ClipTable(_checked(table, path))


def check_table(table: ClipTable, classes: int, where: str) -> None:
    """Raise StoreError for impossible values; clips must follow each other in the joints without gaps."""
    rows = table.persons * table.frames
    possible = {
        "label": (table.label >= -1) & (table.label < classes),
        "persons": table.persons >= 1,
        "frames": table.frames >= 1,
        "first_row": table.first_row == rows.cumsum() - rows,
    }
    for name, fits in possible.items():
        if not fits.all():
            clip = int(fits.argmin())
            what = f"the {name} of clip {table.id[clip]} cannot be {table.column(name)[clip]}."
            raise StoreError(what, where=where, remedy=REMAKE)


def sha256_as_csv(table: ClipTable) -> str:
    """Return the sha256 of the table as CSV text, which does not depend on the format of its file."""
    names = (*FIRST, *table.columns, *LAST)
    digest = hashlib.sha256()
    writer = csv.writer(_Hashed(digest), lineterminator="\n")
    writer.writerow(names)
    writer.writerows(zip(*(table.column(name).tolist() for name in names), strict=True))
    return digest.hexdigest()


class _Columns(Mapping[str, Column]):
    """Free columns by name, converted when they are first used."""

    def __init__(self, table: pa.Table, names: Sequence[str]) -> None:
        self._table, self._names, self._read = table, tuple(names), dict[str, Column]()

    def __getitem__(self, name: str) -> Column:
        if name not in self._names:
            raise KeyError(name)
        if name not in self._read:
            self._read[name] = _to_numpy(self._table.column(name))
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)


class _Hashed:
    """A file for `csv.writer` that only updates a hash."""

    def __init__(self, digest: "hashlib._Hash") -> None:
        self._digest = digest

    def write(self, text: str) -> None:
        self._digest.update(text.encode())


def _checked(table: pa.Table, path: Path) -> pa.Table:
    """Return the table; StoreError unless its columns have the types that `ClipTable` needs."""
    kinds = {"id": pa.string()} | dict.fromkeys(RESERVED[1:], pa.int64())
    for name, kind in kinds.items():
        found = table.schema.field(name).type if name in table.column_names else "missing"
        if found != kind:
            what = f"the column {name} of {path.name} is {found}, not {kind}."
            raise StoreError(what, where=str(path), remedy=REMAKE)
    if not table.num_rows:
        raise StoreError(f"{path.name} has no clips.", where=str(path), remedy=REMAKE)
    return table


def _to_arrow(values: np.ndarray) -> pa.Array:
    return pa.array(values.tolist(), pa.string()) if values.dtype.kind == "U" else pa.array(values)


def _to_numpy(column: pa.ChunkedArray) -> Column:
    chunk = column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
    is_text = pa.types.is_string(chunk.type)
    values = chunk.to_numpy(zero_copy_only=False)
    return values.astype(str) if is_text else values


def _typed(name: str, values: Sequence[int | float | str] | np.ndarray) -> np.ndarray:
    """Return the values as int64, float64 or text, the narrowest that holds them all."""
    array = np.asarray(values)
    kind = {"b": np.int64, "i": np.int64, "f": np.float64, "U": np.str_}.get(array.dtype.kind)
    if kind is None:
        what = f"the column {name!r} holds values other than text and numbers of 64 bits."
        raise RecordingError(what, remedy="Write these values as text.")
    return array.astype(kind)


def _filled(values: Mapping[int, int | float | str], clips: int) -> list[int | float | str]:
    missing = "" if any(isinstance(value, str) for value in values.values()) else float("nan")
    return [values.get(index, missing) for index in range(clips)]


def _is_unicode(text: str) -> bool:
    """Return whether text can be written as UTF-8 and read back; NumPy drops zero characters at the end."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
