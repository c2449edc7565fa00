"""A stored data set: a folder with `joints.npy`, `clips.csv` and `manifest.json`, opened by memory map.

Stores that have `ids.npy` and `columns.npy` too open at once, however many clips they hold; older ones are read from
`clips.csv`.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from psp.preprocess.normalise import Up
from psp.dataset.clip_table import INDEX, REMAKE, ClipTable, check_table, map_array, read_index, read_table
from psp.errors import StoreError
from psp.skeleton.clip import Clip
from psp.skeleton.layout import Layout
from psp.skeleton.layouts import layout_by_name

FORMAT = "psp-store-1"
PARTS = ("joints.npy", "clips.csv")
KINDS = {"layout": str, "classes": list, "dataset": str, "parts": dict, "preprocessing": dict}
"""Of what kind the entries of a manifest are."""


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
    def up(self) -> Up:
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
    table = read_index(folder) if set(INDEX) <= set(manifest["parts"]) else read_table(folder / "clips.csv")
    joints, layout = _read_joints(folder / "joints.npy"), layout_by_name(manifest["layout"])
    if joints.shape[1:] != (len(layout.joints), 3) or len(joints) != int((table.persons * table.frames).sum()):
        raise StoreError(f"joints.npy has the shape {joints.shape}.", where=str(folder), remedy=REMAKE)
    check_table(table, len(manifest["classes"]), folder)
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


def _read_joints(path: Path) -> Float32[np.ndarray, "..."]:
    joints = map_array(path)
    if joints.dtype != np.float32:
        raise StoreError(f"joints.npy holds {joints.dtype}, not float32.", where=str(path), remedy=REMAKE)
    return joints
