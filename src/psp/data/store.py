"""A stored data set: a folder with `joints.npy`, `clips.csv` and `manifest.json`, opened by memory map."""

import csv
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from tokenize import TokenError
from typing import Any, Literal

import numpy as np
from jaxtyping import Float32, Int64

from psp.errors import StoreError
from psp.skeleton.clip import Clip
from psp.skeleton.layout import Layout
from psp.skeleton.layouts import layout_by_name

FORMAT = "psp-store-1"
PARTS = ("joints.npy", "clips.csv")
KINDS = {"layout": str, "classes": list, "dataset": str, "parts": dict, "preprocessing": dict}
"""Of what kind the entries of a manifest are."""

REMAKE = "Prepare the data set again."


@dataclass(frozen=True, eq=False)
class ClipTable:
    """What is known about every clip, one array per column of `clips.csv`; label -1 means unlabelled.

    A clip's joints are `persons * frames` rows of `joints.npy` from `first_row` on, person by person.
    """

    id: np.ndarray
    label: Int64[np.ndarray, "clips"]
    subject: Int64[np.ndarray, "clips"]
    camera: Int64[np.ndarray, "clips"]
    setup: Int64[np.ndarray, "clips"]
    repetition: Int64[np.ndarray, "clips"]
    persons: Int64[np.ndarray, "clips"]
    frames: Int64[np.ndarray, "clips"]
    first_row: Int64[np.ndarray, "clips"]

    def __len__(self) -> int:
        return len(self.id)

    @cached_property
    def row_of_id(self) -> dict[str, int]:
        """Where each clip stands in the table."""
        return {str(name): row for row, name in enumerate(self.id)}


COLUMNS = tuple(field.name for field in fields(ClipTable))


@dataclass(frozen=True, eq=False)
class Store:
    """An opened data set; `joints` stays on disk until it is indexed."""

    path: Path
    layout: Layout
    classes: tuple[str, ...]
    dataset: str
    manifest: Mapping[str, Any]
    clips: ClipTable
    joints: Float32[np.ndarray, "rows v 3"]

    def __len__(self) -> int:
        return len(self.clips)

    def clip(self, index: int) -> Clip:
        """Read one clip."""
        table = self.clips
        persons, frames, first = (int(column[index]) for column in (table.persons, table.frames, table.first_row))
        rows = np.array(self.joints[first : first + persons * frames])
        known = {name: int(getattr(table, name)[index]) for name in ("subject", "camera", "setup", "repetition")}
        label = int(table.label[index])
        shape = (persons, frames, *rows.shape[1:])
        return Clip(str(table.id[index]), rows.reshape(shape), None if label < 0 else label, **known)

    @property
    def up(self) -> Literal["y", "z"]:
        """The vertical axis: y as sensors report it, z where preparation stood the spine up on it."""
        upright = self.manifest["preprocessing"].get("normalise", {}).get("upright", "none")
        return "y" if upright == "none" else "z"

    @property
    def fingerprint(self) -> str:
        """The sha256 of the clips and their joints, as the manifest records them."""
        return ":".join(self.manifest["parts"][part]["sha256"] for part in PARTS)


def open_store(path: str | os.PathLike[str]) -> Store:
    """Open a stored data set; a missing, foreign or truncated one raises StoreError. `check_store` compares hashes."""
    folder = Path(path)
    manifest = _read_manifest(folder)
    for name, part in manifest["parts"].items():
        size = (folder / name).stat().st_size if (folder / name).is_file() else None
        if size != part["bytes"]:
            found = "is missing" if size is None else f"has {size} bytes instead of {part['bytes']}"
            raise StoreError(f"{name} {found}: the store is incomplete.", where=str(folder), remedy=REMAKE)
    table = _read_table(folder / "clips.csv")
    joints, layout = _read_joints(folder / "joints.npy"), layout_by_name(manifest["layout"])
    if joints.shape[1:] != (len(layout.joints), 3) or len(joints) != int((table.persons * table.frames).sum()):
        raise StoreError(f"joints.npy has the shape {joints.shape}.", where=str(folder), remedy=REMAKE)
    _check_table(table, len(manifest["classes"]), folder / "clips.csv")
    return Store(folder, layout, tuple(manifest["classes"]), manifest["dataset"], manifest, table, joints)


def _read_manifest(folder: Path) -> dict[str, Any]:
    path = folder / "manifest.json"
    if not path.is_file():
        remedy = "Name a folder written by 'psp prepare'."
        raise StoreError("this is not a stored data set (no manifest.json).", where=str(folder), remedy=remedy)
    try:
        manifest = json.loads(path.read_text())
        known = manifest["format"] == FORMAT and _is_complete(manifest)
    except (ValueError, KeyError, TypeError) as error:
        raise StoreError(f"manifest.json is damaged ({error}).", where=str(folder), remedy=REMAKE) from error
    if not known:
        raise StoreError(f"manifest.json is not of the format {FORMAT}.", where=str(folder), remedy=REMAKE)
    return manifest


def _is_complete(manifest: Mapping[str, Any]) -> bool:
    """Whether every entry is there and of its kind, and both parts are described."""
    return (
        _holds(manifest, KINDS)
        and _holds(manifest["parts"], dict.fromkeys(PARTS, dict))
        and all(_holds(part, {"bytes": int, "sha256": str}) for part in manifest["parts"].values())
        and isinstance(manifest["preprocessing"].get("normalise", {}), dict)
    )


def _holds(entries: Any, kinds: Mapping[str, type]) -> bool:
    return isinstance(entries, dict) and all(isinstance(entries.get(name), kind) for name, kind in kinds.items())


def _read_table(path: Path) -> ClipTable:
    try:
        with path.open(newline="") as file:
            header, *rows = csv.reader(file)
        name, *numbers = zip(header, *rows, strict=True)
        columns = [np.array(column[1:], dtype=np.int64) for column in numbers]
    except (ValueError, OverflowError, csv.Error) as error:
        raise StoreError(f"clips.csv is damaged ({error}).", where=str(path), remedy=REMAKE) from error
    if tuple(header) != COLUMNS or not rows:
        raise StoreError("clips.csv has no clips or unknown columns.", where=str(path), remedy=REMAKE)
    return ClipTable(np.array(name[1:]), *columns)


def _read_joints(path: Path) -> Float32[np.ndarray, "..."]:
    try:
        joints = np.load(path, mmap_mode="c")
    except (ValueError, TypeError, OverflowError, EOFError, SyntaxError, TokenError) as error:
        raise StoreError(f"joints.npy is damaged ({error}).", where=str(path), remedy=REMAKE) from error
    if joints.dtype != np.float32:
        raise StoreError(f"joints.npy holds {joints.dtype}, not float32.", where=str(path), remedy=REMAKE)
    return joints


def _check_table(table: ClipTable, classes: int, path: Path) -> None:
    """Refuse impossible values; clips lie one after the other in the joints."""
    rows = table.persons * table.frames
    possible = {
        "label": (table.label >= -1) & (table.label < classes),
        "persons": table.persons >= 1,
        "frames": table.frames >= 1,
        "first_row": table.first_row == rows.cumsum() - rows,
    }
    possible |= {name: getattr(table, name) >= 0 for name in ("subject", "camera", "setup", "repetition")}
    for name, fits in possible.items():
        if not fits.all():
            clip = int(fits.argmin())
            what = f"the {name} of clip {table.id[clip]} cannot be {getattr(table, name)[clip]}."
            raise StoreError(what, where=str(path), remedy=REMAKE)
