"""A stored data set: a folder with `joints.npy`, `clips.arrow` and `manifest.json`, opened by memory map.

There is also `confidence.npy` if the confidence of some joint is not 1.
"""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import NoneType
from typing import Any, get_args

import numpy as np
from jaxtyping import Float, Float32

from psp.config.json_file import Form, fault_of, read_json
from psp.config.override import override
from psp.dataset.arrays import (
    Blocks,
    channels_of,
    checked_clip,
    confidence_of,
    map_array,
    sha256_of_array,
    sha256_of_file,
)
from psp.dataset.clip_table import CLIPS, REMAKE, ClipTable, TableBuilder, check_table, read_table, sha256_as_csv
from psp.dataset.store_1 import FORMAT_1, TABLE_1, read_table_1, upgrade_manifest
from psp.errors import ConfigError, LayoutError, StoreError
from psp.preprocess.clean import CleanConfig
from psp.preprocess.normalise import NormaliseConfig
from psp.skeleton.catalogue import layout_by_name, layout_names
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Clip, Up
from psp.text import LONGEST, fault_of_name, printable, shortened

FORMAT = "psp-store-2"
JOINTS, CONFIDENCE = "joints.npy", "confidence.npy"
MANIFEST: Form = {
    "dataset": str, "layout": dict, "classes": [str], "channels": int, "up": str, "normalise": dict,
    "clean": (dict, NoneType), "fingerprint": str, "parts": {str: {"bytes": int, "sha256": str, "blocks?": [int]}},
    "recorded up?": str,
}  # fmt: skip
"""The form of a manifest."""

AS_RECORDED = NormaliseConfig(centre="none", scale="none")
"""The normalisation that changes nothing."""

SHOWN = 60
"""How many characters of a faulty name an error shows."""

WITH_READERS = ("ntu60", "ntu120", "nw-ucla", "synthetic")
"""Data sets whose recordings determine the confidence, so that their fingerprint does not include it."""


@dataclass(frozen=True, eq=False)
class Store:
    """An opened data set: clips of one layout, on disk or in memory (`path` is None).

    `joints` holds (v, c) coordinates per person and frame, `confidence` their confidence, None if all of it is 1. Both
    stay on disk until they are indexed. `up` is the vertical axis of these coordinates; `normalise` and `clean` are the
    settings with which the recordings were prepared, to be used for new ones too (`clean` is None if not known).
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
        """Return a data set of clips in memory; a clip that does not fit raises RecordingError."""
        table, names = TableBuilder(len(classes)), check_classes(classes)
        channels, size = channels_of(clips[0]) if clips else 3, len(layout.joints)
        clips = [checked_clip(clip, layout, channels) for clip in clips]
        for clip in clips:
            table.add(clip.info, clip.persons, clip.frames)
        joints = np.concatenate([clip.joints.reshape(-1, size, channels) for clip in clips] or [np.empty((0, size, 3))])
        confidence = np.concatenate([confidence_of(clip).reshape(-1, size) for clip in clips] or [np.ones((0, size))])
        known = None if (confidence == 1).all() else confidence.astype(np.float16)
        joints, manifest = joints.astype(np.float32, copy=False), {"source": "memory"}
        return cls(None, layout, names, dataset, table.build(), joints, known, up, normalise, clean, manifest)

    def __len__(self) -> int:
        return len(self.clips)

    @property
    def channels(self) -> int:
        """The number of coordinates of a joint, 2 or 3."""
        return self.joints.shape[2]

    @property
    def recorded_up(self) -> Up:
        """The vertical axis of the recordings before they were normalised."""
        up: Up = self.manifest.get("recorded up", self.up)
        return up

    @cached_property
    def blocks(self) -> Mapping[str, Blocks]:
        """The checksums of the array files, by their names; none in memory."""
        if self.path is None:
            return {}
        arrays = {JOINTS: self.joints} | ({} if self.confidence is None else {CONFIDENCE: self.confidence})
        return {name: Blocks(self.path / name, self.manifest["parts"][name], array) for name, array in arrays.items()}

    def clip(self, index: int) -> Clip:
        """Return one clip, a copy of what the store holds; StoreError if its part of a file is damaged."""
        table = self.clips
        persons, frames, first = (int(column[index]) for column in (table.persons, table.frames, table.first_row))
        rows, shape = slice(first, first + persons * frames), (persons, frames, len(self.layout.joints))
        for blocks in self.blocks.values():
            blocks.require(rows.start, rows.stop)
        joints = np.array(self.joints[rows]).reshape(*shape, -1)
        confidence = None if self.confidence is None else self.confidence[rows].astype(np.float32).reshape(shape)
        return Clip(table.info(index), joints, confidence)

    @cached_property
    def fingerprint(self) -> str:
        """The sha256 of the joints and of the clip table; of an own layout and confidence too (`fingerprint_of`)."""
        if "fingerprint" in self.manifest:
            return str(self.manifest["fingerprint"])
        confidence = None if self.confidence is None else sha256_of_array(self.confidence)
        joints = sha256_of_array(self.joints)
        return fingerprint_of(joints, self.clips, confidence, self.layout, self.channels, self.dataset, self.up)


def open_store(path: str | os.PathLike[str]) -> Store:
    """Return a stored data set; a missing, damaged or truncated one raises StoreError.

    The sizes of the files and the hash of the table are compared with the manifest, blocks of the other files when they
    are read (`Blocks`); `check_store` compares the hashes of all files.
    """
    folder = Path(path)
    manifest = _read_manifest(folder)
    is_old = manifest["format"] == FORMAT_1
    _check_parts(folder, manifest["parts"], TABLE_1 if is_old else CLIPS)
    clips = read_table_1(folder / TABLE_1) if is_old else read_table(folder / CLIPS)
    layout, normalise, clean = _settings(folder, manifest)
    classes, dataset, up = tuple(manifest["classes"]), manifest["dataset"], manifest["up"]
    check_table(clips, len(classes), str(folder))
    shape = (int((clips.persons * clips.frames).sum()), len(layout.joints), manifest["channels"])
    joints = _array(folder, JOINTS, np.float32, shape)
    confidence = _array(folder, CONFIDENCE, np.float16, shape[:2]) if CONFIDENCE in manifest["parts"] else None
    return Store(folder, layout, classes, dataset, clips, joints, confidence, up, normalise, clean, manifest)


def check_classes(classes: Sequence[str]) -> tuple[str, ...]:
    """Return the class names; a repeated one, or one that is too long or cannot be printed, raises StoreError."""
    for name in classes:
        if fault := fault_of_name(name):
            what = f"the name of the class {shortened(printable(name), SHOWN)!r} {fault}."
            raise StoreError(what, remedy=f"Give every class a printable name of at most {LONGEST} characters.")
    repeated = sorted({name for name in classes if list(classes).count(name) > 1})
    if repeated:
        raise StoreError(f"the class {repeated[0]!r} is named twice.", remedy="Give every class its own name.")
    return tuple(classes)


def fingerprint_of(
    joints: str, clips: ClipTable, confidence: str | None, layout: Layout, channels: int, dataset: str, up: Up
) -> str:
    """Return the fingerprint of a data set from the hashes of its arrays.

    It is the hash of the joints and that of the table. Outside of WITH_READERS, for an own layout, with confidence, or
    if another axis than y points up (in two dimensions -y), a hash of layout, confidence and that axis is added.
    """
    known = layout.name in layout_names() and layout == layout_by_name(layout.name)
    base = f"{joints}:{sha256_as_csv(clips)}"
    if known and (dataset in WITH_READERS or (confidence is None and up == ("-y" if channels == 2 else "y"))):
        return base
    content = json.dumps({"layout": layout.to_dict(), "up": up, "confidence": confidence}, sort_keys=True)
    return f"{base}:{hashlib.sha256(content.encode()).hexdigest()}"


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    if not path.is_file():
        remedy = "Name a folder written by 'psp prepare'."
        raise StoreError("this is not a stored data set (no manifest.json).", where=str(folder), remedy=remedy)
    manifest = dict(read_json(path, {"format": str}, StoreError, REMAKE))
    if manifest["format"] not in (FORMAT, FORMAT_1):
        raise StoreError(f"it is not of the format {FORMAT}.", where=str(path), remedy=REMAKE)
    if manifest["format"] == FORMAT_1:
        try:
            manifest = upgrade_manifest(manifest)
        except (ValueError, KeyError, TypeError, AttributeError, LayoutError) as error:
            raise StoreError(f"an entry is damaged ({error}).", where=str(path), remedy=REMAKE) from error
    key, what = fault_of(manifest, MANIFEST) or ("", "")
    if not what and manifest["up"] not in get_args(Up):
        key, what = "up", f"{shortened(printable(manifest['up']))} names no axis."
    table = TABLE_1 if manifest["format"] == FORMAT_1 else CLIPS
    if not what and not {JOINTS, table} <= set(manifest["parts"]):
        key, what = "parts", f"{JOINTS} or {table} is missing."
    if what:
        raise StoreError(what, where=f"{path}, {shortened(printable(key))}", remedy=REMAKE)
    return manifest


def _check_parts(folder: Path, parts: Mapping[str, Mapping[str, Any]], table: str) -> None:
    """Raise StoreError unless the parts have their sizes and the table its hash."""
    for name, part in parts.items():
        size = (folder / name).stat().st_size if (folder / name).is_file() else None
        if size != part["bytes"]:
            found = "is missing" if size is None else f"has {size} bytes instead of {part['bytes']}"
            raise StoreError(f"{name} {found}: the store is incomplete.", where=str(folder), remedy=REMAKE)
        if name == table and sha256_of_file(folder / name) != part["sha256"]:
            what = f"{name} is damaged: its content does not have the stated hash."
            raise StoreError(what, where=str(folder), remedy=REMAKE)


def _settings(folder: Path, manifest: Mapping[str, Any]) -> tuple[Layout, NormaliseConfig, CleanConfig | None]:
    """Return the layout and the settings with which the recordings were prepared."""
    try:
        layout, clean = Layout.from_dict(manifest["layout"]), manifest["clean"]
        normalise = override(NormaliseConfig(), manifest["normalise"])
        return layout, normalise, None if clean is None else override(CleanConfig(), clean)
    except (LayoutError, ConfigError) as error:
        where = f"{folder}, manifest.json" + (f", {error.where}" if error.where else "")
        raise StoreError(error.what, where=where, remedy=REMAKE) from error


def _array(folder: Path, name: str, kind: type[np.floating], shape: tuple[int, ...]) -> np.ndarray:
    """Return a mapped array; StoreError unless its type and shape are those of the table and the layout."""
    array = map_array(folder / name)
    if array.dtype != kind or array.shape != shape:
        what = f"{name} holds {array.dtype} of the shape {array.shape}; layout and table need "
        raise StoreError(f"{what}{np.dtype(kind)} of the shape {shape}.", where=str(folder), remedy=REMAKE)
    return array
