"""From recordings to clips: read, clean and normalise on all cores, chunk by chunk.

Chunks are kept in a folder until their clips are used. A preparation that was interrupted, by SIGKILL too, goes on from
there when it is called again with the same recordings and settings.
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
from psp.io.source import SourceItem
from psp.preprocess.chunk import Chunk, Skipped, load_chunk
from psp.preprocess.clean import CleanConfig, clean
from psp.preprocess.normalise import NormaliseConfig, normalise
from psp.preprocess.processes import run_in_processes
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Clip, Recording

FORMAT, CHUNK, SHOWN = "psp-chunk-3", 64, 100
"""What chunks hold, how many recordings a chunk has, and how many damaged ones an error lists."""

Chunks = Mapping[Path, Sequence[SourceItem]]
"""Where each chunk is kept and what it is made of, in the order of the store."""

Progress = Callable[[int, int], None]
"""Called with how many recordings of how many are prepared."""


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

    The vertical axis of the clip is `normalisation.vertical(recording.up)`. Nobody in any frame raises RecordingError.
    """
    cleaned = _cleaned(recording, layout, cleaning)
    return _clips([cleaned], layout, cleaning, normalisation)[0], cleaned.counts


def _cleaned(recording: Recording, layout: Layout, cleaning: CleanConfig) -> Cleaned:
    repaired, present, counts = clean(recording, layout, cleaning)
    if not present.any():
        remedy = "Correct or leave out this recording."
        raise RecordingError("nobody is seen.", where=recording.info.id, remedy=remedy)
    return Cleaned(repaired, present, counts)


def _clips(
    cleaned: Sequence[Cleaned], layout: Layout, cleaning: CleanConfig, normalisation: NormaliseConfig
) -> list[Clip]:
    """Normalise recordings, those of about the same size together."""
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
    """Return normalised joints of recordings of as many persons, padded to the longest."""
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
    """Everything that a worker process must know to prepare one recording."""

    reader: Reader
    clean: CleanConfig
    normalise: NormaliseConfig

    def chunk_name(self, items: Sequence[SourceItem]) -> str:
        """Name a chunk by the hash of all that determines it: other recordings or settings miss it."""
        reader, listing = self.reader, [[item.name, item.stamp] for item in items]
        facts = [reader.dataset, reader.layout.to_dict(), reader.source, reader.up, reader.classes]
        content = [FORMAT, facts, asdict(self.clean), asdict(self.normalise), listing]
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest() + ".npz"

    def cleaned(self, item: SourceItem) -> Cleaned:
        """Read and clean one recording."""
        return _cleaned(self.reader.read(item), self.reader.layout, self.clean)

    def clips(self, cleaned: Sequence[Cleaned]) -> list[Clip]:
        """Normalise recordings."""
        return _clips(cleaned, self.reader.layout, self.clean, self.normalise)


def process_count(workers: int | None) -> int:
    """Return the number of processes to use, by default that of the cores; less than one raises ConfigError."""
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
    """Prepare recordings in `workers` processes and return the clips in order, chunk by chunk.

    Chunks that are in `folder` already are not prepared again. All damaged recordings are found first: RecordingError
    lists them, unless `skip_damaged` leaves them out.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chunks = _split(task, items, folder)
    skipped = _make(task, chunks, workers, skip_damaged, on_progress)
    if skipped and not skip_damaged:
        raise _damaged(skipped)
    return map(load_chunk, chunks)


def prepare_chunk(task: Preparation, items: Sequence[SourceItem], path: Path) -> tuple[Path, list[Skipped]]:
    """Prepare some recordings, save them at `path`, and return it and which of them could not be used."""
    chunk, cleaned = Chunk(), list[Cleaned]()
    for item in items:
        try:
            cleaned.append(task.cleaned(item))
            chunk.counts.update(cleaned[-1].counts)
        except RecordingError as error:
            chunk.skipped.append(Skipped(error.where or item.name, error.what))
    chunk.clips.extend(task.clips(cleaned))
    chunk.save(path)
    return path, chunk.skipped


def _split(task: Preparation, items: Sequence[SourceItem], folder: Path) -> Chunks:
    """Divide the recordings into chunks by their order, without regard to the number of processes."""
    parts = [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]
    return {folder / task.chunk_name(part): part for part in parts}


def _make(
    task: Preparation, chunks: Chunks, workers: int, skip_damaged: bool, on_progress: Progress | None
) -> list[Skipped]:
    """Prepare the chunks that are not there yet and return which recordings of all chunks could not be used.

    Chunks are prepared anew if they are damaged, or if they miss recordings that may be back.
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
    """Return a chunk that need not be made again; all of it is read, because a disk may have spoiled it."""
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
