"""Writing of a stored data set, clip by clip."""

import os
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from psp.dataset.arrays import blocks_of, channels_of, checked_clip, confidence_of, npy_header, sha256_of_file
from psp.dataset.clip_table import CLIPS, TableBuilder, write_table
from psp.dataset.store import AS_RECORDED, CONFIDENCE, FORMAT, JOINTS, check_classes, fingerprint_of
from psp.errors import DestinationError, StoreError
from psp.files import destination_lock, flush_folder, named, write_json
from psp.preprocess.clean import CleanConfig
from psp.preprocess.normalise import NormaliseConfig
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Clip, Up


class StoreWriter:
    """A context manager that writes clips to a temporary folder, which is renamed to `path` when the block succeeds.

    `up` is the vertical axis of the clips; `normalise` (None: nothing) and `clean` are the settings with which the
    recordings were prepared. The destination is locked meanwhile, unless the caller holds `destination_lock(path)` and
    sets `locked`. On an error inside the block the temporary folder is removed; the next writer removes what a killed
    process left. An existing `path` raises DestinationError and is never changed. `manifest_extra` are further entries
    of the manifest.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        layout: Layout,
        classes: Sequence[str],
        dataset: str,
        up: Up,
        normalise: NormaliseConfig | None = None,
        clean: CleanConfig | None = None,
        source: str = "",
        locked: bool = False,
    ) -> None:
        self.path, self.layout, self.dataset, self.up = Path(path), layout, dataset, up
        self.manifest_extra: dict[str, Any] = {}
        self._classes, self._locked = check_classes(classes), locked
        self._head: dict[str, Any] = {"format": FORMAT, "dataset": dataset, "source": source, "up": up}
        self._head |= {"layout": layout.to_dict(), "classes": list(self._classes)}
        self._head |= {"normalise": asdict(normalise or AS_RECORDED), "clean": clean and asdict(clean)}
        self._refuse_existing()

    def __enter__(self) -> "StoreWriter":
        with ExitStack() as stack:
            if not self._locked:
                stack.enter_context(destination_lock(self.path))
            self._refuse_existing()
            self._folder = self.path.with_name(f".{self.path.name}.{os.getpid()}.writing")
            self._folder.mkdir(parents=True)
            stack.callback(shutil.rmtree, self._folder, ignore_errors=True)
            self._joints, self._confidence = (
                stack.enter_context((self._folder / name).open("wb")) for name in (JOINTS, CONFIDENCE)
            )
            self._stack = stack.pop_all()
        self._table, self._channels, self._rows, self._all_observed = TableBuilder(len(self._classes)), 0, 0, True
        return self

    def add(self, clip: Clip) -> None:
        """Append one clip; RecordingError if it does not fit or its id was added before."""
        channels = self._channels or channels_of(clip)
        clip = checked_clip(clip, self.layout, channels)
        self._table.add(clip.info, clip.persons, clip.frames)
        if not self._channels:
            self._channels = channels
            with named(self.path):
                self._write_headers()
        confidence = np.ascontiguousarray(confidence_of(clip), dtype="<f2")
        self._all_observed &= clip.confidence is None or bool((clip.confidence == 1).all())
        with named(self.path):
            self._joints.write(np.ascontiguousarray(clip.joints, dtype="<f4").data)
            self._confidence.write(confidence.data)
        self._rows += clip.persons * clip.frames

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            if kind is None:
                with named(self.path):
                    self._finish()

    def _write_headers(self) -> None:
        size = len(self.layout.joints)
        self._joints.write(npy_header("<f4", (self._rows, size, self._channels)))
        self._confidence.write(npy_header("<f2", (self._rows, size)))

    def _finish(self) -> None:
        if not len(self._table):
            remedy = "Add a clip, or check the source of the recordings."
            raise StoreError("there is no clip to store.", where=str(self.path), remedy=remedy)
        for file in (self._joints, self._confidence):
            file.seek(0)
        self._write_headers()
        for file in (self._joints, self._confidence):
            file.close()
        clips = self._table.build()
        write_table(clips, self._folder / CLIPS)
        if self._all_observed:
            (self._folder / CONFIDENCE).unlink()
        parts = {file.name: _describe(file) for file in sorted(self._folder.iterdir())}
        joints, confidence = parts[JOINTS]["sha256"], parts.get(CONFIDENCE, {}).get("sha256")
        fingerprint = fingerprint_of(joints, clips, confidence, self.layout, self._channels, self.dataset, self.up)
        counts = {"channels": self._channels, "clips": len(clips), "rows": self._rows}
        manifest = {**self._head, **counts, "fingerprint": fingerprint, "parts": parts, **self.manifest_extra}
        write_json(self._folder / "manifest.json", manifest)
        self._refuse_existing()
        self._folder.rename(self.path)
        flush_folder(self.path.parent)

    def _refuse_existing(self) -> None:
        if self.path.exists():
            remedy = "Choose another destination or remove it first."
            raise DestinationError("the destination already exists.", where=str(self.path), remedy=remedy)


def _describe(path: Path) -> dict[str, Any]:
    """Return size and hash of a finished file, flushed to the disk."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
    facts: dict[str, Any] = {"bytes": path.stat().st_size, "sha256": sha256_of_file(path)}
    return facts if path.name == CLIPS else {**facts, "blocks": blocks_of(path)}
