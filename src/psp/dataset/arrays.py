"""The array files of a stored data set, and the clips that fit into them."""

import hashlib
import io
import zlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tokenize import TokenError
from typing import Any

import numpy as np
from jaxtyping import Float32

from psp.dataset.clip_table import REMAKE
from psp.errors import RecordingError, StoreError
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Clip

BLOCK = 2**20
"""The size of the blocks of a file that have a checksum."""


def npy_header(dtype: str, shape: tuple[int, ...]) -> bytes:
    """Return the header of an .npy file.

    NumPy pads it so that the first axis can grow in place: the length does not depend on the number of rows.
    """
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue()


def map_array(path: Path) -> np.ndarray:
    """Return an array file mapped into memory; changes are not written to the disk. StoreError if it is damaged."""
    try:
        return np.load(path, mmap_mode="c")
    except (ValueError, TypeError, OverflowError, EOFError, SyntaxError, TokenError) as error:
        raise StoreError(f"{path.name} is damaged ({error}).", where=str(path), remedy=REMAKE) from error


def sha256_of_array(array: np.ndarray) -> str:
    """Return the sha256 of the array file that holds this array."""
    digest = hashlib.sha256(npy_header(array.dtype.str, array.shape))
    digest.update(np.ascontiguousarray(array).data.cast("B"))
    return digest.hexdigest()


def sha256_of_file(path: Path) -> str:
    """Return the sha256 of a file's bytes as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def blocks_of(path: Path) -> list[int]:
    """Return the CRC-32 of each block of a file, so that parts of it can be checked without reading the rest."""
    with path.open("rb") as file:
        return [zlib.crc32(block) for block in iter(lambda: file.read(BLOCK), b"")]


class Blocks:
    """The checksums of the blocks of an array file: a block is compared when rows of it are needed the first time.

    `part` is the file's entry in the manifest. Files of earlier versions, without checksums, are not compared.
    """

    def __init__(self, path: Path, part: Mapping[str, Any], array: np.ndarray) -> None:
        self._path, self._stated, self._whole = path, part.get("blocks", []), set[int]()
        self._row = array.nbytes // max(1, len(array))
        self._header = part["bytes"] - array.nbytes

    def require(self, first_row: int, end_row: int) -> None:
        """Raise StoreError if a block with rows from `first_row` to below `end_row` is damaged."""
        first, end = (self._header + row * self._row for row in (first_row, end_row))
        numbers = range(first // BLOCK, min(len(self._stated), -(-end // BLOCK)))
        new = [number for number in numbers if number not in self._whole]
        if not new:
            return
        with self._path.open("rb", buffering=0) as file:
            for number in new:
                file.seek(number * BLOCK)
                if zlib.crc32(file.read(BLOCK)) != self._stated[number]:
                    what = f"{self._path.name} is damaged: a part of it does not have the stated checksum."
                    raise StoreError(what, where=str(self._path.parent), remedy=REMAKE)
                self._whole.add(number)


def channels_of(clip: Clip) -> int:
    """Return the number of coordinates of a clip's joints; another number than 2 or 3 raises RecordingError."""
    channels = clip.joints.shape[-1]
    if channels not in (2, 3):
        remedy = "Give x and y, or x, y and z."
        raise RecordingError(f"a joint has {channels} coordinates.", where=clip.id, remedy=remedy)
    return channels


def confidence_of(clip: Clip) -> Float32[np.ndarray, "..."]:
    """Return the confidence of every joint, 1 where the clip has none."""
    return np.ones(clip.joints.shape[:-1], dtype=np.float32) if clip.confidence is None else clip.confidence


def checked_clip(clip: Clip, layout: Layout, channels: int) -> Clip:
    """Return the clip with position and confidence 0 where a coordinate is NaN, which means not observed.

    RecordingError for a clip whose arrays do not fit the layout or hold values outside their range.
    """
    size, shape, remedy = len(layout.joints), clip.joints.shape, "Correct or leave out this recording."
    confidence = clip.confidence
    if len(shape) != 4 or shape[2:] != (size, channels) or 0 in shape:
        what = f"a clip of the layout {layout.name} has the shape (persons, frames, {size}, {channels}), not {shape}."
    elif confidence is not None and confidence.shape != shape[:3]:
        what = f"the confidence has the shape {confidence.shape}, not {shape[:3]}."
    elif confidence is not None and not ((confidence >= 0) & (confidence <= 1)).all():
        what = "a confidence is not between 0 and 1."
    elif np.isfinite(clip.joints).all():
        return clip
    elif np.isinf(clip.joints).any():
        what = "a joint position is infinite."
    else:
        lost = np.isnan(clip.joints).any(axis=3)
        joints = np.where(lost[..., None], np.float32(0), clip.joints)
        return replace(clip, joints=joints, confidence=np.where(lost, np.float32(0), confidence_of(clip)))
    raise RecordingError(what, where=clip.id, remedy=remedy)
