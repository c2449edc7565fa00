"""Reading of HDF5 files with h5py (the extra hdf5); damaged files raise RecordingError."""

import io
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from jaxtyping import Float64

from psp.errors import RecordingError
from psp.io.format import File

try:
    import h5py
    from h5py import Dataset, Group
except ImportError:
    h5py = None

    class Group:  # type: ignore[no-redef]
        """The type of a group if h5py is not installed."""

    class Dataset:  # type: ignore[no-redef]
        """The type of a data set if h5py is not installed."""


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

REMEDY = "Export or copy the file again."


@contextmanager
def opened(file: File) -> Iterator[Group]:
    """Open a file and yield its root; an error of the library becomes RecordingError."""
    if h5py is None:
        remedy = "Install it: pip install 'psp-learning[hdf5]'."
        raise RecordingError("HDF5 files need the package h5py.", where=file.name, remedy=remedy)
    try:
        with h5py.File(io.BytesIO(file.content), "r") as root:
            yield root
    except DAMAGED as error:
        what = f"the HDF5 file is damaged or incomplete ({' '.join(str(error).split())[:200]})."
        raise RecordingError(what, where=file.name, remedy=REMEDY) from error


def numbers_of(group: Group, key: str, file: File) -> Float64[np.ndarray, "..."]:
    """Return a data set of numbers."""
    array = np.asarray(_read(group, key, file))
    if array.dtype.kind not in "fiub":
        raise RecordingError(f"{key} holds {array.dtype}, not numbers.", where=file.name, remedy=REMEDY)
    return array.astype(np.float64)


def texts_of(group: Group, key: str, file: File) -> list[str]:
    """Return a data set of texts, or one text as a list."""
    array = np.asarray(_read(group, key, file))
    if array.dtype.kind not in "SOU":
        raise RecordingError(f"{key} holds {array.dtype}, not texts.", where=file.name, remedy=REMEDY)
    texts = [
        text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text) for text in array.ravel().tolist()
    ]
    return [text.rstrip("\0 ") for text in texts]


def _read(group: Group, key: str, file: File) -> object:
    """Return the content of a data set; RecordingError if the file is too small for its stated size."""
    data = group.get(key)
    if not isinstance(data, Dataset) or data.shape is None:
        raise RecordingError(f"there is no data set {key}.", where=file.name, remedy=REMEDY)
    if data.size * data.dtype.itemsize > PACKED * len(file.content):
        what = f"{key} states the shape {data.shape}, too large for this file."
        raise RecordingError(what, where=file.name, remedy=REMEDY)
    return data[()]
