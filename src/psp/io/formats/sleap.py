"""SLEAP analysis files, .h5: what "Export Analysis HDF5" writes for one video.

Data sets: `tracks` (tracks, 2, nodes, frames), x and y in pixels, NaN where not observed; `node_names`; optionally
`edge_inds` (edges, 2), `point_scores` (tracks, nodes, frames), NaN for points that a person set, and
`track_occupancy`. sleap-io may order the axes differently and then names them in an attribute `dims`. A track is an
animal unless there are more tracks than ever occur in one frame: then they are pieces of tracks. SLEAP's own .slp files
are not read.
"""

import json
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64

from psp.errors import RecordingError
from psp.io.format import File, Format, Raw
from psp.io.parse.hdf5 import SIGNATURE, Group, numbers_of, opened, texts_of

AXES = {"tracks": ("track", "xy", "node", "frame"), "point_scores": ("track", "node", "frame")}
"""The axes of each data set; an axis is recognised by its first two letters."""

REMEDY = 'Export the video again with "Export Analysis HDF5" or sleap-convert --format analysis.'


def recognises_sleap(name: str, head: bytes) -> bool:
    """Return whether a file is HDF5 with tracks and node names."""
    return head.startswith(SIGNATURE) and b"node_names" in head and b"tracks" in head


def parse_sleap(files: Sequence[File]) -> list[Raw]:
    """Return the recording of an analysis file."""
    (file,) = files
    with opened(file) as root:
        names = texts_of(root, "node_names", file)
        joints = _in_order(root, "tracks", file).transpose(0, 3, 2, 1)
        if joints.shape[2:] != (len(names), 2) or 0 in joints.shape or len(set(names)) < len(names):
            what = (
                f"tracks have the shape {joints.shape} (tracks, frames, nodes, 2), there are {len(names)} node names."
            )
            raise RecordingError(what, where=file.name, remedy=REMEDY)
        scores = _in_order(root, "point_scores", file).transpose(0, 2, 1) if "point_scores" in root else None
        edges = numbers_of(root, "edge_inds", file).reshape(-1, 2) if "edge_inds" in root else np.zeros((0, 2))
    if scores is not None and scores.shape != joints.shape[:3]:
        raise RecordingError(f"point_scores have the shape {scores.shape}.", where=file.name, remedy=REMEDY)
    if not np.isin(edges, np.arange(len(names))).all():
        raise RecordingError("an edge names a node that does not exist.", where=file.name, remedy=REMEDY)
    there = ~np.isnan(joints).all(axis=(2, 3))
    pieces = len(joints) > max(1, there.sum(axis=0).max())
    return [
        Raw(
            joints, None if scores is None else np.where(np.isnan(scores), 1.0, scores), names=tuple(names),
            edges=tuple((names[int(one)], names[int(other)]) for one, other in edges if one != other),
            units="pixels", persons="bodies" if pieces else "persons",
        )
    ]  # fmt: skip


SLEAP = Format("sleap", "SLEAP analysis files, .h5", (".h5",), recognises_sleap, parse_sleap)


def _in_order(root: Group, key: str, file: File) -> Float64[np.ndarray, "..."]:
    """Return a data set with its axes in the order of AXES."""
    array, expected = numbers_of(root, key, file), AXES[key]
    dims = root[key].attribute("dims")
    named = json.loads(dims) if isinstance(dims, str) else list(expected)
    order = [[place for place, name in enumerate(named) if str(name).startswith(axis[:2])] for axis in expected]
    if array.ndim != len(expected) or len(named) != len(expected) or any(len(places) != 1 for places in order):
        raise RecordingError(f"{key} has the axes {named} and the shape {array.shape}.", where=file.name, remedy=REMEDY)
    return array.transpose([place for (place,) in order])
