"""How much memory the content of a foreign file may take: what a small file can ask for is not limited by its size."""

import os
from collections.abc import Iterable
from math import prod

from psp.errors import ConfigError, RecordingError
from psp.files import Binary

VARIABLE = "PSP_LARGEST_RECORDING"
"""The environment variable with which a user raises the limit, in bytes."""

USUAL, PACKED = 2**30, 8
"""The limit in bytes if no variable raises it, and how many times as large as a file its content may be in any case."""


def largest() -> int:
    """Return how many bytes a file may unpack to, and a recording may take in memory."""
    text = os.environ.get(VARIABLE, str(USUAL))
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise ConfigError(f"{text[:40]!r} is not a number of bytes.", where=VARIABLE, remedy="Write it in digits.")
    return int(text)


def require_room(shape: Iterable[int], where: str) -> None:
    """Raise RecordingError for an array of this shape, in double precision, that is larger than `largest()`."""
    shape = tuple(map(int, shape))
    if 8 * prod(shape) > largest():
        raise too_large(f"numbers of the shape {shape}", where)


def read_limited(file: Binary, most: int, size: int, where: str) -> bytes:
    """Return the content of a packed file of `size` bytes, or `most` bytes of it if that is not negative.

    RecordingError if it unpacks to more than `largest()` and to more than eight times its size.
    """
    limit = max(largest(), PACKED * size)
    content = file.read(limit + 1 if most < 0 else most)
    if len(content) > limit:
        raise too_large("what it unpacks to", where)
    return content


def too_large(what: str, where: str) -> RecordingError:
    """Return the error for content that is larger than the limit."""
    remedy = f"If the file is right, set {VARIABLE} to a larger number of bytes, else leave it out."
    return RecordingError(f"{what} would take more than {largest() / 2**30:.3g} GiB.", where=where, remedy=remedy)
