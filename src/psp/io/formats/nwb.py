"""Neurodata Without Borders with the extension ndx-pose, .nwb files.

An HDF5 file. A group of the type PoseEstimation in /processing/behavior or another module has a group of the type
PoseEstimationSeries for each point: `data` (frames, 2 or 3), `confidence` (frames,), and `timestamps` (frames,) in
seconds or `starting_time` with the attribute `rate`. `nodes` and `edges` (pairs of numbers) are in the group or in its
`skeleton`. NaN means not observed. Groups with the same points and frames are the animals of one recording, unless
their names are those of cameras; otherwise each is a recording. In one group, points such as `ind1_nose` and
`ind2_nose` belong to different animals.
"""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from jaxtyping import Float64, Int64

from psp.errors import RecordingError
from psp.io.format import File, Format, Raw, Units
from psp.io.formats.animals import Table, recording_of_table
from psp.io.parse.csv_text import frame_places, frames_of_times
from psp.io.parse.hdf5 import SIGNATURE, Group, numbers_of, opened, texts_of

UNITS: dict[str, Units] = {
    "pixels": "pixels",
    "pixel": "pixels",
    "px": "pixels",
    "meters": "metres",
    "metres": "metres",
}
UNITS |= {"m": "metres", "cm": "centimetres", "centimeters": "centimetres", "mm": "millimetres"}
UNITS |= {"millimeters": "millimetres"}
CAMERA = re.compile(r"cam|view", re.IGNORECASE)
REMEDY = "Export the file again."

Poses = dict[str, tuple[Float64[np.ndarray, "t c"], Float64[np.ndarray, "t"] | None]]
"""Positions and confidence of points by their names."""


def recognises_nwb(name: str, head: bytes) -> bool:
    """Return whether a file is HDF5 with pose estimates."""
    return head.startswith(SIGNATURE) and b"PoseEstimation" in head


def parse_nwb(files: Sequence[File]) -> list[Raw]:
    """Return the recordings of a file."""
    (file,) = files
    with opened(file) as root:
        modules = [each for each in root["processing"].values() if isinstance(each, Group)]
        groups = [each for module in modules for each in module.values() if _type(each) == "PoseEstimation"]
        found = {group.name.rpartition("/")[2] or str(number): _series(group, file)
                 for number, group in enumerate(groups)}  # fmt: skip
        if not found or not all(found.values()):
            raise RecordingError("the file has no pose estimates.", where=file.name, remedy=REMEDY)
        times = {name: _times(group, file) for name, group in zip(found, groups, strict=True)}
        edges = _edges(groups[0], file)
        units = _units(groups[0])
    poses = list(found.values())
    alike = all(set(each) == set(poses[0]) and len(each) and _frames(each) == _frames(poses[0]) for each in poses)
    together = alike and not any(CAMERA.search(name) for name in found)
    sets = [list(found)] if together else [[name] for name in found]
    return [_recording({name: found[name] for name in each}, times[each[0]], edges, units, file) for each in sets]


NWB = Format("nwb", "NWB with pose estimates (ndx-pose), .nwb files", (".nwb",), recognises_nwb, parse_nwb,
             reads_to_list=True)  # fmt: skip


def _recording(
    animals: dict[str, Poses], times: tuple[np.ndarray | None, float | None], edges: Sequence[tuple[str, str]],
    units: Units, file: File,
) -> Raw:  # fmt: skip
    """Return the recording of the animals of one set of groups."""
    columns, values = list[tuple[str, str, str]](), list[np.ndarray]()
    for animal, poses in animals.items():
        for point, (positions, confidence) in poses.items():
            columns += [(animal, point, axis) for axis in "xyz"[: positions.shape[1]]]
            columns += [(animal, point, "likelihood")] if confidence is not None else []
            values += [*positions.T, *([confidence] if confidence is not None else [])]
    stamps, fps = times
    if len({len(each) for each in values}) != 1 or (stamps is not None and len(stamps) != len(values[0])):
        raise RecordingError("points differ in their number of frames.", where=file.name, remedy=REMEDY)
    places = (np.arange(len(values[0])), 0) if stamps is None else _places(stamps, fps, file)
    raw = recording_of_table(Table(columns, places[0], np.stack(values, axis=1), places[1]), file.name)
    kept = tuple(edge for edge in edges if set(edge) <= set(raw.names))
    named = {"group": next(iter(animals))} if len(animals) == 1 else {}
    return replace(raw, fps=fps, edges=kept, units=units, columns=named)


def _series(group: Group, file: File) -> Poses:
    """Return the points of a group, in the order of its nodes if it has them."""
    found: Poses = {}
    for name, each in group.items():
        if _type(each) == "PoseEstimationSeries":
            data = numbers_of(each, "data", file) * float(each["data"].attribute("conversion", 1.0))
            confidence = numbers_of(each, "confidence", file) if "confidence" in each else None
            if data.ndim != 2 or data.shape[1] not in (2, 3) or not len(data):
                what = f"{name} has the shape {data.shape}."
                raise RecordingError(what, where=file.name, remedy="Write (frames, 2 or 3).")
            if confidence is not None and confidence.shape != data.shape[:1]:
                what = f"the confidence of {name} has the shape {confidence.shape}."
                raise RecordingError(what, where=file.name, remedy=REMEDY)
            found[name] = data, confidence
    holder = _skeleton(group)
    nodes = texts_of(holder, "nodes", file) if "nodes" in holder else []
    return {name: found[name] for name in nodes} if sorted(nodes) == sorted(found) else found


def _times(group: Group, file: File) -> tuple[Float64[np.ndarray, "t"] | None, float | None]:
    """Return the times of the frames, None if the file states a constant rate, and the frame rate."""
    first = next(each for each in group.values() if _type(each) == "PoseEstimationSeries")
    if "timestamps" not in first:
        rate = first["starting_time"].attribute("rate") if "starting_time" in first else None
        return None, None if rate is None or not 0 < float(rate) < 1e5 else round(float(rate), 3)
    stamps = numbers_of(first, "timestamps", file)
    steps = np.diff(stamps)
    if stamps.ndim != 1 or not np.isfinite(stamps).all() or (steps <= 0).any():
        raise RecordingError("the timestamps do not increase.", where=file.name, remedy=REMEDY)
    numbered = len(steps) and (steps == 1).all()  # numbers of frames, not seconds
    return stamps, round(float(1 / np.median(steps)), 3) if len(steps) and not numbered else None


def _places(stamps: Float64[np.ndarray, "t"], fps: float | None, file: File) -> tuple[Int64[np.ndarray, "t"], int]:
    """Return the frames from 0 by their times, consecutive ones if these are too uneven, and `Raw.first`.

    Times are those of the session; numbers of frames, which have no rate, are those of the recording.
    """
    if len(stamps) == 1:
        return np.array([0]), 0
    numbers = frames_of_times(stamps - stamps[0] if fps else stamps, np.diff(stamps))
    if (np.diff(numbers) < 1).any():
        return np.arange(len(stamps)), 0
    return frame_places(numbers, range(len(stamps)), file.name)


def _skeleton(group: Group) -> Group:
    """Return the group that holds the nodes and edges of a group: its skeleton or itself."""
    linked = group.get("skeleton")
    return linked if isinstance(linked, Group) else group


def _edges(group: Group, file: File) -> list[tuple[str, str]]:
    """Return the edges of a skeleton as pairs of names."""
    holder = _skeleton(group)
    if "edges" not in holder or "nodes" not in holder:
        return []
    nodes, pairs = texts_of(holder, "nodes", file), numbers_of(holder, "edges", file)
    if pairs.size == 0:
        return []
    if pairs.ndim != 2 or pairs.shape[1] != 2 or not np.isin(pairs, np.arange(len(nodes))).all():
        raise RecordingError("an edge names a node that does not exist.", where=file.name, remedy=REMEDY)
    return [(nodes[int(one)], nodes[int(other)]) for one, other in pairs if one != other]


def _units(group: Group) -> Units:
    first = next(each for each in group.values() if _type(each) == "PoseEstimationSeries")
    return UNITS.get(str(first["data"].attribute("unit")), "unknown units")


def _type(each: object) -> str:
    return str(each.attribute("neurodata_type", "")) if isinstance(each, Group) else ""


def _frames(poses: Poses) -> int:
    return len(next(iter(poses.values()))[0])
