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

from psp.preprocess.chunk import Chunk, Skipped, load_chunk, load_skipped
from psp.preprocess.clean import CleanConfig, clean
from psp.preprocess.normalise import NormaliseConfig, normalise
from psp.preprocess.processes import run_in_processes
from psp.config.ranges import require
from psp.io.base import Reader, open_reader
from psp.io.source import SourceItem
from psp.synthetic import SyntheticConfig
from psp.dataset.writer import StoreWriter
from psp.errors import RecordingError, StoreError
from psp.skeleton.clip import Clip

FORMAT, CHUNK, SHOWN = "psp-chunk-1", 64, 100
"""What chunks hold, how many recordings a chunk has, and how many damaged ones an error lists."""

Chunks = Mapping[Path, Sequence[SourceItem]]
"""Where each chunk is kept and what it is made of, in the order of the store."""

Progress = Callable[[int, int], None]


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
        return {"clean": asdict(self.clean), "normalise": asdict(self.normalise)}

    def chunk_name(self, items: Sequence[SourceItem]) -> str:
        """Name a chunk by the hash of all that determines it: other recordings or settings miss it."""
        listing = [[item.name, item.stamp] for item in items]
        reader = [self.reader.dataset, self.reader.layout.name, self.reader.source]
        content = json.dumps([FORMAT, reader, self.settings, listing], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest() + ".npz"

    def clip(self, item: SourceItem) -> tuple[Clip, Counter[str]]:
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
    on_progress: Progress | None = None,
) -> PreparationReport:
    """Turn a source of recordings into a store at `dest`, which must not exist yet.

    `dataset` is a name in READERS or an opened reader of your own; that and "synthetic" need no `source`.
    `missing` is a text file of ids to leave out, as NTU publishes it. Damaged recordings are all looked for:
    then nothing is stored and RecordingError lists them, unless `skip_damaged` leaves them out and records
    them in the manifest. `on_progress` hears how many recordings of how many are done. `workers` defaults to
    all cores; the store does not depend on it.
    """
    start, dest, processes = time.perf_counter(), Path(dest), _processes(workers)
    reader = _reader(dataset, source, missing, synthetic) if isinstance(dataset, str) else dataset
    task = Preparation(reader, clean, normalise)
    writer = _writer(task, dest)
    items, left_out = _items(task.reader)
    folder = dest.absolute().with_name(f".{dest.name}.preparing")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        chunks = _split(task, items, folder)
        _prepare_chunks(task, chunks, processes, skip_damaged, on_progress)
        report = _assemble(writer, list(chunks), left_out, skip_damaged)
    except OSError as error:
        remedy = "Mend that and call again: what is done is kept."
        raise StoreError(f"writing failed ({error.strerror}).", where=str(dest), remedy=remedy) from error
    shutil.rmtree(folder)
    return replace(report, seconds=time.perf_counter() - start)


def _processes(workers: int | None) -> int:
    count = os.cpu_count() or 1 if workers is None else workers
    require(count >= 1, "workers", count, "1 or more, or leave it out for all cores")
    return count


def _reader(
    dataset: str,
    source: str | os.PathLike[str] | None,
    missing: str | os.PathLike[str] | None,
    synthetic: SyntheticConfig,
) -> Reader:
    names = None if missing is None else Path(missing)
    if dataset == "synthetic":
        return open_reader(dataset, synthetic, names)
    if source is None:
        remedy = "Name the folder or the zip archive that holds them."
        raise RecordingError(f"{dataset} is read from recordings.", remedy=remedy)
    return open_reader(dataset, source, names)


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


def _items(reader: Reader) -> tuple[list[SourceItem], Counter[str]]:
    items, left_out = reader.items()
    if not items:
        remedy = "Check that the source and the data set belong together."
        raise RecordingError("there is no recording to prepare.", where=reader.source, remedy=remedy)
    return items, left_out


def _split(task: Preparation, items: Sequence[SourceItem], folder: Path) -> Chunks:
    parts = (items[start : start + CHUNK] for start in range(0, len(items), CHUNK))
    return {folder / task.chunk_name(part): part for part in parts}


def _prepare_chunks(
    task: Preparation, chunks: Chunks, workers: int, skip_damaged: bool, on_progress: Progress | None
) -> None:
    """Prepare the chunks that are not there yet; damaged recordings are tried again unless to be skipped."""
    finished = {path for path in chunks if path.exists() and _is_finished(path, skip_damaged)}
    tasks = [(task, part, path) for path, part in chunks.items() if path not in finished]
    total = sum(map(len, chunks.values()))
    done = total - sum(len(part) for _, part, _ in tasks)
    for prepared in run_in_processes(prepare_chunk, tasks, workers):
        done += prepared
        if on_progress is not None:
            on_progress(done, total)


def _is_finished(path: Path, skip_damaged: bool) -> bool:
    """Whether a chunk need not be made again; all of it is read, because a disk may have spoiled it."""
    try:
        chunk = load_chunk(path)
    except StoreError:
        return False
    return skip_damaged or not chunk.skipped


def prepare_chunk(task: Preparation, items: Sequence[SourceItem], path: Path) -> int:
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
