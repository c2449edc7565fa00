"""Formats to prepare; a new one is a class with the members of `Reader` and a `ReaderSpec`.

Another package offers a ReaderSpec under the entry-point group `psp.readers`; the entry point's name is the format's.
"""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from psp.errors import ConfigError, RecordingError
from psp.io.arrays import detects_arrays, open_arrays
from psp.io.ntu import detects_ntu, open_ntu
from psp.io.nw_ucla import detects_nw_ucla, open_nw_ucla
from psp.io.source import SourceItem
from psp.io.synthetic import detects_synthetic, open_synthetic
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Recording, Up

GROUP = "psp.readers"


@runtime_checkable
class Reader(Protocol):
    """Lists the recordings of a source and reads them one at a time; it goes to other processes by pickle."""

    @property
    def dataset(self) -> str:
        """The name of the data set."""

    @property
    def layout(self) -> Layout:
        """The layout of every recording."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes in the order of their labels."""

    @property
    def source(self) -> str:
        """Where the recordings come from, for the manifest."""

    @property
    def up(self) -> Up:
        """The axis that points up in every recording."""

    @property
    def tracked(self) -> bool:
        """Whether every body of a recording is one person, so that persons need not be chosen among bodies."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was derived or assumed, in sentences."""

    def items(self) -> tuple[list[SourceItem], Counter[str]]:
        """List what is to be read, in the order of the store, and count what is left out or worth knowing."""

    def read(self, item: SourceItem) -> Recording:
        """Return one recording; a damaged or missing one raises RecordingError with file, line and reason."""


def never(source: Path) -> bool:
    """Return False: a format that has to be asked for by name."""
    return False


@dataclass(frozen=True)
class ReaderSpec:
    """A format: how a source is opened, `open(path, **options)`, with which options, and whether a path is of it."""

    open: Callable[..., Reader]
    description: str
    detects: Callable[[Path], bool] = never
    options: tuple[str, ...] = ()


READERS: dict[str, ReaderSpec] = {
    "ntu": ReaderSpec(open_ntu, "NTU RGB+D 60 or 120, .skeleton files", detects_ntu, ("missing",)),
    "ntu60": ReaderSpec(partial(open_ntu, actions=60), "NTU RGB+D 60, actions 1 to 60", options=("missing",)),
    "ntu120": ReaderSpec(partial(open_ntu, actions=120), "NTU RGB+D 120", options=("missing",)),
    "nw-ucla": ReaderSpec(open_nw_ucla, "Northwestern-UCLA, .json files of the archive all_sqe", detects_nw_ucla),
    "arrays": ReaderSpec(open_arrays, "own recordings, .npy or .npz files", detects_arrays, ("layout", "up")),
    "synthetic": ReaderSpec(
        open_synthetic, "built-in data, the word synthetic", detects_synthetic, ("layout", "clips", "seed")
    ),
} | {point.name: point.load() for point in entry_points(group=GROUP)}


def detect_format(source: str | os.PathLike[str]) -> str:
    """Return the name of the format of a source; none or several raise RecordingError with the known formats."""
    path = Path(source)
    found = [name for name, spec in READERS.items() if spec.detects(path)]
    if len(found) == 1:
        return found[0]
    if len(found) > 1:
        what = f"this may be {' or '.join(found)}."
        raise RecordingError(what, where=str(path), remedy="Name the format with --format.")
    if not path.exists():
        raise RecordingError("the source does not exist.", where=str(path), remedy="Correct the path.")
    known = "; ".join(f"{name} ({spec.description})" for name, spec in READERS.items() if spec.detects is not never)
    raise RecordingError("no known recordings are in here.", where=str(path), remedy=f"Known formats: {known}.")


def open_reader(source: str | os.PathLike[str], format: str | None = None, **options: Any) -> Reader:
    """Open a source of recordings with the reader of a format; None finds the format.

    Options that are None are left out; one that the format does not have raises ConfigError. Built-in formats have
    `layout` and `up` (arrays), `missing` (NTU RGB+D), and `layout`, `clips` and `seed` (synthetic).
    """
    name = detect_format(source) if format is None else format
    if name not in READERS:
        near = get_close_matches(name, READERS, n=1)
        remedy = f"Did you mean {near[0]!r}?" if near else f"Choose one of {', '.join(READERS)}."
        raise ConfigError(f"there is no format {name!r}.", remedy=remedy)
    given = {option: value for option, value in options.items() if value is not None}
    for option in given:
        if option not in READERS[name].options:
            raise ConfigError(f"recordings of {name!r} have no such option.", where=option, remedy="Leave it out.")
    return READERS[name].open(Path(source), **given)
