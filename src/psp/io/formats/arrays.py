"""NumPy arrays, .npy or .npz files.

An array is (t, v, c) or (m, t, v, c) for m persons, t frames, v joints and c = 2 or 3 coordinates; NaN means not
observed. (t, v * c) is one person, joint by joint; it is divided by the number of joints of the layout. A fourth number
for each joint, or a third one between 0 and 1 beside x and y in pixels, is its confidence. In an .npz file the array is
called `joints`, or is the only one, beside an optional `confidence` (t, v) or (m, t, v). Other .npz files hold several
recordings (`psp.io.formats.array_sets`).
"""

import io
import lzma
import math
import struct
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from tokenize import TokenError

import numpy as np
from jaxtyping import Float32, Float64

from psp.errors import RecordingError
from psp.files import Binary
from psp.io.format import File, Format, Raw, without_suffix
from psp.io.formats.array_sets import MOST_PERSONS, members_of
from psp.io.formats.landmarks import LANDMARKS_IN_A_ROW, landmarks_of_rows
from psp.io.joints import scored
from psp.io.kinds import kind_of
from psp.io.parse.limits import PACKED, largest, too_large
from psp.skeleton.recording import LARGEST

SHAPES = "(frames, joints, coordinates) or (persons, frames, joints, coordinates) with 2 or 3 coordinates"
REMEDY = "Correct this file or leave it out."
DAMAGED = (
    ValueError, TypeError, EOFError, OSError, KeyError, SyntaxError, RuntimeError, MemoryError, OverflowError,
    TokenError, struct.error, zipfile.BadZipFile, zlib.error, lzma.LZMAError,
)  # fmt: skip
"""The errors that reading a damaged array raises."""

OBJECTS = "Save numbers as an array of numbers, text as y.astype(str), and recordings of several lengths one by one."

Arrays = Mapping[str, np.ndarray]


class ObjectsError(ValueError):
    """An array holds Python objects, which are not read."""


def recognises_arrays(name: str, head: bytes) -> bool:
    """Return whether a file is a NumPy array or an archive of them."""
    return head.startswith((b"\x93NUMPY", b"PK"))


def parse_array_file(files: Sequence[File]) -> list[Raw]:
    """Return the recordings of an array file."""
    (file,) = files
    found, id = list[Raw](), without_suffix(file.name)
    for each in members_of(read_arrays(file.content, file.name), file.name):
        raw = _recording(each.joints, each.confidence, f"{file.name}, {each.name}" if each.name else file.name)
        name = f"{id}/{each.name}" if each.name else None
        found.append(replace(raw, id=name, label=each.label, columns=each.columns))
    return found


ARRAYS = Format(
    "arrays", "NumPy arrays, .npy or .npz files", (".npy", ".npz"), recognises_arrays, parse_array_file,
    reads_to_list=(".npz",),
)  # fmt: skip


def _recording(joints: np.ndarray, confidence: np.ndarray | None, name: str) -> Raw:
    """Return the recording of an array."""
    if confidence is not None:
        joints, confidence = parse_joints(joints, name, confidence)
        return Raw(np.where(confidence[..., None] > 0, joints, np.nan), confidence)
    given = numbers(joints, name)
    if given.ndim == 2 and given.shape[1] in LANDMARKS_IN_A_ROW:
        return landmarks_of_rows(given)
    if given.ndim == 2:
        return Raw(given[None, :, :, None])
    coordinates = given[..., :3] if given.ndim in (3, 4) and given.shape[-1] == 4 else given
    parse_joints(coordinates, name)
    if given.ndim == 4 and len(given) > MOST_PERSONS:
        what = f"the first axis of {given.shape} has {len(given)} entries, which are not persons."
        remedy = "Transpose (frames, persons, joints, coordinates), as SLEAP saves them, to (persons, frames, joints, "
        remedy += "coordinates): array.transpose(1, 0, 2, 3). Save recordings of one length as X in an .npz file, with "
        remedy += "their labels y, or one file each."
        raise RecordingError(what, where=name, remedy=remedy)
    return scored(Raw(given if given.ndim == 4 else given[None]), name)


def read_arrays(content: bytes, name: str) -> Arrays:
    """Return the arrays of a file by name, "" for that of an .npy file; arrays of Python objects are refused."""
    kind = kind_of(content[:65536], name)
    if kind or not content.startswith((b"\x93NUMPY", b"PK")):
        what, remedy = (kind.name, kind.remedy) if kind else ("another format", "Copy or download it again.")
        raise RecordingError(f"this is not a NumPy array but {what}.", where=name, remedy=remedy)
    try:
        named = _members(content, name) if content.startswith(b"PK") else {"": read_array(io.BytesIO(content))}
    except DAMAGED as error:
        what = f"the array is damaged or holds Python objects ({' '.join(str(error).split())})."
        raise RecordingError(what, where=name, remedy="Save it with numpy.save as an array of numbers.") from error
    return named


def read_array(file: Binary) -> np.ndarray:
    """Return the array of an .npy file; ValueError if it is damaged, holds objects or is larger than the file."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, is_fortran, dtype = read(file)
    if dtype.kind == "O":
        raise ObjectsError("it holds Python objects")
    if dtype.kind not in "fiubcSU" or not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError(f"it is an array of {dtype} of the shape {shape}")
    content = file.read()
    if math.prod(shape) * dtype.itemsize > len(content):
        raise ValueError(f"the file is too short for the shape {shape}")
    array = np.frombuffer(content, dtype, math.prod(shape)).reshape(shape, order="F" if is_fortran else "C")
    return array.copy(order="K")


def _members(content: bytes, name: str) -> Arrays:
    """Return the arrays of an .npz file by name."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [each for each in archive.infolist() if each.filename.endswith(".npy")]
        if sum(each.file_size for each in members) > max(largest(), PACKED * len(content)):
            raise too_large("what it unpacks to", name)
        named = {}
        for each in members:
            key = each.filename.removesuffix(".npy")
            with archive.open(each) as file:
                try:
                    named[key] = read_array(file)
                except ObjectsError as error:
                    what = "the array holds Python objects."
                    raise RecordingError(what, where=f"{name}, {key}", remedy=OBJECTS) from error
    return named


def parse_joints(
    array: np.ndarray, name: str, given: np.ndarray | None = None
) -> tuple[Float64[np.ndarray, "m t v c"], Float32[np.ndarray, "m t v"]]:
    """Return joints and confidence of an array and the `given` confidence, 1 without it.

    A joint with a coordinate that is NaN has position and confidence 0.
    """
    joints = numbers(array, name)
    joints = joints[None] if joints.ndim == 3 else joints
    if joints.ndim == 4 and joints.shape[1] == 0:
        raise RecordingError("the recording has no frames.", where=name, remedy=REMEDY)
    if joints.ndim != 4 or joints.shape[3] not in (2, 3) or 0 in joints.shape:
        what = f"the array has the shape {array.shape}."
        raise RecordingError(what, where=name, remedy=f"Use {SHAPES}.")
    if (np.abs(joints) > LARGEST).any():
        remedy = "Use NaN where a joint was not observed."
        raise RecordingError(f"a coordinate exceeds {LARGEST:g}.", where=name, remedy=remedy)
    observed = ~np.isnan(joints).any(axis=3)
    confidence = observed.astype(np.float32)
    if given is not None:
        confidence *= _confidence(given, joints.shape[:3], name)
    return np.where(confidence[..., None] > 0, np.where(observed[..., None], joints, 0.0), 0.0), confidence


def numbers(array: np.ndarray, name: str) -> Float64[np.ndarray, "..."]:
    """Return an array of numbers in double precision; other entries raise RecordingError."""
    if array.dtype.kind not in "fiub":
        raise RecordingError(f"the array holds {array.dtype}, not numbers.", where=name, remedy=REMEDY)
    return array.astype(np.float64)


def _confidence(given: np.ndarray, shape: tuple[int, ...], name: str) -> Float32[np.ndarray, "m t v"]:
    """Return the confidence with a person axis; NaN means 0."""
    values = np.nan_to_num(numbers(given, name), nan=0.0)
    if values.size != np.prod(shape) or values.shape not in (shape, shape[1:]):
        what = f"the confidence has the shape {given.shape}, the joints {shape}."
        raise RecordingError(what, where=name, remedy="Give one number per person, frame and joint.")
    if not ((values >= 0) & (values <= 1)).all():
        raise RecordingError("a confidence is not between 0 and 1.", where=name, remedy="Bring them to this range.")
    return values.reshape(shape).astype(np.float32)
