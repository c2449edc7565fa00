"""Data sets to prepare; a new one is a class with the members of `Reader` and a line in `READERS`."""

import os
from collections import Counter
from collections.abc import Callable
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Protocol, runtime_checkable

from psp.io.ntu import open_ntu
from psp.io.nw_ucla import open_nw_ucla
from psp.io.synthetic import SyntheticReader
from psp.skeleton.recording import RawRecording
from psp.io.source import SourceItem
from psp.synthetic import SyntheticConfig
from psp.errors import ConfigError
from psp.skeleton.layout import Layout


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

    def items(self) -> tuple[list[SourceItem], Counter[str]]:
        """List what is to be read, in the order of the store, and count what is left out by reason."""

    def read(self, item: SourceItem) -> RawRecording:
        """Read one recording; a damaged or missing one raises RecordingError with file, line and reason."""


READERS: dict[str, Callable[..., Reader]] = {
    "ntu60": partial(open_ntu, actions=60),
    "ntu120": partial(open_ntu, actions=120),
    "nw-ucla": open_nw_ucla,
    "synthetic": SyntheticReader,
}


def open_reader(dataset: str, source: str | os.PathLike[str] | SyntheticConfig, missing: Path | None = None) -> Reader:
    """Open a source: a path, or a SyntheticConfig for "synthetic"; `missing` is for NTU RGB+D only."""
    if dataset not in READERS:
        near = get_close_matches(dataset, READERS, n=1)
        remedy = f"Did you mean {near[0]!r}?" if near else f"Choose one of {', '.join(READERS)}."
        raise ConfigError(f"there is no data set {dataset!r}.", remedy=remedy)
    if (dataset == "synthetic") != isinstance(source, SyntheticConfig):
        remedy = "Give a SyntheticConfig for 'synthetic' and a path for every other data set."
        raise ConfigError(f"{source!r} is not a source of {dataset!r}.", remedy=remedy)
    if missing is not None and not dataset.startswith("ntu"):
        raise ConfigError(f"{dataset!r} has no list of missing skeletons.", where="missing", remedy="Leave it out.")
    place = source if isinstance(source, SyntheticConfig) else Path(source)
    return READERS[dataset](place) if missing is None else READERS[dataset](place, missing=missing)
