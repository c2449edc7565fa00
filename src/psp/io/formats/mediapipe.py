"""MediaPipe Holistic, one array per frame.

`MP_Data/CLASS/SEQUENCE/FRAME.npy` are one-dimensional arrays with the landmarks of a frame: body, face and hands or
some of them (`psp.io.formats.landmarks`). A sequence is a recording; so are the files `NAME_FRAME.npy` of one NAME in a
folder, unless NAME only says that they are frames. For landmarks in CSV files see `psp.io.formats.tables`, in JSON
`psp.io.formats.mediapipe_json`.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from psp.errors import RecordingError
from psp.io.format import File, Format, Raw
from psp.io.formats.arrays import numbers, read_arrays
from psp.io.formats.landmarks import LANDMARKS_IN_A_FILE, landmarks_of_rows
from psp.io.formats.poses import frame_of, group_frames
from psp.io.parse.csv_text import REMEDY, frame_places
from psp.io.parse.limits import require_room

FRAMES = ("frame", "frames", "img", "image", "keypoints", "landmarks")
"""Names before the number of a frame that name no recording."""

HEADER = re.compile(rb"\x93NUMPY.{4}.{0,100}'shape': \((\d+),\)", re.DOTALL)


def recognises_frames(name: str, head: bytes) -> bool:
    """Return whether a file is an array of one frame with a number in its name."""
    shape = HEADER.match(head)
    return frame_of(name)[1] is not None and shape is not None and int(shape[1]) in LANDMARKS_IN_A_FILE


def group_sequences(names: Sequence[str]) -> dict[str, list[str]]:
    """Return the files of each recording in the order of their frames."""
    found: dict[str, list[str]] = {}
    for id, files in group_frames(names).items():
        folder, _, name = id.rpartition("/")
        found[folder if folder and folder not in found and name.lower() in FRAMES else id] = files
    return found


def parse_frames(files: Sequence[File]) -> list[Raw]:
    """Return the recording of the files of its frames."""
    rows = list[np.ndarray]()
    for file in files:
        arrays = read_arrays(file.content, file.name)
        row = numbers(next(iter(arrays.values()), np.empty(0)), file.name)
        if row.ndim != 1 or len(row) not in LANDMARKS_IN_A_FILE or (rows and len(row) != len(rows[0])):
            expected = f"({len(rows[0])},) as before" if rows else "one of (1662,), (258,), (225,), (132,), (126,)"
            what = f"expected the shape {expected}, found {row.shape}."
            raise RecordingError(what, where=file.name, remedy=REMEDY)
        rows.append(row)
    frames = np.array([frame_of(file.name)[1] or 0 for file in files], dtype=np.float64)
    places, first = frame_places(frames, range(1, len(files) + 1), files[0].name)
    require_room((int(places[-1]) + 1, len(rows[0])), files[0].name)
    filled = np.full((int(places[-1]) + 1, len(rows[0])), np.nan)
    filled[places] = rows
    return [replace(landmarks_of_rows(filled), first=first)]


MP_DATA = Format(
    "mp-data", "MediaPipe Holistic, MP_Data/CLASS/SEQUENCE/FRAME.npy", (".npy",), recognises_frames, parse_frames,
    group_sequences,
)  # fmt: skip
