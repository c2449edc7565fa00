"""What is known about every clip of a store: `clips.csv` for people, and the same as arrays that open at once.

`columns.npy` holds the numbers of `clips.csv`, one row a column, and two more that take long to work out for many
clips: `key` and `order`. `ids.npy` holds the ids. Both are memory-mapped and read where they are needed.
"""

import csv
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from tokenize import TokenError

import numpy as np
from jaxtyping import Int64

from psp.batches.counter_rng import keys_of_ids
from psp.errors import StoreError

INDEX = ("ids.npy", "columns.npy")
DERIVED = ("key", "order")
REMAKE = "Prepare the data set again."


@dataclass(frozen=True, eq=False)
class ClipTable:
    """What is known about every clip, one array per column of `clips.csv`; label -1 means unlabelled.

    A clip's joints are `persons * frames` rows of `joints.npy` from `first_row` on, person by person.
    """

    id: np.ndarray
    label: Int64[np.ndarray, "clips"]
    subject: Int64[np.ndarray, "clips"]
    camera: Int64[np.ndarray, "clips"]
    setup: Int64[np.ndarray, "clips"]
    repetition: Int64[np.ndarray, "clips"]
    persons: Int64[np.ndarray, "clips"]
    frames: Int64[np.ndarray, "clips"]
    first_row: Int64[np.ndarray, "clips"]
    derived: Mapping[str, Int64[np.ndarray, "clips"]] = field(default_factory=dict, kw_only=True)

    def __len__(self) -> int:
        return len(self.id)

    @cached_property
    def key(self) -> Int64[np.ndarray, "clips"]:
        """The number from which everything random about a clip is drawn."""
        return self.derived["key"] if "key" in self.derived else keys_of_ids(self.id.tolist()).numpy()

    @cached_property
    def order(self) -> Int64[np.ndarray, "clips"]:
        """The rows in the order of the sorted ids."""
        return self.derived["order"] if "order" in self.derived else np.argsort(self.id, kind="stable")

    @cached_property
    def row_of_id(self) -> dict[str, int]:
        """Where each clip stands in the table."""
        return {name: row for row, name in enumerate(self.id.tolist())}

    def rows_of(self, ids: Iterable[str]) -> Int64[np.ndarray, "_"]:
        """Where some clips stand in the table, found without a dictionary of all; -1 for an id that is not there."""
        wanted = np.array(list(ids), dtype=str)
        place = np.searchsorted(self.id, wanted, sorter=self.order).clip(max=len(self) - 1)
        rows = self.order[place]
        return np.where(self.id[rows] == wanted, rows, -1)


COLUMNS = tuple(column.name for column in fields(ClipTable) if column.name != "derived")
NUMBERS = (*COLUMNS[1:], *DERIVED)
"""What the rows of `columns.npy` are."""


def read_table(path: Path) -> ClipTable:
    """Read `clips.csv`."""
    try:
        with path.open(newline="") as file:
            header, *rows = csv.reader(file)
        name, *numbers = zip(header, *rows, strict=True)
        columns = [np.array(column[1:], dtype=np.int64) for column in numbers]
    except (ValueError, OverflowError, csv.Error) as error:
        raise StoreError(f"clips.csv is damaged ({error}).", where=str(path), remedy=REMAKE) from error
    if tuple(header) != COLUMNS or not rows:
        raise StoreError("clips.csv has no clips or unknown columns.", where=str(path), remedy=REMAKE)
    return ClipTable(np.array(name[1:]), *columns)


def write_index(folder: Path, table: ClipTable) -> None:
    """Write the table as arrays, flushed to the disk."""
    columns = np.stack([getattr(table, name) for name in NUMBERS])
    for name, content in zip(INDEX, (table.id, columns), strict=True):
        with (folder / name).open("wb") as file:
            np.save(file, content, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())


def read_index(folder: Path) -> ClipTable:
    """Map the arrays that `write_index` wrote."""
    ids, numbers = (map_array(folder / name) for name in INDEX)
    for name, array, fits in (
        ("ids.npy", ids, ids.dtype.kind == "U" and ids.ndim == 1 and len(ids) > 0),
        ("columns.npy", numbers, numbers.dtype == np.int64 and numbers.shape == (len(NUMBERS), *ids.shape)),
    ):
        if not fits:
            what = f"{name} holds {array.dtype} of the shape {array.shape}."
            raise StoreError(what, where=str(folder), remedy=REMAKE)
    columns = dict(zip(NUMBERS, numbers, strict=True))
    return ClipTable(ids, derived={name: columns.pop(name) for name in DERIVED}, **columns)


def map_array(path: Path) -> np.ndarray:
    """Map an array file into memory; what a program changes in it never reaches the disk."""
    try:
        return np.load(path, mmap_mode="c")
    except (ValueError, TypeError, OverflowError, EOFError, SyntaxError, TokenError) as error:
        raise StoreError(f"{path.name} is damaged ({error}).", where=str(path), remedy=REMAKE) from error


def check_table(table: ClipTable, classes: int, folder: Path) -> None:
    """Refuse impossible values; clips lie one after the other in the joints."""
    rows = table.persons * table.frames
    possible = {
        "label": (table.label >= -1) & (table.label < classes),
        "persons": table.persons >= 1,
        "frames": table.frames >= 1,
        "first_row": table.first_row == rows.cumsum() - rows,
    }
    possible |= {name: getattr(table, name) >= 0 for name in ("subject", "camera", "setup", "repetition")}
    for name, fits in possible.items():
        if not fits.all():
            clip = int(fits.argmin())
            what = f"the {name} of clip {table.id[clip]} cannot be {getattr(table, name)[clip]}."
            raise StoreError(what, where=str(folder), remedy=REMAKE)
