"""Writing a stored data set clip by clip: nothing appears at its place until it is complete."""

import csv
import hashlib
import os
import shutil
from array import array
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

import numpy as np

from psp.files import flush_folder, write_json
from psp.dataset.store import FORMAT, PARTS
from psp.dataset.clip_table import COLUMNS, INDEX, ClipTable, write_index
from psp.errors import RecordingError, StoreError
from psp.skeleton.clip import Clip
from psp.skeleton.layout import Layout


class StoreWriter:
    """Streams clips into a temporary folder beside `path` and renames it into place when the `with` block succeeds.

    On an error inside the block the temporary folder is removed; what a killed process left of it, the next writer
    removes. An existing `path` is never touched.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        dataset: str,
        layout: Layout,
        classes: Sequence[str],
        preprocessing: Mapping[str, Any],
        source: str,
    ) -> None:
        self.path, self.layout, self.classes = Path(path), layout, tuple(classes)
        self._refuse_existing()
        self.manifest_extra: dict[str, Any] = {}
        self._head: dict[str, Any] = {
            "format": FORMAT,
            "dataset": dataset,
            "layout": layout.name,
            "classes": list(self.classes),
        }
        self._head |= {"source": source, "preprocessing": dict(preprocessing)}
        self._ids: dict[str, None] = {}
        self._numbers = array("q")
        self._rows = 0

    def __enter__(self) -> "StoreWriter":
        self._folder = self.path.with_name(f".{self.path.name}.writing")
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        self._joints = (self._folder / "joints.npy").open("wb")
        _write_header(self._joints, 0, len(self.layout.joints))
        self._table = (self._folder / "clips.csv").open("w", newline="")
        self._csv = csv.writer(self._table, lineterminator="\n")
        self._csv.writerow(COLUMNS)
        return self

    def add(self, clip: Clip) -> None:
        """Append one clip; a wrong shape, a repeated id or a value that is not finite raises RecordingError."""
        self._check(clip)
        self._ids[clip.id] = None
        self._joints.write(np.ascontiguousarray(clip.joints, dtype="<f4").tobytes())
        label = -1 if clip.label is None else clip.label
        known = (label, clip.subject, clip.camera, clip.setup, clip.repetition)
        numbers = (*known, clip.persons, clip.frames, self._rows)
        self._csv.writerow((clip.id, *numbers))
        self._numbers.extend(numbers)
        self._rows += clip.persons * clip.frames

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            self._joints.close()
            self._table.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _check(self, clip: Clip) -> None:
        joints, remedy = len(self.layout.joints), "Correct or leave out this recording."
        if clip.joints.ndim != 4 or clip.joints.shape[2:] != (joints, 3) or 0 in clip.joints.shape:
            what = f"a clip of the layout {self.layout.name} has the shape (persons, frames, {joints}, 3), not "
            raise RecordingError(f"{what}{clip.joints.shape}.", where=clip.id, remedy=remedy)
        if not np.isfinite(clip.joints).all():
            raise RecordingError("a joint position is not a finite number.", where=clip.id, remedy=remedy)
        if clip.id in self._ids:
            raise RecordingError("two recordings have this id.", where=clip.id, remedy="Give each its own id.")
        if clip.label is not None and not 0 <= clip.label < len(self.classes):
            what = f"the label {clip.label} is not one of the {len(self.classes)} classes."
            raise RecordingError(what, where=clip.id, remedy=remedy)

    def _finish(self) -> None:
        if not self._ids:
            raise StoreError("there is no clip to store.", where=str(self.path), remedy="Check the source.")
        self._joints.seek(0)
        _write_header(self._joints, self._rows, len(self.layout.joints))
        for file in (self._joints, self._table):
            file.flush()
            os.fsync(file.fileno())
            file.close()
        columns = np.array(self._numbers, dtype=np.int64).reshape(len(self._ids), -1).T
        write_index(self._folder, ClipTable(np.array(list(self._ids)), *columns))
        parts = {name: _describe(self._folder / name) for name in (*PARTS, *INDEX)}
        manifest = self._head | {"clips": len(self._ids), "rows": self._rows, "parts": parts} | self.manifest_extra
        write_json(self._folder / "manifest.json", manifest)
        self._refuse_existing()
        self._folder.rename(self.path)
        flush_folder(self.path.parent)

    def _refuse_existing(self) -> None:
        if self.path.exists():
            remedy = "Choose another destination or remove it first."
            raise StoreError("the destination already exists.", where=str(self.path), remedy=remedy)


def sha256_of_file(path: Path) -> str:
    """The sha256 of a file's bytes as hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _describe(path: Path) -> dict[str, Any]:
    return {"bytes": path.stat().st_size, "sha256": sha256_of_file(path)}


def _write_header(file: BinaryIO, rows: int, joints: int) -> None:
    """NumPy pads a header so that the first axis can grow in place: every number of rows takes the same bytes."""
    header = {"descr": "<f4", "fortran_order": False, "shape": (rows, joints, 3)}
    np.lib.format.write_array_header_1_0(file, header)
