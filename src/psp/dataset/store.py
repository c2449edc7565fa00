"""A stored data set: a folder with `joints.npy`, `clips.arrow` and `manifest.json`, opened by memory map.

`confidence.npy` is there too if the confidence of some joint is not 1.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from tokenize import TokenError
from typing import Any, get_args

import numpy as np
from jaxtyping import Float, Float32

from psp.config.override import override
from psp.dataset.clip_table import CLIPS, REMAKE, ClipTable, TableBuilder, check_table, read_table, sha256_as_csv
from psp.errors import PSPError, RecordingError, StoreError
from psp.preprocess.clean import CleanConfig
from psp.preprocess.normalise import NormaliseConfig
from psp.skeleton.catalogue import layout_by_name, layout_names
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Clip, Up

FORMAT, FORMAT_1 = "psp-store-2", "psp-store-1"
JOINTS, CONFIDENCE = "joints.npy", "confidence.npy"
CHANNELS = (2, 3)
AS_RECORDED = NormaliseConfig(centre="none", scale="none")
"""The configuration that changes nothing."""

WITH_READERS = ("ntu60", "ntu120", "nw-ucla", "synthetic")
"""The data sets whose recordings determine the confidence, so that their fingerprint need not hold it."""


@dataclass(frozen=True, eq=False)
class Store:
    """An opened data set: clips of one layout, on disk or in memory (`path` is None).

    `joints` holds (v, c) coordinates per person and frame, `confidence` their confidence, None if all of it is 1. Both
    stay on disk until they are indexed. `up` is the vertical axis of these coordinates; `normalise` and `clean` are
    what was done to the recordings and has to be done to new ones (`clean` is None where it is not known).
    """

    path: Path | None
    layout: Layout
    classes: tuple[str, ...]
    dataset: str
    clips: ClipTable
    joints: Float32[np.ndarray, "rows v c"]
    confidence: Float[np.ndarray, "rows v"] | None
    up: Up
    normalise: NormaliseConfig
    clean: CleanConfig | None
    manifest: Mapping[str, Any]

    @classmethod
    def in_memory(
        cls,
        clips: Sequence[Clip],
        layout: Layout,
        classes: Sequence[str],
        *,
        up: Up,
        dataset: str = "memory",
        normalise: NormaliseConfig = AS_RECORDED,
        clean: CleanConfig | None = None,
    ) -> "Store":
        """Return a data set of clips without a file; a clip that does not fit raises RecordingError."""
        table, names = TableBuilder(len(classes)), check_classes(classes)
        channels = channels_of(clips[0]) if clips else 3
        for clip in clips:
            check_clip(clip, layout, channels)
            table.add(clip.info, clip.persons, clip.frames)
        size = (-1, len(layout.joints))
        joints = [clip.joints.reshape(*size, channels) for clip in clips] or [np.empty((0, size[1], channels))]
        confidence = np.concatenate([confidence_of(clip).reshape(size) for clip in clips] or [np.empty((0, size[1]))])
        manifest = {"source": "memory", "clips": len(clips)}
        known = None if (confidence == 1).all() else confidence.astype(np.float16)
        array = np.concatenate(joints, dtype=np.float32)
        return cls(None, layout, names, dataset, table.build(), array, known, up, normalise, clean, manifest)

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def channels(self) -> int:
        """The number of coordinates of a joint, 2 or 3."""
        return self.joints.shape[2]

    def clip(self, index: int) -> Clip:
        """Return one clip, a copy of what the store holds."""
        table = self.clips
        persons, frames, first = (int(column[index]) for column in (table.persons, table.frames, table.first_row))
        rows, shape = slice(first, first + persons * frames), (persons, frames, len(self.layout.joints))
        joints = np.array(self.joints[rows]).reshape(*shape, -1)
        confidence = None if self.confidence is None else self.confidence[rows].astype(np.float32).reshape(shape)
        return Clip(table.info(index), joints, confidence)

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of the joints and of the clips, and of whatever else the data set depends on."""
        if "fingerprint" in self.manifest:
            return str(self.manifest["fingerprint"])
        confidence = None if self.confidence is None else sha256_of_array(self.confidence)
        joints = sha256_of_array(self.joints)
        return fingerprint_of(joints, self.clips, confidence, self.layout, self.dataset, self.up)


def open_store(path: str | os.PathLike[str]) -> Store:
    """Return a stored data set; a missing, damaged or truncated one raises StoreError.

    The sizes of the files are compared with the manifest; `check_store` compares their hashes.
    """
    folder = Path(path)
    manifest = _read_manifest(folder)
    for name, part in manifest["parts"].items():
        size = (folder / name).stat().st_size if (folder / name).is_file() else None
        if size != part["bytes"]:
            found = "is missing" if size is None else f"has {size} bytes instead of {part['bytes']}"
            raise StoreError(f"{name} {found}: the store is incomplete.", where=str(folder), remedy=REMAKE)
    clips = read_table(folder / CLIPS)
    try:
        layout = Layout.from_dict(manifest["layout"])
        clean = None if manifest["clean"] is None else override(CleanConfig(), manifest["clean"])
        normalise = override(NormaliseConfig(), manifest["normalise"])
    except PSPError as error:
        what = f"manifest.json is damaged or of another version of psp: {error.what}"
        raise StoreError(what, where=str(folder), remedy=REMAKE) from error
    check_table(clips, len(manifest["classes"]), str(folder))
    rows = int((clips.persons * clips.frames).sum())
    joints, confidence = _open_arrays(folder, manifest, (rows, len(layout.joints)))
    named = {"layout": layout, "classes": tuple(manifest["classes"]), "dataset": manifest["dataset"]}
    return Store(
        folder, **named, clips=clips, joints=joints, confidence=confidence, up=manifest["up"],
        normalise=normalise, clean=clean, manifest=manifest,
    )  # fmt: skip


def check_classes(classes: Sequence[str]) -> tuple[str, ...]:
    """Return the class names; a repeated one raises StoreError."""
    repeated = sorted({name for name in classes if list(classes).count(name) > 1})
    if repeated:
        raise StoreError(f"the class {repeated[0]!r} is named twice.", remedy="Give every class its own name.")
    return tuple(classes)


def check_clip(clip: Clip, layout: Layout, channels: int) -> None:
    """Raise RecordingError for a clip whose arrays do not fit the layout, or hold what no store can hold."""
    size, shape, remedy = len(layout.joints), clip.joints.shape, "Correct or leave out this recording."
    if len(shape) != 4 or shape[2:] != (size, channels) or 0 in shape:
        what = f"a clip of the layout {layout.name} has the shape (persons, frames, {size}, {channels}), not {shape}."
        raise RecordingError(what, where=clip.id, remedy=remedy)
    if not np.isfinite(clip.joints).all():
        raise RecordingError("a joint position is not a finite number.", where=clip.id, remedy=remedy)
    confidence = confidence_of(clip)
    if confidence.shape != shape[:3]:
        what = f"the confidence has the shape {confidence.shape}, not {shape[:3]}."
        raise RecordingError(what, where=clip.id, remedy=remedy)
    if not ((confidence >= 0) & (confidence <= 1)).all():
        raise RecordingError("a confidence is not between 0 and 1.", where=clip.id, remedy=remedy)


def channels_of(clip: Clip) -> int:
    """Return the number of coordinates of a clip's joints; another number than 2 or 3 raises RecordingError."""
    channels = clip.joints.shape[-1]
    if channels not in CHANNELS:
        remedy = "Give x and y, or x, y and z."
        raise RecordingError(f"a joint has {channels} coordinates.", where=clip.id, remedy=remedy)
    return channels


def confidence_of(clip: Clip) -> Float32[np.ndarray, "..."]:
    """Return the confidence of every joint, 1 where the clip says nothing."""
    return np.ones(clip.joints.shape[:-1], dtype=np.float32) if clip.confidence is None else clip.confidence


def npy_header(dtype: str, shape: tuple[int, ...]) -> bytes:
    """Return the beginning of an array file.

    NumPy pads it so that the first axis can grow in place: every number of rows takes the same bytes.
    """
    parts: list[bytes] = []
    file = type("Bytes", (), {"write": lambda _, content: parts.append(content)})()
    header = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return b"".join(parts)


def sha256_of_array(array: np.ndarray) -> str:
    """Return the sha256 of the array file that holds this array."""
    digest = hashlib.sha256(npy_header(array.dtype.str, array.shape))
    digest.update(np.ascontiguousarray(array).data.cast("B"))
    return digest.hexdigest()


def fingerprint_of(
    joints: str, clips: ClipTable, confidence: str | None, layout: Layout, dataset: str, up: Up
) -> str:
    """Return the fingerprint of a data set from the hashes of its arrays.

    It is the hash of the joints and that of the table. Own layouts and confidence are added, with the vertical axis.
    """
    known = layout.name in layout_names() and layout == layout_by_name(layout.name)
    base = f"{joints}:{sha256_as_csv(clips)}"
    if known and (confidence is None or dataset in WITH_READERS):
        return base
    content = json.dumps({"layout": layout.to_dict(), "up": up, "confidence": confidence}, sort_keys=True)
    return f"{base}:{hashlib.sha256(content.encode()).hexdigest()}"


def map_array(path: Path) -> np.ndarray:
    """Map an array file into memory; what a program changes in it never reaches the disk."""
    try:
        return np.load(path, mmap_mode="c")
    except (ValueError, TypeError, OverflowError, EOFError, SyntaxError, TokenError) as error:
        raise StoreError(f"{path.name} is damaged ({error}).", where=str(path), remedy=REMAKE) from error


def plain(config: NormaliseConfig | CleanConfig | None) -> dict[str, Any] | None:
    """Return a configuration as the manifest holds it."""
    return None if config is None else asdict(config)
