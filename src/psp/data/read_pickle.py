"""Read pickles of other programs without running their code: plain values and NumPy arrays only."""

import io
import pickle
from pathlib import Path
from typing import Any

from psp.errors import RecordingError

ALLOWED = {
    ("_codecs", "encode"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    *(
        (f"numpy.{core}.{module}", name)
        for core in ("core", "_core")
        for module, name in (
            ("multiarray", "_reconstruct"),
            ("multiarray", "scalar"),
            ("numeric", "_frombuffer"),
        )
    ),
    ("numpy", "str_"),
}
"""The only callables that a pickle may name: what NumPy needs to rebuild arrays, scalars and text."""

DAMAGED = (
    pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, LookupError, OverflowError, MemoryError
)  # fmt: skip


class _PlainUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in ALLOWED:
            raise pickle.UnpicklingError(f"it wants to call {module}.{name}")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def read_pickle(path: Path) -> Any:
    """Return lists, tuples, dicts, text, numbers and arrays; a pickle that names anything else raises RecordingError."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RecordingError(f"the file cannot be read ({error}).", where=str(path)) from error
    try:
        return _PlainUnpickler(io.BytesIO(content)).load()
    except DAMAGED as error:
        what = f"this pickle is damaged or holds more than plain values and arrays ({error})."
        raise RecordingError(what, where=str(path), remedy="Use a file from a source that you trust.") from error
