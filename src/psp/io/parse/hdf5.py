"""Reading of HDF5 files with h5py (the extra hdf5), in a child process; damaged files raise RecordingError."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from math import prod
from typing import Any

import numpy as np
from jaxtyping import Float64

from psp.errors import RecordingError
from psp.io.format import File
from psp.io.parse.hdf5_process import REMEDY, Child, child

SIGNATURE = b"\x89HDF\r\n\x1a\n"
PACKED = 1100
"""The largest allowed ratio of the size of unpacked data to that of the file; deflate reaches 1,032."""

DAMAGED = (
    OSError,
    RuntimeError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    OverflowError,
    MemoryError,
    IndexError,
)
"""The errors that reading a damaged file raises."""


@dataclass(frozen=True)
class Node:
    """A group or data set of the open file of a child, which knows it by its number; `name` is its path."""

    child: Child
    number: int
    name: str

    def attribute(self, key: str, default: Any = None) -> Any:
        """Return an attribute: text, a number, or a list of them; references are the paths of what they refer to."""
        value = self.child.ask("attribute", self.number, key)
        return default if value is None else value


@dataclass(frozen=True)
class Dataset(Node):
    """A data set; `kind` is the letter that NumPy has for its type."""

    shape: tuple[int, ...] | None
    dtype: str
    kind: str
    itemsize: int


class Group(Node, Mapping[str, Any]):
    """A group, as a mapping of what is in it."""

    def __getitem__(self, key: str) -> Any:
        """Return a group or data set."""
        about = self.child.ask("get", self.number, key)
        if about is None:
            raise KeyError(key)
        place = self.child, about["node"], about["name"]
        if "shape" not in about:
            return Group(*place)
        shape = None if about["shape"] is None else tuple(about["shape"])
        return Dataset(*place, shape, about["dtype"], about["kind"], about["itemsize"])

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of what is in the group."""
        return iter(self.child.ask("keys", self.number))

    def __len__(self) -> int:
        """Return how much is in the group."""
        return len(self.child.ask("keys", self.number))


@contextmanager
def opened(file: File) -> Iterator[Group]:
    """Open a file and yield its root; an error, a crash or a hang of the library becomes RecordingError."""
    if find_spec("h5py") is None:
        remedy = "Install it: pip install 'psp-learning[hdf5]'."
        raise RecordingError("HDF5 files need the package h5py.", where=file.name, remedy=remedy)
    reading = child()
    with reading.lock:
        try:
            try:
                reading.open(file)
                yield Group(reading, 0, "/")
            finally:
                reading.close()
        except DAMAGED as error:
            what = f"the HDF5 file is damaged or incomplete ({' '.join(str(error).split())[:200]})."
            raise RecordingError(what, where=file.name, remedy=REMEDY) from error


def numbers_of(group: Group, key: str, file: File) -> Float64[np.ndarray, "..."]:
    """Return a data set of numbers."""
    data = _dataset(group, key, "fiub", file)
    return data.child.ask("numbers", data.number)


def texts_of(group: Group, key: str, file: File) -> list[str]:
    """Return a data set of texts, or one text as a list."""
    data = _dataset(group, key, "SOU", file)
    return [str(text).rstrip("\0 ") for text in data.child.ask("texts", data.number)]


def _dataset(group: Group, key: str, kinds: str, file: File) -> Dataset:
    """Return a data set of some kinds of types; RecordingError if the file is too small for its stated size."""
    data = group.get(key)
    if not isinstance(data, Dataset) or data.shape is None:
        raise RecordingError(f"there is no data set {key}.", where=file.name, remedy=REMEDY)
    if prod(data.shape) * data.itemsize > PACKED * len(file.content):
        what = f"{key} states the shape {data.shape}, too large for this file."
        raise RecordingError(what, where=file.name, remedy=REMEDY)
    if data.kind not in kinds:
        wanted = "texts" if "S" in kinds else "numbers"
        raise RecordingError(f"{key} holds {data.dtype}, not {wanted}.", where=file.name, remedy=REMEDY)
    return data
