"""Reading of pickles of other programs without running their code: plain values and NumPy arrays only.

A pickle is a program for a stack machine. Only the instructions that make plain values are known here, and arrays are
made by this module from checked shapes, types and bytes: neither Python's nor NumPy's own code for pickles, written in
C, sees the content of a file.
"""

import io
import pickle
import re
import struct
from collections.abc import Callable, Iterable, Mapping
from math import prod
from os import PathLike
from pathlib import Path
from types import FunctionType
from typing import Any, ClassVar

import numpy as np

from psp.errors import RecordingError
from psp.files import read_regular

DAMAGED = (
    pickle.UnpicklingError, EOFError, ValueError, TypeError, AttributeError, LookupError, OverflowError,
    MemoryError, RuntimeError, AssertionError, struct.error,
)  # fmt: skip
"""The errors that loading a damaged pickle raises."""

KINDS = re.compile(r"[?bhilqpBHILQPefdgFDO]|[biufc]\d{1,2}|[SU]\d{1,9}|O\d")
"""The names of the types of arrays."""

SCALARS = (type(None), bool, int, float, complex, str, bytes, bytearray, np.generic, np.dtype, FunctionType)

INSTRUCTIONS = (
    "PROTO", "FRAME", "STOP", "MARK", "POP", "POP_MARK", "NONE", "NEWTRUE", "NEWFALSE", "INT", "BININT", "BININT1",
    "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT", "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE",
    "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "EMPTY_LIST",
    "EMPTY_DICT", "EMPTY_TUPLE", "LIST", "TUPLE", "TUPLE1", "TUPLE2", "TUPLE3", "APPEND", "APPENDS", "GLOBAL",
    "STACK_GLOBAL", "REDUCE", "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE",
)  # fmt: skip
"""The instructions (by their names in the modules pickle and pickletools) that need no further check."""


def read_restricted(path: str | PathLike[str]) -> object:
    """Return the content of a pickle of lists, dicts, tuples, texts, numbers and NumPy arrays.

    If it names anything but the functions that rebuild arrays, RecordingError is raised before anything is called.
    Texts of Python 2 are read as Latin-1, as NumPy arrays of Python 2 require.
    """
    try:
        content = read_regular(Path(path))
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


class _Unbuilt:
    """An array or type of numbers before the instruction BUILD, which gives its content."""

    def __init__(self, build: Callable[[Any], Any]) -> None:
        self.build = build
        self.value: Any = None


class _PlainUnpickler(pickle._Unpickler):
    """The unpickler of Python's library that is written in Python, with fewer instructions."""

    stack: list[Any]
    memo: dict[int, Any]
    unbuilt = 0

    def find_class(self, module: str, name: str) -> Any:
        """Return a function that a pickle may call; made anew, so that no pickle can alter it for the next."""
        rebuild = _rebuilding_functions().get(f"{module.replace('numpy.core', 'numpy._core')}.{name}")
        if rebuild is None:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return rebuild

    def load_reduce(self) -> None:
        """Call a function of `_rebuilding_functions`."""
        arguments, function = self.stack.pop(), self.stack.pop()
        if not isinstance(function, FunctionType):
            raise pickle.UnpicklingError("it calls what is no function")
        made = function(*arguments)
        self.unbuilt += isinstance(made, _Unbuilt)
        self.stack.append(made)

    def load_build(self) -> None:
        """Replace what `load_reduce` made by the array or type of its content."""
        state, target = self.stack.pop(), self.stack.pop()
        if not isinstance(target, _Unbuilt) or target.value is not None:
            raise pickle.UnpicklingError("it builds more than arrays")
        target.value = target.build(state)
        self.unbuilt -= 1
        self.stack.append(target.value)

    def load_stop(self) -> None:
        """End; an array without content is refused."""
        if self.unbuilt:
            raise pickle.UnpicklingError("an array has no content")
        super().load_stop()  # type: ignore[misc]

    def load_bytearray8(self) -> None:
        """Read bytes; as many as there are, whatever number is stated."""
        (size,) = struct.unpack("<Q", self.read(8))  # type: ignore[attr-defined]
        self.stack.append(bytearray(self.read(size)))  # type: ignore[attr-defined]

    def load_dict(self) -> None:
        """Make a dict of what is on the stack."""
        items = self.pop_mark()  # type: ignore[attr-defined]
        self.stack.append({})
        self._fill(items)

    def load_setitem(self) -> None:
        """Put an item into a dict."""
        value, key = self.stack.pop(), self.stack.pop()
        self._fill([key, value])

    def load_setitems(self) -> None:
        """Put items into a dict."""
        self._fill(self.pop_mark())  # type: ignore[attr-defined]

    def load_empty_set(self) -> None:
        """Make a set."""
        self.stack.append(set())

    def load_additems(self) -> None:
        """Put items into a set."""
        items = self.pop_mark()  # type: ignore[attr-defined]
        _require_keys(items)
        self.stack[-1].update(items)

    def _fill(self, items: list[Any]) -> None:
        if not isinstance(self.stack[-1], dict):
            raise pickle.UnpicklingError("it fills what is no dict")
        _require_keys(items[::2])
        self.stack[-1].update(zip(items[::2], items[1::2], strict=True))

    def _recall(self, number: int) -> None:
        """Push what was made before; lists and dicts may not be used twice, so that nothing holds itself."""
        value = self.memo[number]
        if isinstance(value, _Unbuilt) and value.value is not None:
            value = value.value
        if not (_is_scalar(value) or _is_flat(value)):
            raise pickle.UnpicklingError("it uses a list or dict twice")
        self.stack.append(value)

    def load_get(self) -> None:
        """Push a value by its number, written as text."""
        self._recall(int(self.readline()[:-1]))  # type: ignore[attr-defined]

    def load_binget(self) -> None:
        """Push a value by its number, one byte."""
        self._recall(self.read(1)[0])  # type: ignore[attr-defined]

    def load_long_binget(self) -> None:
        """Push a value by its number, four bytes."""
        self._recall(struct.unpack("<I", self.read(4))[0])  # type: ignore[attr-defined]

    dispatch: ClassVar[dict[int, Any]] = {
        **{getattr(pickle, name)[0]: pickle._Unpickler.dispatch[getattr(pickle, name)[0]] for name in INSTRUCTIONS},
        pickle.REDUCE[0]: load_reduce,
        pickle.BUILD[0]: load_build,
        pickle.STOP[0]: load_stop,
        pickle.BYTEARRAY8[0]: load_bytearray8,
        pickle.DICT[0]: load_dict,
        pickle.SETITEM[0]: load_setitem,
        pickle.SETITEMS[0]: load_setitems,
        pickle.EMPTY_SET[0]: load_empty_set,
        pickle.ADDITEMS[0]: load_additems,
        pickle.GET[0]: load_get,
        pickle.BINGET[0]: load_binget,
        pickle.LONG_BINGET[0]: load_long_binget,
    }


def _rebuilding_functions() -> Mapping[str, Callable[..., object]]:
    """Return the functions that rebuild arrays, NumPy scalars and bytes, by their names in NumPy 2."""
    return {
        "numpy.ndarray": lambda: None,
        "numpy.dtype": lambda name, *_: _Unbuilt(lambda state: _type(name, state)),
        "numpy._core.multiarray._reconstruct": lambda *_: _Unbuilt(lambda state: _array(*state[-4:])),
        "numpy._core.multiarray.scalar": lambda kind, data: _of_bytes(_bytes(data), kind)[0],
        "numpy._core.numeric._frombuffer": lambda *buffer: _array_of_buffer(*buffer),
        "_codecs.encode": lambda text, _: _bytes(text),
        "__builtin__.bytes": lambda: b"",
    }


def _bytes(data: Any) -> bytes:
    if not isinstance(data, str | bytes | bytearray):
        raise pickle.UnpicklingError("an array has content other than bytes")
    return data.encode("latin1") if isinstance(data, str) else bytes(data)


def _type(name: Any, state: Any) -> np.dtype:
    """Return a type of numbers, text or objects; one with fields or of a shape is refused."""
    _, order, *nested = state[:5]
    if not isinstance(name, str) or not KINDS.fullmatch(name) or any(each is not None for each in nested):
        raise pickle.UnpicklingError(f"an array holds {str(name)[:40]!r}")
    return np.dtype(name) if order not in ("<", ">") else np.dtype(name).newbyteorder(order)


def _of_bytes(data: bytes, kind: Any) -> np.ndarray:
    if not isinstance(kind, np.dtype) or kind.hasobject:
        raise pickle.UnpicklingError("bytes are not Python objects")
    return np.frombuffer(data, kind)


def _array(shape: Any, kind: Any, is_fortran: Any, data: Any) -> np.ndarray:
    """Return an array; one of objects has a list of them."""
    if not isinstance(shape, tuple) or not all(type(size) is int and size >= 0 for size in shape):
        raise pickle.UnpicklingError("the shape of an array is not a tuple of numbers")
    if isinstance(kind, np.dtype) and kind.hasobject:
        if not isinstance(data, list) or len(data) != prod(shape):
            raise pickle.UnpicklingError("an array of objects has content other than objects")
        flat = np.empty(len(data), dtype=object)
        for number, value in enumerate(data):
            flat[number] = value
    else:
        flat = _of_bytes(_bytes(data), kind)
    return flat.reshape(shape, order="F" if is_fortran else "C").copy(order="K")


def _array_of_buffer(data: Any, kind: Any, shape: Any, order: Any, axes: Any = None) -> np.ndarray:
    """Return an array of pickle protocol 5; order "K" is row-major with its axes permuted afterwards."""
    array = _of_bytes(_bytes(data), kind)
    return array.reshape(shape).transpose(axes) if order == "K" else array.reshape(shape, order=order)


def _is_scalar(value: Any) -> bool:
    return isinstance(value, SCALARS) or (isinstance(value, np.ndarray) and not value.dtype.hasobject)


def _is_flat(value: Any) -> bool:
    return isinstance(value, tuple) and all(map(_is_scalar, value))


def _require_keys(keys: Iterable[Any]) -> None:
    """Refuse keys whose hash would be computed over many levels."""
    for key in keys:
        if not isinstance(key, SCALARS) and not _is_flat(key):
            raise pickle.UnpicklingError("a key is not text or a number")
