"""Preparation of a stored data set from a source of recordings."""

import os
import shutil
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psp.dataset.writer import StoreWriter
from psp.errors import RecordingError, StoreError
from psp.files import destination_lock
from psp.free_space import require_disk
from psp.io.base import Reader, open_reader
from psp.io.formats.synthetic import LEAST_FRAMES, SyntheticReader
from psp.io.source import Paths
from psp.preprocess.chunk import Chunk, Skipped
from psp.preprocess.clean import CleanConfig
from psp.preprocess.normalise import NormalisationName, NormaliseConfig, check_normalise, normalisation
from psp.preprocess.prepare import Preparation, Progress, prepare_chunks, process_count


@dataclass(frozen=True)
class PreparationReport:
    """The result of a preparation: the number of clips stored, counts of changes, recordings left out, and seconds.

    `notes` are sentences about what was derived or assumed, such as the layout and the axis that points up.
    """

    clips: int
    counts: Mapping[str, int]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]
    seconds: float


def prepare(
    source: Paths | Reader | Any,
    dest: str | os.PathLike[str],
    *,
    format: str | None = None,
    clean: CleanConfig | None = None,
    normalise: NormalisationName | NormaliseConfig = "default",
    workers: int | None = None,
    skip_damaged: bool = False,
    on_progress: Progress | None = None,
    **options: Any,
) -> PreparationReport:
    """Prepare a source of recordings, store the clips at `dest`, and return a report.

    `dest` must not exist yet. `source` is a path or several, the word "synthetic", a data set of movement, or an opened
    reader; `format` and further `options`, such as layout, up and fps, are those of `psp.io.base.open_reader`.
    `normalise` is the name of a normalisation or a configuration. `clean` is None for the default repairs, which choose
    persons among bodies only if the reader does not know the persons. If recordings are damaged, nothing is stored and
    RecordingError lists all of them, unless `skip_damaged` leaves them out and lists them in the manifest; lines of the
    table that name no recording are then left out too. The destination is locked meanwhile. An interrupted preparation
    continues when it is called again. The data set does not depend on `workers`, by default all cores. `on_progress` is
    called with the numbers of prepared and of all recordings.
    """
    start, dest, processes = time.perf_counter(), Path(dest), process_count(workers)
    reader = source if isinstance(source, Reader) else open_reader(source, format, skip_damaged=skip_damaged, **options)
    cleaning, chosen = default_clean(reader) if clean is None else clean, normalisation(normalise, reader.layout)
    task = Preparation(reader, cleaning, chosen)
    check_normalise(chosen, reader.layout)
    writer, (items, counts) = _writer(task, dest), reader.items()
    if not items:
        remedy = "Check that the source has recordings of this format; with --window they must fill half a window."
        raise RecordingError("there is no recording to prepare.", where=reader.source, remedy=remedy)
    require_disk(dest, _least_size(reader, len(items)), "the data set, while it is made,")
    folder = dest.absolute().with_name(f".{dest.name}.preparing")
    try:
        with destination_lock(dest):
            with writer:
                chunks = prepare_chunks(
                    task, items, folder, workers=processes, skip_damaged=skip_damaged, on_progress=on_progress
                )
                stored, skipped = _store(writer, chunks, counts)
                writer.manifest_extra |= {"report": dict(sorted(counts.items())), "notes": list(reader.notes)}
                writer.manifest_extra["skipped"] = [entry._asdict() for entry in skipped]
                writer.manifest_extra["recorded up"] = reader.up
            shutil.rmtree(folder, ignore_errors=True)
    except OSError as error:
        remedy = "Remove the cause and start again: what is finished is kept."
        raise StoreError(f"writing failed ({error.strerror}).", where=str(dest), remedy=remedy) from error
    seconds = time.perf_counter() - start
    return PreparationReport(stored, dict(sorted(counts.items())), tuple(skipped), reader.notes, seconds)


def default_clean(reader: Reader) -> CleanConfig:
    """Return the default repairs, without a choice of persons where the bodies of a recording are the persons."""
    return CleanConfig(bodies=None) if reader.tracked else CleanConfig()


def _least_size(reader: Reader, recordings: int) -> int:
    """Return the bytes of generated recordings, once in parts and once in the data set; 0 for others, not yet read."""
    numbers = LEAST_FRAMES * reader.config.channels if isinstance(reader, SyntheticReader) else 0
    return 2 * 4 * recordings * numbers * len(reader.layout.joints)


def _writer(task: Preparation, dest: Path) -> StoreWriter:
    """Return the writer for a locked destination; DestinationError if it exists."""
    reader = task.reader
    return StoreWriter(
        dest,
        layout=reader.layout,
        classes=reader.classes,
        dataset=reader.dataset,
        up=task.normalise.vertical(reader.up),
        normalise=task.normalise,
        clean=task.clean,
        source=reader.source,
        locked=True,
    )


def _store(writer: StoreWriter, chunks: Iterable[Chunk], counts: Counter[str]) -> tuple[int, list[Skipped]]:
    """Store all chunks in order, one in memory at a time, add to `counts`, and return the clips stored and skipped."""
    stored, skipped = 0, list[Skipped]()
    for chunk in chunks:
        for clip in chunk.clips:
            writer.add(clip)
        stored += len(chunk.clips)
        skipped += chunk.skipped
        counts.update(chunk.counts)
    return stored, skipped
