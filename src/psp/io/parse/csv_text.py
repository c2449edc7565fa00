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
MOST_MISSING, LATEST = 100_000, 10_000_000
"""How many frames of a recording may be missing, besides as many as there are; and the largest number of a first frame
that counts frames: larger ones are ids, or times of a clock."""

USUAL = 1.5
"""Steps of time below this many median ones lie between consecutive frames."""


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
        text_of(file)  # raises the errors of files that are no text
        reader = csv.reader(io.TextIOWrapper(io.BytesIO(file.content), "utf-8-sig", newline=""), delimiter=delimiter)
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


def frame_places(
    frames: Float64[np.ndarray, "n"], lines: Sequence[int], name: str
) -> tuple[Int64[np.ndarray, "n"], int]:
    """Return the index of each frame in its recording, the first at 0, and `Raw.first`; missing frames leave a gap.

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
    return (frames - first).astype(np.int64), first_of(first)


def first_of(number: float, start: int = 0) -> int:
    """Return `Raw.first` by the number of the first frame, in a format that counts frames from `start`, 0 or 1."""
    return int(number) - start if 1 < number <= LATEST else 0


@np.errstate(over="ignore")
def frames_of_times(times: Float64[np.ndarray, "n"], steps: Float64[np.ndarray, "k"]) -> Float64[np.ndarray, "n"]:
    """Return the numbers of frames by their increasing times; steps of several usual ones are gaps.

    `steps` are those of time between the frames of a person, all above 0. Frames of times that are nearer than half a
    usual step to each other have the same number.
    """
    usual = steps[steps < USUAL * np.quantile(steps, 0.5, method="lower")].mean()
    return max(np.rint(times[0] / usual), 0) + np.append(0, np.rint(np.diff(times) / usual).cumsum())


def _is_number(entry: str) -> bool:
    try:
        float(entry)
    except ValueError:
        return False
    return True
