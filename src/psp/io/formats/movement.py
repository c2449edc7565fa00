"""Data sets of the package movement: an xarray.Dataset in memory, or saved as netCDF 4, .nc files.

`position` has the dimensions time, space (x, y or x, y, z), keypoints and individuals, `confidence` the same without
space; NaN where not observed. Coordinates name the keypoints and individuals; the attributes may state `fps` and
`source_software`. Neither movement nor xarray is needed: an object with `position`, `.dims`, `.values`, `.coords`
and `.attrs` is enough.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from psp.errors import RecordingError
from psp.io.format import File, Format, Raw, Units
from psp.io.parse.hdf5 import SIGNATURE, Group, numbers_of, opened, texts_of
from psp.io.reader import FormatReader, open_files
from psp.io.source import FileSource, SourceItem

DIMS = ("individuals", "time", "keypoints", "space")
REMEDY = "Save the data set again, with position (time, space, keypoints, individuals)."


@dataclass(frozen=True)
class Variable:
    """An array with the names of its dimensions."""

    values: np.ndarray
    dims: tuple[str, ...]


def recognises_movement(name: str, head: bytes) -> bool:
    """Return whether a file is HDF5 with positions of the keypoints of individuals."""
    return head.startswith(SIGNATURE) and all(each in head for each in (b"position", b"keypoints", b"individuals"))


def raw_of_dataset(dataset: Any, where: str = "the data set") -> Raw:
    """Return the recording of a movement data set."""
    try:
        position = Variable(np.asarray(dataset.position.values), tuple(dataset.position.dims))
        confidence = getattr(dataset, "confidence", None)
        scores = None if confidence is None else Variable(np.asarray(confidence.values), tuple(confidence.dims))
        names = [str(name) for name in np.asarray(dataset.coords["keypoints"].values).ravel().tolist()]
        attributes = dict(dataset.attrs)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise RecordingError(f"this is not a data set of movement ({error}).", where=where, remedy=REMEDY) from error
    id = PurePosixPath(str(attributes.get("source_file") or "").replace("\\", "/")).stem or None
    return replace(_raw(position, scores, names, attributes, where), id=id)


def parse_movement(files: Sequence[File]) -> list[Raw]:
    """Return the recording of a netCDF file."""
    (file,) = files
    with opened(file) as root:
        names = texts_of(root, "keypoints", file)
        scores = _variable(root, "confidence", file) if "confidence" in root else None
        attributes = {"fps": root.attribute("fps")}
        return [_raw(_variable(root, "position", file), scores, names, attributes, file.name)]


MOVEMENT = Format("movement", "data sets of movement, .nc files", (".nc", ".h5"), recognises_movement, parse_movement)


@dataclass(frozen=True)
class MemorySource(FileSource):
    """Data sets in memory, as a source of one file."""

    path: tuple[Path, ...] = ()
    suffixes: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The name of the data set to be prepared."""
        return "movement"

    @property
    def where(self) -> str:
        """The name in error messages."""
        return "the data set"

    def read(self, name: str, most: int = -1) -> bytes:
        """Return nothing: the data sets are kept by the format."""
        return b""

    def walk(self) -> Iterator[SourceItem]:
        """Yield the only file."""
        yield SourceItem(self.name, "in memory")


def datasets_of(source: object) -> list[Any]:
    """Return the movement data sets of a source, which is one or a list of them; empty for any other source."""
    found = list(source) if isinstance(source, list | tuple) else [source]
    return found if found and all(hasattr(each, "position") and hasattr(each, "attrs") for each in found) else []


def open_datasets(datasets: Sequence[Any], **options: Any) -> FormatReader:
    """Return the reader of movement data sets, with the options of `psp.io.reader.open_files`."""
    raws = tuple(raw_of_dataset(dataset) for dataset in datasets)
    format = replace(MOVEMENT, parse=partial(_given, raws), reads_to_list=True)
    return open_files(format, (), files=MemorySource(), **options)


def _given(raws: Sequence[Raw], files: Sequence[File]) -> Sequence[Raw]:
    return raws


def _variable(root: Group, key: str, file: File) -> Variable:
    """Return an array with its dimensions, which netCDF keeps as lists of what each dimension belongs to.

    The opposite lists, of the dimensions of an array, have entries of any length: in a damaged file the HDF5 library
    may read these for ever.
    """
    values = numbers_of(root, key, file)
    places = {int(place): dim for dim in DIMS if dim in root
              for each, place in root[dim].attribute("REFERENCE_LIST", ()) if each == f"/{key}"}  # fmt: skip
    return Variable(values, tuple(places.get(place, "unknown") for place in range(values.ndim)))


def _raw(
    position: Variable, confidence: Variable | None, names: Sequence[str], attributes: Mapping[str, Any], where: str
) -> Raw:
    joints = _in_order(position, DIMS, where)
    scores = None if confidence is None else _in_order(confidence, DIMS[:3], where)
    if joints.shape[2] != len(names) or len(set(names)) < len(names) or joints.shape[3] not in (2, 3):
        what = f"position has the shape {joints.shape} (individuals, time, keypoints, space), with {len(names)} names."
        raise RecordingError(what, where=where, remedy=REMEDY)
    if scores is not None and scores.shape != joints.shape[:3]:
        raise RecordingError(f"confidence has the shape {scores.shape}.", where=where, remedy=REMEDY)
    if scores is not None:
        scores = None if np.isnan(scores).all() else np.nan_to_num(scores)
    units: Units = "pixels" if joints.shape[3] == 2 else "unknown units"
    return Raw(joints, scores, names=tuple(names), units=units, fps=_fps(attributes))


def _in_order(variable: Variable, dims: Sequence[str], where: str) -> np.ndarray:
    if sorted(variable.dims) != sorted(dims) or variable.values.ndim != len(dims) or 0 in variable.values.shape:
        what = f"an array has the dimensions {', '.join(variable.dims) or 'none'} {variable.values.shape}."
        raise RecordingError(what, where=where, remedy=REMEDY)
    if variable.values.dtype.kind not in "fiu":
        raise RecordingError(f"an array is {variable.values.dtype}, not numbers.", where=where, remedy=REMEDY)
    return variable.values.transpose([variable.dims.index(dim) for dim in dims]).astype(np.float64)


def _fps(attributes: Mapping[str, Any]) -> float | None:
    try:
        fps = float(attributes.get("fps") or 0)
    except (TypeError, ValueError):
        return None
    return fps if 0 < fps < 1e5 else None
