"""Reading of JSON in foreign files, with errors that say what is wrong and where."""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Float64

from psp.errors import RecordingError
from psp.io.format import File
from psp.io.parse.csv_text import text_of

REMEDY = "Correct this file or leave it out."
TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"(\s*:)?|[{}\[\]]', re.DOTALL)
DEEPEST = 12
"""The greatest depth at which keys are searched."""

KeyPath = tuple[str, ...]


def read_json(file: File) -> Any:
    """Return the content of a JSON file; RecordingError names the line if it is not JSON."""
    text = text_of(file)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        cut = error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string")
        what = "the file is cut off." if cut else f"this is not JSON ({error.msg})."
        where = f"{file.name}, line {error.lineno}"
        raise RecordingError(what, where=where, remedy="Copy it again or leave it out.") from error
    except (RecursionError, ValueError) as error:
        raise RecordingError(f"this is not JSON ({error}).", where=file.name, remedy=REMEDY) from error


def fault_of(file: File) -> RecordingError | None:
    """Return the error of a file that is not JSON or holds no number; None if it is neither."""
    try:
        read_json(file)
    except RecordingError as error:
        return error
    if re.search(rb"\d", file.content):
        return None
    return RecordingError("there is no person in this file.", where=file.name, remedy="Leave this recording out.")


@lru_cache(maxsize=8)
def key_paths(head: bytes) -> frozenset[KeyPath]:
    """Return the keys at the beginning of a JSON file as paths from the root; a list is "[]"."""
    text = head.decode("utf-8", "ignore").lstrip("\ufeff \t\r\n")
    found: set[KeyPath] = set()
    path: list[str] = []
    in_list: list[bool] = []
    if not text.startswith(("{", "[")):
        return frozenset()
    for token in TOKEN.finditer(text):
        sign = token[0]
        if sign in ("{", "["):
            path.append("[]" if sign == "[" else "")
            in_list.append(sign == "[")
        elif sign in ("}", "]"):
            path, in_list = path[:-1], in_list[:-1]
        elif token[2] and path and not in_list[-1] and len(path) <= DEEPEST:
            path[-1] = token[1]
            found.add(tuple(path))
    return frozenset(found)


def member(value: Any, key: str, where: str) -> Any:
    """Return the value of a key; RecordingError if `value` is not an object or has no such key."""
    if not isinstance(value, dict):
        raise RecordingError(f"expected an object, found {kind_name(value)}.", where=where, remedy=REMEDY)
    if key not in value:
        raise RecordingError(f"there is no {key!r}.", where=where, remedy=REMEDY)
    return value[key]


def members(value: Any, key: str, where: str) -> list[Any]:
    """Return the list that an object has under a key."""
    return list_of(member(value, key, where), f"{where}, {key}")


def frames_in(content: Any, key: str, number: str, name: str) -> Iterator[tuple[int, Any, str]]:
    """Yield the number of each frame that an object lists under a key, the frame, and where it stands."""
    numbers = set[int]()
    for place, frame in enumerate(members(content, key, name)):
        where = f"{name}, entry {place} of {key}"
        found = whole_number(member(frame, number, where), f"{where}, {number}")
        if found in numbers:
            raise RecordingError(f"frame {found} occurs twice.", where=where, remedy=REMEDY)
        numbers.add(found)
        yield found, frame, where


def list_of(value: Any, where: str) -> list[Any]:
    """Return a list; RecordingError if it is something else."""
    if not isinstance(value, list):
        raise RecordingError(f"expected a list, found {kind_name(value)}.", where=where, remedy=REMEDY)
    return value


def whole_number(value: Any, where: str) -> int:
    """Return a whole number, which may be written as 3.0 or as text; RecordingError if it is something else."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, str) and re.fullmatch(r"\d{1,18}", value):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 2**63:
        raise RecordingError(f"{kind_name(value)} is not a whole number.", where=where, remedy=REMEDY)
    return value


def array_of(value: Any, where: str) -> Float64[np.ndarray, "..."]:
    """Return nested lists of numbers as an array; other entries or unequal lengths raise RecordingError."""
    try:
        array = np.array(value)
    except (ValueError, TypeError, OverflowError):
        raise RecordingError("the lists have unequal lengths.", where=where, remedy=REMEDY) from None
    if array.dtype.kind not in "iuf":
        wrong = "an entry" if isinstance(value, list) else kind_name(value)
        raise RecordingError(f"{wrong} is not a number.", where=where, remedy=REMEDY)
    return array.astype(np.float64)


def point_rows(value: Any, width: int, where: str) -> Float64[np.ndarray, "points width"]:
    """Return a flat list of numbers in rows of `width`; a length that is not a multiple raises RecordingError."""
    array = array_of(value, where)
    if array.ndim != 1 or array.size % width:
        shape = f"{array.size} numbers" if array.ndim == 1 else "a list of lists"
        what = f"expected a multiple of {width} numbers, found {shape}."
        raise RecordingError(what, where=where, remedy=REMEDY)
    return array.reshape(-1, width)


def kind_name(value: Any) -> str:
    """Return a description of a JSON value, for error messages."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    kinds = {dict: "an object", list: "a list", str: f"the text {str(value)[:40]!r}"}
    return next((name for kind, name in kinds.items() if isinstance(value, kind)), f"the number {str(value)[:40]}")
