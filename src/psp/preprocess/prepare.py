"""Preparation of clips: recordings are read, cleaned and normalised on all cores, chunk by chunk.

Chunks are kept in a folder until their clips are used. A preparation that was interrupted, even by SIGKILL, continues
from them when it is called again with the same recordings and settings.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float64

from psp.config.ranges import require
from psp.errors import RecordingError, StoreError
from psp.io.base import Reader
from psp.io.reader import FormatReader
from psp.io.source import SourceItem, by_file
from psp.preprocess.chunk import Chunk, Skipped, load_chunk
from psp.preprocess.clean import CleanConfig, clean
from psp.preprocess.normalise import NormaliseConfig, normalise
from psp.preprocess.processes import run_in_processes
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Clip, Recording

FORMAT, CHUNK, SHOWN = "psp-chunk-3", 64, 100
"""The format of chunks, the number of recordings in a chunk, and how many damaged recordings an error lists."""

Chunks = Mapping[Path, Sequence[SourceItem]]
"""The recordings of each chunk by the path of its file, in the order of the store."""

Progress = Callable[[int, int], None]
"""A function that is called with the number of prepared recordings and the number of all."""


@dataclass(frozen=True, eq=False)
class Cleaned:
    """A cleaned recording, in which frames each person is present, and how many changes were made."""

    recording: Recording
    present: Bool[np.ndarray, "m t"]
    counts: Counter[str]


def prepare_recording(
    recording: Recording, layout: Layout, cleaning: CleanConfig, normalisation: NormaliseConfig
) -> tuple[Clip, Counter[str]]:
    """Return the clip of a recording, cleaned and normalised, and how many changes were made.

    The vertical axis of the clip is `normalisation.vertical(recording.up)`. A recording in which nobody is observed
    raises RecordingError.
    """
    cleaned = cleaned_recording(recording, layout, cleaning)
    return _clips([cleaned], layout, cleaning, normalisation)[0], cleaned.counts


def cleaned_recording(recording: Recording, layout: Layout, cleaning: CleanConfig) -> Cleaned:
    """Return a cleaned recording; RecordingError if no person is observed in it."""
    repaired, present, counts = clean(recording, layout, cleaning)
    if not present.any():
        remedy = "Correct or leave out this recording."
        raise RecordingError("no person is observed in any frame.", where=recording.info.id, remedy=remedy)
    return Cleaned(repaired, present, counts)


def _clips(
    cleaned: Sequence[Cleaned], layout: Layout, cleaning: CleanConfig, normalisation: NormaliseConfig
) -> list[Clip]:
    """Return the normalised clips; recordings of about the same size are normalised together."""
    alike: dict[tuple[object, ...], list[int]] = {}
    for number, each in enumerate(cleaned):
        persons, frames, _, channels = each.recording.joints.shape
        alike.setdefault((each.recording.up, persons, channels, frames.bit_length()), []).append(number)
    joints: dict[int, Float64[np.ndarray, "m t v c"]] = {}
    for numbers in alike.values():
        group = [cleaned[number] for number in numbers]
        for number, each, found in zip(numbers, group, _normalised(group, layout, normalisation), strict=True):
            joints[number] = found[:, : each.present.shape[1]]
    return [_clip(each, joints[number], cleaning) for number, each in enumerate(cleaned)]


def _normalised(
    group: Sequence[Cleaned], layout: Layout, normalisation: NormaliseConfig
) -> Float64[np.ndarray, "n m t v c"]:
    """Return the normalised joints of recordings with the same number of persons, padded to the longest."""
    most = max(each.present.shape[1] for each in group)
    persons, _, *rest = group[0].recording.joints.shape
    joints, present = np.zeros((len(group), persons, most, *rest)), np.zeros((len(group), persons, most), dtype=bool)
    for number, each in enumerate(group):
        frames = each.present.shape[1]
        joints[number, :, :frames], present[number, :, :frames] = each.recording.joints, each.present
    arrays = torch.from_numpy(joints), torch.from_numpy(present)
    return normalise(*arrays, layout, normalisation, group[0].recording.up).numpy()


def _clip(cleaned: Cleaned, joints: Float64[np.ndarray, "m t v c"], cleaning: CleanConfig) -> Clip:
    info, confidence = cleaned.recording.info, cleaned.recording.confidence
    values = joints.astype(np.float32)
    values = values if cleaning.fill_gaps else np.where(confidence[..., None] > 0, values, np.float32(0))
    return Clip(info, values, None if (confidence == 1).all() else confidence)


@dataclass(frozen=True)
class Preparation:
    """The reader and the settings with which a worker process prepares recordings."""

    reader: Reader
    clean: CleanConfig
    normalise: NormaliseConfig

    def chunk_name(self, items: Sequence[SourceItem]) -> str:
        """Return the file name of a chunk, the hash of the recordings and settings that determine its content."""
        reader, listing = self.reader, [[item.name, item.stamp] for item in items]
        facts = [reader.dataset, reader.layout.to_dict(), reader.source, reader.up, reader.tracked, reader.classes]
        own = [reader.format.name, reader.size, reader.is_up_stated] if isinstance(reader, FormatReader) else []
        content = [FORMAT, facts, own, asdict(self.clean), asdict(self.normalise), listing]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest() + ".npz"

    def cleaned(self, item: SourceItem) -> Cleaned:
        """Return one recording, read and cleaned."""
        return cleaned_recording(self.reader.read(item), self.reader.layout, self.clean)

    def clips(self, cleaned: Sequence[Cleaned]) -> list[Clip]:
        """Return the normalised clips of cleaned recordings."""
        return _clips(cleaned, self.reader.layout, self.clean, self.normalise)


def process_count(workers: int | None) -> int:
    """Return the number of processes to use, for None the number of cores; less than one raises ConfigError."""
    count = os.cpu_count() or 1 if workers is None else workers
    require(count >= 1, "workers", count, "1 or more, or leave it out for all cores")
    return count


def prepare_chunks(
    task: Preparation,
    items: Sequence[SourceItem],
    folder: Path,
    *,
    workers: int = 1,
    skip_damaged: bool = False,
    on_progress: Progress | None = None,
) -> Iterator[Chunk]:
    """Prepare recordings in `workers` processes and return the chunks in order.

    Chunks that are already in `folder` are not prepared again. All recordings are prepared before RecordingError lists
    the damaged ones; `skip_damaged` leaves them out instead.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chunks = _split(task, items, folder)
    skipped = _make(task, chunks, workers, skip_damaged, on_progress)
    if skipped and not skip_damaged:
        raise _damaged(skipped)
    return map(load_chunk, chunks)


def prepare_chunk(task: Preparation, items: Sequence[SourceItem], path: Path) -> tuple[Path, list[Skipped]]:
    """Prepare recordings, save them as a chunk at `path`, and return the path and the recordings that failed."""
    chunk, cleaned = Chunk(), dict[int, Cleaned]()
    for index in by_file(items):
        try:
            cleaned[index] = task.cleaned(items[index])
            chunk.counts.update(cleaned[index].counts)
        except RecordingError as error:
            chunk.skipped.append(Skipped(error.where or items[index].name, error.what))
    chunk.clips.extend(task.clips([cleaned[index] for index in sorted(cleaned)]))
    chunk.save(path)
    return path, chunk.skipped


def _split(task: Preparation, items: Sequence[SourceItem], folder: Path) -> Chunks:
    """Return the recordings divided into chunks by their order, independent of the number of processes."""
    parts = [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]
    return {folder / task.chunk_name(part): part for part in parts}


def _make(
    task: Preparation, chunks: Chunks, workers: int, skip_damaged: bool, on_progress: Progress | None
) -> list[Skipped]:
    """Prepare the chunks that do not exist yet and return the recordings of all chunks that failed.

    Damaged chunks are prepared anew. So are chunks in which recordings failed, unless `skip_damaged` is set.
    """
    found = {path: chunk.skipped for path in chunks if (chunk := _finished(path, skip_damaged))}
    tasks = [(task, part, path) for path, part in chunks.items() if path not in found]
    total = sum(map(len, chunks.values()))
    for path, skipped in run_in_processes(prepare_chunk, tasks, workers):
        found[path] = skipped
        if on_progress is not None:
            on_progress(sum(len(chunks[done]) for done in found), total)
    return [entry for path in chunks for entry in found[path]]


def _finished(path: Path, skip_damaged: bool) -> Chunk | None:
    """Return a chunk that need not be made again, else None; it is read whole to detect damage on the disk."""
    try:
        chunk = load_chunk(path) if path.exists() else None
    except StoreError:
        return None
    return None if chunk and chunk.skipped and not skip_damaged else chunk


def _damaged(skipped: Sequence[Skipped]) -> RecordingError:
    lines = [f"  {entry.where}: {entry.reason}" for entry in skipped[:SHOWN]]
    if len(skipped) > SHOWN:
        lines.append(f"  and {len(skipped) - SHOWN} more")
    noun = "recording" if len(skipped) == 1 else "recordings"
    what = f"{len(skipped)} {noun} cannot be used, nothing is stored:\n" + "\n".join(lines) + "\n"
    return RecordingError(what, remedy="Correct or remove them, or leave them out with --skip-damaged.")
