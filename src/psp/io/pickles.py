"""Reading of pickles of other programs without running their code: plain values and NumPy arrays only."""

import io
import pickle
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import Any, Literal

import numpy as np

from psp.errors import RecordingError

DAMAGED = (
    pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, LookupError, OverflowError,
    MemoryError, RuntimeError, SystemError,
)  # fmt: skip
"""The errors that loading a damaged pickle raises."""


def read_restricted(path: str | PathLike[str]) -> object:
    """Return the content of a pickle of lists, dicts, tuples, texts, numbers and NumPy arrays.

    A pickle is a program. If it names anything but the functions that rebuild arrays, RecordingError is raised before
    anything is called. Texts of Python 2 are read as Latin-1, as NumPy arrays of Python 2 require.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        remedy = "Name a file that exists and can be read."
        raise RecordingError(f"the file cannot be read ({error}).", where=str(path), remedy=remedy) from error
    return load_restricted(content, str(path))


def load_restricted(content: bytes, name: str) -> object:
    """Return the content of a pickle, as `read_restricted` does, from bytes; `name` is for errors."""
    try:
        return _PlainUnpickler(io.BytesIO(content), encoding="latin1").load()
    except DAMAGED as error:
        what = f"the pickle is damaged or holds more than plain values and arrays ({error})."
        raise RecordingError(what, where=name, remedy="Save plain values and arrays in it.") from error


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        """Return a function that a pickle may call; made anew, so that no pickle can alter it for the next."""
        rebuild = _rebuilding_functions().get(f"{module.replace('numpy.core', 'numpy._core')}.{name}")
        if rebuild is None:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return rebuild


def _rebuilding_functions() -> dict[str, Callable[..., object]]:
    """Return the functions that rebuild arrays, NumPy scalars and bytes, by their names in NumPy 2."""
    return {
        "numpy.ndarray": lambda *_: np.ndarray((0,), "b"),
        "numpy.dtype": np.dtype,
        "numpy._core.multiarray._reconstruct": lambda *_: np.ndarray((0,), "b"),
        "numpy._core.multiarray.scalar": lambda dtype, data: np.frombuffer(_bytes(data), dtype)[0],
        "numpy._core.numeric._frombuffer": lambda *buffer: _array_of_buffer(*buffer),
        "_codecs.encode": lambda text, _: _bytes(text),
        "__builtin__.bytes": lambda: b"",
    }


def _bytes(data: str | bytes) -> bytes:
    return data.encode("latin1") if isinstance(data, str) else data


def _array_of_buffer(
    data: bytes | bytearray,
    dtype: np.dtype,
    shape: tuple[int, ...],
    order: Literal["C", "F", "K"],
    axes: tuple[int, ...] | None = None,
) -> np.ndarray:
    """Return an array of pickle protocol 5; order "K" is row-major with its axes permuted afterwards."""
    array = np.frombuffer(data, dtype)
    return array.reshape(shape).transpose(axes) if order == "K" else array.reshape(shape, order=order)
