"""What the attacks share: how often they are tried, mutations of files, and commands whose output is judged.

`make test` tries everything a few times, `make attack` many times (the variable PSP_ATTACK is the factor).
"""

import os
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from psp.cli.main import main

FACTOR = int(os.environ.get("PSP_ATTACK", "1"))

ODD = [
    b"nan",
    b"-1",
    b"1e400",
    b"1e39",
    b"null",
    b"[]",
    b"{}",
    b'""',
    b"9" * 25,
    b"9" * 5000,
    b"0",
    b",",
    b"\n",
    b"inf",
]

WRONG: list[Any] = [None, True, -1, 1.5, 10**30, "", "[/]\x1b[31m$^$", [], [[[]]], {}, {"a": {"b": []}}, float("nan")]
"""Values that a key of a JSON file may have after an edit."""

ESCAPES = ("\x1b", "\x07", "\r", "\u202e")


def mutated(content: bytes, draw: np.random.Generator) -> bytes:
    """Return content with some bytes changed, removed, doubled or cut off, or a number replaced by an odd one."""
    at, length = int(draw.integers(len(content))), int(draw.integers(1, 40))
    kind = draw.integers(7)
    if kind == 0:
        return content[:at]
    if kind == 1:
        return content[:at] + content[at + length :]
    if kind == 2:
        return content[: at + length] + content[at:]
    if kind == 3:
        return content[:at] + draw.bytes(length) + content[at + length :]
    if kind == 4:
        return content[:at] + bytes([content[at] ^ 1 << int(draw.integers(8))]) + content[at + 1 :]
    word = ODD[draw.integers(len(ODD))]
    stop = at
    while stop < len(content) and content[stop : stop + 1] in b"0123456789.-" and content[stop : stop + 1]:
        stop += 1
    return content[:at] + word + content[max(stop, at + 1) :]


def edits(content: Any) -> Iterator[Any]:
    """Yield copies of a JSON value with one key or entry missing or wrong."""
    if isinstance(content, dict):
        for key, value in content.items():
            yield {name: each for name, each in content.items() if name != key}
            yield from ({**content, key: wrong} for wrong in WRONG if type(wrong) is not type(value))
            yield from ({**content, key: inner} for inner in edits(value))
    elif isinstance(content, list) and content:
        yield content[:-1]
        yield from ([wrong, *content[1:]] for wrong in WRONG if type(wrong) is not type(content[0]))
        yield from ([inner, *content[1:]] for inner in edits(content[0]))


def some(found: list[Any], count: int) -> list[Any]:
    """Return `count` times FACTOR entries at equal distances, or all of them."""
    return found[:: max(1, len(found) // (count * FACTOR))]


def refusal(arguments: list[str], capsys: pytest.CaptureFixture[str], codes: tuple[int, ...] = (2,)) -> str:
    """Run a command that must end soon with one of the exit codes, and return what it said of the error."""
    begun = time.monotonic()
    code = main(arguments)
    out, error = capsys.readouterr()
    assert code in codes, (code, arguments, out[-500:], error[-500:])
    assert "Traceback" not in out + error
    assert not any(each in out + error for each in ESCAPES), arguments
    assert len(error) < 5000
    assert time.monotonic() - begun < 120
    return error
