"""Recordings of one or several animals from the columns of a table."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float64, Int64

from psp.errors import RecordingError
from psp.io.format import Raw, Units
from psp.io.parse.limits import require_room

ANIMAL = re.compile(
    r"[ABCEGJKNQWXYZ]|(ind|individual|id|animal|mouse|rat|fly|fish|bird|bee|ant|worm|monkey|dog|pup|subject|person"
    r"|track|adult|juvenile|male|female|resident|intruder|black|white)[A-Za-z]*\d*",
    re.IGNORECASE,
)
SHARED = 3
"""The smallest number of common parts for which prefixes of the parts are taken as animals."""

Column = tuple[str, str, str]
"""Individual, part and coordinate."""


@dataclass(frozen=True)
class Table:
    """A table with one row per frame: the meaning of its columns, the frame of each row from 0, and the numbers.

    `first` is that of `Raw`.
    """

    columns: Sequence[Column]
    frames: Int64[np.ndarray, "rows"]
    values: Float64[np.ndarray, "rows columns"]
    first: int = 0


def split_prefixes(parts: Sequence[str]) -> list[tuple[str, str]] | None:
    """Return (individual, part) for names such as "mouse1_nose"; None if they are not those of several animals."""
    pairs = [(name.partition("_")[0], name.partition("_")[2]) for name in parts]
    animals = list(dict.fromkeys(animal for animal, _ in pairs))
    each = [[part for animal, part in pairs if animal == one] for one in animals]
    alike = all(sorted(one) == sorted(each[0]) for one in each)
    named = all(ANIMAL.fullmatch(animal) for animal in animals)
    return pairs if alike and named and len(animals) > 1 and len(each[0]) >= SHARED else None


def recording_of_table(table: Table, name: str) -> Raw:
    """Return the recording of a table, in pixels if it has two coordinates.

    The coordinates are x, y, z and likelihood. A joint is not observed where a coordinate is NaN, the likelihood is
    NaN or 0, or all coordinates are 0 and there is no likelihood above it.
    """
    columns, notes = table.columns, list[str]()
    if len({animal for animal, _, _ in columns}) == 1:
        parts = [part for _, part, _ in columns]
        pairs = split_prefixes(list(dict.fromkeys(parts)))
        if pairs:
            animal_of = dict(zip(dict.fromkeys(parts), pairs, strict=True))
            columns = [(*animal_of[part], coordinate) for _, part, coordinate in columns]
            notes.append(f"The parts belong to {', '.join(dict.fromkeys(one for one, _ in pairs))}, by their names.")
    place = {column: number for number, column in enumerate(columns)}
    if len(place) < len(columns):
        twice = next(column for column in columns if list(columns).count(column) > 1)
        what = f"the column {' '.join(each for each in twice if each)} occurs twice."
        raise RecordingError(what, where=name, remedy="Keep one of them.")
    animals, parts, left = _shared_parts(columns, name)
    notes += [f"Parts that not all animals have are left out: {', '.join(left)}."] if left else []
    wanted = [each for each in ("x", "y", "z", "likelihood") if each in "xy" or (animals[0], parts[0], each) in place]
    lacking = [(a, p, w) for a in animals for p in parts for w in wanted if (a, p, w) not in place]
    if lacking:
        what = f"there is no column {' '.join(each for each in lacking[0] if each)}."
        raise RecordingError(what, where=name, remedy="Export the table again.")
    order = [place[animal, part, each] for animal in animals for part in parts for each in wanted]
    require_room((int(table.frames.max()) + 1, len(order)), name)
    values = np.full((int(table.frames.max()) + 1, len(order)), np.nan)
    values[table.frames] = table.values[:, order]
    each = values.reshape(len(values), len(animals), len(parts), len(wanted)).transpose(1, 0, 2, 3)
    return replace(_raw(each, 2 + ("z" in wanted), tuple(parts), tuple(notes)), first=table.first)


def _shared_parts(columns: Sequence[Column], name: str) -> tuple[list[str], list[str], list[str]]:
    """Return the animals, the parts that all of them have, and the other parts."""
    parts_of: dict[str, list[str]] = {}
    for animal, part, _ in columns:
        parts_of.setdefault(animal, []).append(part)
    if len(parts_of) > 1:
        parts_of.pop("single", None)
    if not parts_of:
        raise RecordingError("the table has no columns.", where=name, remedy="Export the table again.")
    shared = set.intersection(*map(set, parts_of.values()))
    first = list(dict.fromkeys(next(iter(parts_of.values()))))
    if not shared:
        raise RecordingError("the animals have no part in common.", where=name, remedy="Save a table for each of them.")
    left = dict.fromkeys(part for _, part, _ in columns if part not in shared)
    return list(parts_of), [part for part in first if part in shared], list(left)


def _raw(values: Float64[np.ndarray, "m t v k"], channels: int, names: tuple[str, ...], notes: tuple[str, ...]) -> Raw:
    joints = values[..., :channels].copy()
    scored = values.shape[3] > channels
    score = np.nan_to_num(values[..., channels]) if scored else np.zeros(values.shape[:3])
    joints[(joints == 0).all(axis=3) & (score <= 0)] = np.nan
    confidence = score if scored else None
    units: Units = "pixels" if channels == 2 else "unknown units"
    return Raw(joints, confidence, names=names, units=units, notes=notes)
