"""From recordings to a stored data set: read, clean and normalise on all cores, then store in order.

Recordings are prepared in chunks that are kept beside the destination until the store is complete. A
preparation that was interrupted, by SIGKILL too, goes on from there when it is called again with the same
source and settings.
"""

import hashlib
import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from psp.data.chunk import Chunk, Skipped, load_chunk, load_skipped
from psp.data.clean import CleanConfig, clean
from psp.data.normalise import NormaliseConfig, normalise
from psp.data.processes import run_in_processes
from psp.data.readers import Reader, open_reader
from psp.data.source import SourceFile
from psp.data.synthetic import SyntheticConfig
from psp.data.write_store import StoreWriter
from psp.errors import RecordingError, StoreError
from psp.skeleton.clip import Clip

CHUNK, SHOWN = 64, 10
"""Recordings a chunk, and damaged recordings that an error message lists."""


@dataclass(frozen=True)
class PreparationReport:
    """What a preparation did: clips stored, how often what was changed, what was skipped, and its seconds."""

    clips: int
    counts: Mapping[str, int]
    skipped: tuple[Skipped, ...]
    seconds: float


@dataclass(frozen=True)
class Preparation:
    """Everything that a worker process must know to prepare one recording."""

    reader: Reader
    clean: CleanConfig
    normalise: NormaliseConfig

    @property
    def settings(self) -> dict[str, Any]:
        """What determines the clips besides the recordings, as plain values."""
        return {"clean": asdict(self.clean), "normalise": asdict(self.normalise)} | self.reader.settings

    def fingerprint(self, items: Sequence[SourceFile]) -> str:
        """The sha256 of everything that determines the chunks."""
        listing = [[item.name, item.stamp] for item in items]
        content = [self.reader.dataset, self.reader.layout.name, self.settings, CHUNK, listing]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()

    def clip(self, item: SourceFile) -> tuple[Clip, Counter[str]]:
        """Read, clean and normalise one recording, and count what was changed."""
        raw, counts = clean(self.reader.read(item), self.reader.layout, self.clean)
        if not raw.seen.any():
            raise RecordingError("nobody is seen.", where=item.name)
        joints = normalise(raw.joints, self.reader.layout, self.normalise).astype(np.float32)
        about = (raw.label, raw.subject, raw.camera, raw.setup, raw.repetition)
        return Clip(raw.id, joints, *about), counts


def prepare(
    dataset: str | Reader,
    source: str | os.PathLike[str] | None,
    dest: str | os.PathLike[str],
    *,
    clean: CleanConfig = CleanConfig(),  # noqa: B008
    normalise: NormaliseConfig = NormaliseConfig(),  # noqa: B008
    workers: int | None = None,
    skip_damaged: bool = False,
    missing: str | os.PathLike[str] | None = None,
    synthetic: SyntheticConfig = SyntheticConfig(),  # noqa: B008
    on_progress: Callable[[int, int], None] | None = None,
) -> PreparationReport:
    """Turn a source of recordings into a store at `dest`, which must not exist yet.

    `dataset` is a name in READERS, or an opened reader of your own. `missing` is a text file of ids to leave
    out, as NTU publishes it. Damaged recordings are all looked for: then nothing is stored and RecordingError
    lists them, unless `skip_damaged` leaves them out and records them in the manifest. `on_progress` hears how
    many recordings of how many are done. `workers` defaults to all cores; the store does not depend on it.
    """
    start, dest = time.perf_counter(), Path(dest)
    if isinstance(dataset, str):
        dataset = open_reader(dataset, _path(source), _path(missing), synthetic)
    task = Preparation(dataset, clean, normalise)
    writer = _writer(task, dest)
    items, left_out = _items(task.reader)
    folder = _folder(dest, task.fingerprint(items))
    try:
        paths = _prepare_chunks(task, items, folder, workers or os.cpu_count() or 1, on_progress)
        report = _assemble(writer, paths, left_out, skip_damaged)
    except OSError as error:
        remedy = "Mend that and call again: what is done is kept."
        raise StoreError(f"writing failed ({error.strerror}).", where=str(dest), remedy=remedy) from error
    shutil.rmtree(folder)
    return replace(report, seconds=time.perf_counter() - start)


def _path(path: str | os.PathLike[str] | None) -> Path | None:
    return None if path is None else Path(path)


def _writer(task: Preparation, dest: Path) -> StoreWriter:
    """Refuse an existing destination now; nothing is written before the writer's `with` block."""
    reader = task.reader
    return StoreWriter(
        dest,
        dataset=reader.dataset,
        layout=reader.layout,
        classes=reader.classes,
        preprocessing=task.settings,
        source=reader.source,
    )


def _items(reader: Reader) -> tuple[list[SourceFile], Counter[str]]:
    items, left_out = reader.items()
    if not items:
        remedy = "Check that the source and the data set belong together."
        raise RecordingError("there is no recording to prepare.", where=reader.source, remedy=remedy)
    return items, left_out


def _folder(dest: Path, fingerprint: str) -> Path:
    """Return the folder of the chunks; what another source or other settings left there is removed."""
    folder = dest.with_name(f".{dest.name}.preparing")
    written = folder / "fingerprint"
    if not written.is_file() or written.read_text() != fingerprint:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        written.write_text(fingerprint)
    return folder


def _prepare_chunks(
    task: Preparation,
    items: Sequence[SourceFile],
    folder: Path,
    workers: int,
    on_progress: Callable[[int, int], None] | None,
) -> list[Path]:
    """Prepare the chunks that are not there yet; return the paths of all of them, in order."""
    starts = range(0, len(items), CHUNK)
    chunks = {folder / f"{start:09}.npz": items[start : start + CHUNK] for start in starts}
    tasks = [(task, part, path) for path, part in chunks.items() if not path.exists()]
    done = len(items) - sum(len(part) for _, part, _ in tasks)
    for finished in run_in_processes(prepare_chunk, tasks, workers):
        done += finished
        if on_progress is not None:
            on_progress(done, len(items))
    return list(chunks)


def prepare_chunk(task: Preparation, items: Sequence[SourceFile], path: Path) -> int:
    """Prepare some recordings, save them at `path` and return how many they were."""
    chunk = Chunk()
    for item in items:
        try:
            clip, counts = task.clip(item)
        except RecordingError as error:
            chunk.skipped.append(Skipped(error.where or item.name, error.what))
        else:
            chunk.clips.append(clip)
            chunk.counts.update(counts)
    chunk.save(path)
    return len(items)


def _assemble(
    writer: StoreWriter, paths: Sequence[Path], left_out: Counter[str], skip_damaged: bool
) -> PreparationReport:
    """Store all chunks in order, one in memory at a time."""
    skipped = [entry for path in paths for entry in load_skipped(path)]
    if skipped and not skip_damaged:
        raise _damaged(skipped)
    clips, counts = 0, left_out.copy()
    with writer:
        for chunk in map(load_chunk, paths):
            for clip in chunk.clips:
                writer.add(clip)
            clips += len(chunk.clips)
            counts.update(chunk.counts)
        report = PreparationReport(clips, dict(sorted(counts.items())), tuple(skipped), 0.0)
        writer.manifest_extra["report"] = report.counts
        writer.manifest_extra["skipped"] = [entry._asdict() for entry in skipped]
    return report


def _damaged(skipped: Sequence[Skipped]) -> RecordingError:
    lines = [f"  {entry.where}: {entry.reason}" for entry in skipped[:SHOWN]]
    if len(skipped) > SHOWN:
        lines.append(f"  and {len(skipped) - SHOWN} more")
    noun = "recording" if len(skipped) == 1 else "recordings"
    what = f"{len(skipped)} {noun} cannot be used, nothing is stored:\n" + "\n".join(lines) + "\n"
    return RecordingError(what, remedy="Mend or remove them, or leave them out with --skip-damaged.")
