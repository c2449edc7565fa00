"""Time series in the `.ts` text form of aeon and the UEA archive, several recordings a file.

After a header of lines that begin with `#` or `@` and end with `@data`, a line is a recording: the channels, separated
by colons and each a list of numbers separated by commas, and the label. The channels are coordinates joint by joint, to
be divided by the number of joints of the layout; ? and NaN mean not observed. A label that is empty or ? means
unlabelled. A file name such as `NATOPS_TRAIN.ts` states the part of the split.
https://www.aeon-toolkit.org/en/stable/api_reference/file_specifications/ts.html
"""

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from psp.errors import RecordingError
from psp.io.format import File, Format, Raw, without_suffix
from psp.io.listing import PARTS
from psp.io.parse.csv_text import REMEDY

UNLABELLED = ("", "?")
HEADER = re.compile(rb"(?:\s*#[^\n]*\n|\s*\n)*\s*@\w+", re.IGNORECASE)


def recognises_ts(name: str, head: bytes) -> bool:
    """Return whether a file begins with comments and a line such as @problemName."""
    return HEADER.match(head) is not None


def parse_ts(files: Sequence[File]) -> list[Raw]:
    """Return the recordings of a file."""
    (file,) = files
    lines = file.content.decode("utf-8", "replace").splitlines()
    header, start = _header(lines, file.name)
    if header.get("timestamps", "false") == "true":
        remedy = "Save the series without time stamps."
        raise RecordingError("series with time stamps are not read.", where=file.name, remedy=remedy)
    with_label = header.get("classlabel", "false").startswith("true")
    with_target = with_label or header.get("targetlabel", "false").startswith("true")
    part, found = part_of(file.name), list[Raw]()
    for number, line in enumerate(lines[start:], start=start + 1):
        if not line.strip():
            continue
        channels = line.strip().split(":")
        label = channels.pop().strip() if with_target else None
        rows = _numbers(channels, f"{file.name}, line {number}")
        columns = {"part": part} if part else {}
        known = label if with_label and label not in UNLABELLED else None
        found.append(Raw(rows.T[None, :, :, None], label=known, columns=columns))
    return found


TS = Format("ts", "time series in the form of aeon, .ts", (".ts",), recognises_ts, parse_ts, reads_to_list=True)


def part_of(name: str) -> str | None:
    """Return the part of a split that a word in a file's name states, None without one."""
    words = re.split(r"[^a-z]+", without_suffix(name).rpartition("/")[2].lower())
    return next((PARTS[word] for word in reversed(words) if word in PARTS), None)


def _header(lines: Sequence[str], name: str) -> tuple[dict[str, str], int]:
    """Return the entries of the header in lower case and how many lines it has."""
    entries: dict[str, str] = {}
    for number, line in enumerate(lines):
        key, _, value = line.strip().partition(" ")
        if key.lower() == "@data":
            return entries, number + 1
        if key.startswith("@"):
            entries[key[1:].lower()] = value.strip().lower()
    raise RecordingError("there is no line @data.", where=name, remedy=REMEDY)


def _numbers(channels: Sequence[str], where: str) -> Float64[np.ndarray, "channels t"]:
    """Return the channels of a line."""
    series = [channel.replace("?", "nan").split(",") for channel in channels]
    if not series or len({len(each) for each in series}) > 1:
        lengths = sorted({len(each) for each in series}) or [0]
        what = f"the channels have different lengths, {lengths[0]} to {lengths[-1]} numbers."
        raise RecordingError(what, where=where, remedy=REMEDY)
    try:
        return np.array(series, dtype=np.float64)
    except ValueError as error:
        raise RecordingError(f"{error}.", where=where, remedy=REMEDY) from None
