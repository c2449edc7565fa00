"""DeepLabCut and programs with the same output (LightningPose, Anipose's 2-D tables): .csv files and some .h5 files.

A CSV has header lines `scorer`, `individuals` (tables of several animals only), `bodyparts` and `coords`, then a line
a frame: its number and, for each part, x and y in pixels (after triangulation x, y, z) and a likelihood in [0, 1].
Empty entries, and 0, 0 with likelihood 0, mean not observed. Parts of the individual `single` belong to no animal. In
tables of labelled images the first entries are the path of an image instead of a frame number. An .h5 file holds the
same as a pandas table. The pandas format "fixed" is read (`block0_values` with `axis0_level*` and `axis0_label*`); the
format "table" has its column names in pickles and is refused.
"""

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from psp.errors import RecordingError
from psp.io.format import File, Format, Raw, one_each, without_suffix
from psp.io.formats.animals import Column, Table, recording_of_table
from psp.io.parse.csv_text import csv_lines, frame_places, number_rows
from psp.io.parse.hdf5 import SIGNATURE, Group, numbers_of, opened, texts_of

HEADERS = ("scorer", "individuals", "bodyparts", "coords")
COORDINATES = ("x", "y", "z", "likelihood")
AS_CSV = "Export it as CSV (deeplabcut.analyze_videos_converth5_to_csv)."
REMEDY = "Export the table again."


def recognises_deeplabcut(name: str, head: bytes) -> bool:
    """Return whether a file has the header lines of a table, or is a pandas table with body parts."""
    if head.startswith(SIGNATURE):
        return b"PYTABLES_FORMAT_VERSION" in head and b"bodyparts" in head
    lines = head.removeprefix(b"\xef\xbb\xbf").splitlines()[:4]
    firsts = [line.partition(b",")[0] for line in lines]
    return firsts[:1] == [b"scorer"] and b"bodyparts" in firsts and b"coords" in firsts


def group_deeplabcut(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return one file per recording: of several for one video the filtered one, and CSV instead of HDF5."""
    stems = {without_suffix(name) for name in names}
    csv = {without_suffix(name) for name in names if name.lower().removesuffix(".gz").endswith(".csv")}
    kept = [name for name in names if f"{without_suffix(name)}_filtered" not in stems]
    return one_each([name for name in kept if not name.lower().endswith(".h5") or without_suffix(name) not in csv])


def parse_deeplabcut(files: Sequence[File]) -> list[Raw]:
    """Return the recording of a table, or one per folder of labelled images."""
    (file,) = files
    if file.content.startswith(SIGNATURE):
        return [_parse_hdf5(file)]
    lines = csv_lines(file)
    headers = [line for line in lines.values() if line[0] in HEADERS]
    named = {line[0]: line for line in headers}
    if list(named) not in ([*HEADERS], [HEADERS[0], *HEADERS[2:]]) or len(headers) != len(named):
        what = f"the header lines are {', '.join(line[0] for line in headers) or 'missing'}."
        remedy = "Use scorer, individuals (for several animals only), bodyparts and coords, in this order."
        raise RecordingError(what, where=file.name, remedy=remedy)
    keys = next((place for place, entry in enumerate(named["coords"]) if entry in COORDINATES), 0)
    columns = _columns([named.get(header, named["scorer"])[keys:] for header in HEADERS[1:]], file.name)
    if "individuals" not in named:
        columns = [("", part, coordinate) for _, part, coordinate in columns]
    rows = {number: line for number, line in lines.items() if line[0] not in HEADERS}
    if not keys or not rows:
        raise RecordingError("there is no line of a frame.", where=file.name, remedy=REMEDY)
    values = number_rows({number: line[keys:] for number, line in rows.items()}, len(columns), file.name)
    frames = ["/".join(line[:keys]).strip("/") for line in rows.values()]
    return _recordings(columns, frames, values, list(rows), file.name)


DEEPLABCUT = Format(
    "deeplabcut", "DeepLabCut, .csv or .h5 files", (".csv", ".h5"), recognises_deeplabcut, parse_deeplabcut,
    group_deeplabcut, reads_to_list=True,
)  # fmt: skip


def _recordings(
    columns: Sequence[Column], frames: Sequence[str], values: Float64[np.ndarray, "rows columns"],
    lines: Sequence[int], name: str,
) -> list[Raw]:  # fmt: skip
    """Return one recording per folder of images, or the only one."""
    folders = [frame.rpartition("/")[0] for frame in frames]
    found = []
    for folder in dict.fromkeys(folders):
        rows = [row for row, each in enumerate(folders) if each == folder]
        numbers = np.array([_frame_number(frames[row], f"{name}, line {lines[row]}") for row in rows])
        places, first = frame_places(numbers, [lines[row] for row in rows], name)
        if folder and places.max() + 1 > 2 * len(rows):
            what = f"these are single labelled images ({len(rows)} of {places.max() + 1} frames of {folder})."
            raise RecordingError(what, where=name, remedy="Prepare the tables that DeepLabCut writes for videos.")
        found.append(recording_of_table(Table(columns, places, values[rows], first), name))
    return found


def _frame_number(frame: str, where: str) -> float:
    """Return the number of a frame, or that in the name of its image."""
    number = re.search(r"(\d{1,15})\D*$", frame.rpartition("/")[2]) if not _is_number(frame) else None
    if number is None and not _is_number(frame):
        raise RecordingError(f"{frame[:80]!r} is not a frame number.", where=where, remedy=REMEDY)
    return float(number[1] if number else frame)


def _is_number(text: str) -> bool:
    return re.fullmatch(r"-?\d+(\.\d*)?", text) is not None


def _columns(headers: Sequence[Sequence[str]], name: str) -> list[Column]:
    """Return individual, part and coordinate of each column."""
    lengths = {len(header) for header in headers}
    if len(lengths) > 1:
        raise RecordingError("the header lines differ in length.", where=name, remedy=REMEDY)
    columns = list(zip(*headers, strict=True))
    wrong = next((column for column in columns if column[2] not in COORDINATES or not column[1]), None)
    if wrong:
        what = f"a column of {wrong[1]!r} is called {wrong[2]!r}."
        raise RecordingError(what, where=name, remedy=f"Use {', '.join(COORDINATES)}.")
    return columns


def _parse_hdf5(file: File) -> Raw:
    with opened(file) as root:
        tables = [each for each in root.values() if isinstance(each, Group) and "block0_values" in each]
        if len(tables) != 1 or "block1_values" in tables[0]:
            raise RecordingError("this kind of HDF5 table is not read.", where=file.name, remedy=AS_CSV)
        (table,) = tables
        values, frames = numbers_of(table, "block0_values", file), numbers_of(table, "axis1", file)
        labels = [_level(table, level, file) for level in range(4) if f"block0_items_level{level}" in table]
    if (
        len(labels) not in (3, 4)
        or values.ndim != 2
        or values.shape != (len(frames), len(labels[0]))
        or not len(frames)
    ):
        raise RecordingError(f"the table has the shape {values.shape}.", where=file.name, remedy=AS_CSV)
    headers = labels[1:] if len(labels) == 4 else [[""] * len(labels[0]), *labels[1:]]
    places, first = frame_places(frames.ravel(), range(len(frames)), file.name)
    return recording_of_table(Table(_columns(headers, file.name), places, values, first), file.name)


def _level(table: Group, level: int, file: File) -> list[str]:
    """Return a level of the column names."""
    names = texts_of(table, f"block0_items_level{level}", file)
    codes = numbers_of(table, f"block0_items_label{level}", file).astype(int)
    return [names[code] if 0 <= code < len(names) else "" for code in codes.tolist()]
