"""MediaPipe Holistic, one array per frame.

`MP_Data/CLASS/SEQUENCE/FRAME.npy` are one-dimensional arrays with the landmarks of a frame: body, face and hands or
some of them (`psp.io.formats.landmarks`). A sequence is a recording. For landmarks in CSV files see
`psp.io.formats.tables`, in JSON `psp.io.formats.mediapipe_json`.
"""

import re
from collections.abc import Sequence

import numpy as np

from psp.errors import RecordingError
from psp.io.format import File, Format, Raw
from psp.io.formats.arrays import numbers, read_arrays
from psp.io.formats.landmarks import LANDMARKS_IN_A_FILE, landmarks_of_rows
from psp.io.parse.csv_text import REMEDY, frame_places
from psp.io.parse.limits import require_room

FRAME = re.compile(r"(?P<folder>.*)/(?P<frame>\d{1,9})\.npy")
HEADER = re.compile(rb"\x93NUMPY.{4}.{0,100}'shape': \((\d+),\)", re.DOTALL)


def recognises_frames(name: str, head: bytes) -> bool:
    """Return whether a file is an array of one frame in a folder."""
    shape = HEADER.match(head)
    return FRAME.fullmatch(name) is not None and shape is not None and int(shape[1]) in LANDMARKS_IN_A_FILE


def sequences_of(names: Sequence[str]) -> dict[str, list[str]]:
    """Return the frames of each folder by their numbers."""
    found: dict[str, list[tuple[int, str]]] = {}
    for name in names:
        if match := FRAME.fullmatch(name):
            found.setdefault(match["folder"], []).append((int(match["frame"]), name))
    return {folder: [name for _, name in sorted(frames)] for folder, frames in found.items()}


def parse_frames(files: Sequence[File]) -> list[Raw]:
    """Return the recording of the frames in a folder."""
    rows = list[np.ndarray]()
    for file in files:
        arrays = read_arrays(file.content, file.name)
        row = numbers(next(iter(arrays.values()), np.empty(0)), file.name)
        if row.ndim != 1 or len(row) not in LANDMARKS_IN_A_FILE or (rows and len(row) != len(rows[0])):
            expected = f"({len(rows[0])},) as before" if rows else "one of (1662,), (258,), (225,), (132,), (126,)"
            what = f"expected the shape {expected}, found {row.shape}."
            raise RecordingError(what, where=file.name, remedy=REMEDY)
        rows.append(row)
    matches = [FRAME.fullmatch(file.name) for file in files]
    frames = np.array([float(match["frame"]) for match in matches if match], dtype=np.float64)
    places = frame_places(frames, range(1, len(files) + 1), files[0].name)
    require_room((int(places[-1]) + 1, len(rows[0])), files[0].name)
    filled = np.full((int(places[-1]) + 1, len(rows[0])), np.nan)
    filled[places] = rows
    return [landmarks_of_rows(filled)]


MP_DATA = Format(
    "mp-data", "MediaPipe Holistic, MP_Data/CLASS/SEQUENCE/FRAME.npy", (".npy",), recognises_frames, parse_frames,
    sequences_of,
)  # fmt: skip
