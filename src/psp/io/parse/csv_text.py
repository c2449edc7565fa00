"""Reading of text and comma-separated numbers, with errors that say what is wrong and where."""

import csv
import io
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float64, Int64

from psp.errors import RecordingError
from psp.io.format import File
from psp.io.kinds import AS_UTF_8, kind_of

REMEDY = "Correct this file or leave it out."
MOST_MISSING = 100_000
"""How many frames of a recording may be missing, besides as many as there are."""


def text_of(file: File) -> str:
    """Return the content of a text file; RecordingError unless it is UTF-8."""
    if kind := kind_of(file.content[:512]):
        raise RecordingError(f"this is {kind.name}.", where=file.name, remedy=kind.remedy)
    try:
        return file.content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        what = f"byte {error.start} is not UTF-8 text."
        raise RecordingError(what, where=file.name, remedy=AS_UTF_8) from error


def csv_lines(file: File, delimiter: str = ",") -> dict[int, list[str]]:
    """Return the entries of each line that is not empty, by the number of the line."""
    try:
        reader = csv.reader(io.StringIO(text_of(file), newline=""), delimiter=delimiter)
        return {number: line for number, line in ((reader.line_num, line) for line in reader) if any(line)}
    except csv.Error as error:
        raise RecordingError(f"this is not a table ({error}).", where=file.name, remedy=REMEDY) from error


def number_rows(lines: Mapping[int, Sequence[str]], width: int, name: str) -> Float64[np.ndarray, "lines width"]:
    """Return lines of numbers; empty entries are NaN.

    A line of another width or an entry that is not a number raises RecordingError.
    """
    values = np.empty((len(lines), width))
    for place, (number, line) in enumerate(lines.items()):
        if len(line) != width:
            what = f"expected {width} entries, found {len(line)}."
            raise RecordingError(what, where=f"{name}, line {number}", remedy=REMEDY)
        try:
            values[place] = [entry if entry.strip() else "nan" for entry in line]
        except ValueError:
            wrong = next(entry for entry in line if entry.strip() and not _is_number(entry))
            what = f"{wrong[:40]!r} is not a number."
            raise RecordingError(what, where=f"{name}, line {number}", remedy=REMEDY) from None
    return values


def frame_places(frames: Float64[np.ndarray, "n"], lines: Sequence[int], name: str) -> Int64[np.ndarray, "n"]:
    """Return the index of each frame in its recording, the first at 0; missing frames leave a gap.

    `lines` are their lines in the file, for errors. Numbers that are not whole, occur twice or are far apart raise
    RecordingError.
    """
    seen: dict[float, int] = {}
    for frame, line in zip(frames.tolist(), lines, strict=True):
        if frame % 1 != 0 or not 0 <= frame < 2**53:
            what, remedy = f"{frame:g} is not a frame number.", "Write whole numbers from 0."
            raise RecordingError(what, where=f"{name}, line {line}", remedy=remedy)
        if frame in seen:
            what = f"frame {frame:g} occurs in line {seen[frame]} too."
            raise RecordingError(what, where=f"{name}, line {line}", remedy="Keep one line per frame.")
        seen[frame] = line
    first, last = min(seen), max(seen)
    if last - first + 1 > 2 * len(seen) + MOST_MISSING:
        what = f"there are {len(seen)} frames between number {first:g} and number {last:g}."
        raise RecordingError(what, where=f"{name}, line {seen[last]}", remedy="Number the frames one after the other.")
    return (frames - first).astype(np.int64)


def _is_number(entry: str) -> bool:
    try:
        float(entry)
    except ValueError:
        return False
    return True
