"""Anipose, points triangulated from several cameras: .csv files of its folders pose-3d and pose-3d-filtered.

A header and one line per frame: for each point NAME the columns NAME_x, NAME_y, NAME_z in the unit of the calibration
board, mostly millimetres, NAME_error (of reprojection, in pixels), NAME_ncams and NAME_score in [0, 1]; then M_00 ...
M_22 and center_0 ... center_2, the frame of reference, and `fnum`, the number of the frame. NaN and empty entries mean
not observed.
"""

from collections.abc import Sequence

import numpy as np

from psp.errors import RecordingError
from psp.io.format import File, Format, Raw
from psp.io.parse.csv_text import REMEDY, csv_lines, frame_places, number_rows
from psp.io.parse.limits import require_room


def recognises_anipose(name: str, head: bytes) -> bool:
    """Return whether the header has the columns of a point, and those of the frame."""
    header = [entry.strip() for entry in head.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0].split(b",")]
    return b"fnum" in header and any(entry.endswith(b"_ncams") for entry in header)


def parse_anipose(files: Sequence[File]) -> list[Raw]:
    """Return the recording of a file."""
    (file,) = files
    lines = csv_lines(file)
    header = [name.strip() for name in next(iter(lines.values()), [])]
    names = [name.removesuffix("_ncams") for name in header if name.endswith("_ncams")]
    wanted = [f"{name}_{each}" for name in names for each in ("x", "y", "z", "score")] + ["fnum"]
    lacking = next((name for name in wanted if header.count(name) != 1), None)
    if lacking or not names or len(lines) < 2:
        what = f"the column {lacking} is missing or occurs twice." if lacking else "there is no line of a frame."
        raise RecordingError(what, where=file.name, remedy=REMEDY)
    rows = dict(list(lines.items())[1:])
    values = number_rows(rows, len(header), file.name)
    places, first = frame_places(values[:, header.index("fnum")], list(rows), file.name)
    require_room((int(places.max()) + 1, len(names), 4), file.name)
    filled = np.full((int(places.max()) + 1, len(names), 4), np.nan)
    filled[places] = values[:, [header.index(name) for name in wanted[:-1]]].reshape(len(rows), len(names), 4)
    scores = np.where(np.isnan(filled[..., 3]), 1.0, filled[..., 3])
    return [Raw(filled[None, ..., :3], scores[None], names=tuple(names), first=first)]


ANIPOSE = Format("anipose", "Anipose, .csv files of pose-3d", (".csv",), recognises_anipose, parse_anipose)
