"""Predictions for recordings of any known format, whole or in windows, and for prepared data sets."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float

from psp.config.ranges import require
from psp.dataset.store import Store, open_store
from psp.deploy.clips import ClipRecogniser
from psp.deploy.foreign import ForeignSource, Options, open_each
from psp.deploy.load import load
from psp.deploy.recogniser import Recogniser
from psp.deploy.timeline import NOTHING, Segment, timeline, windows_over
from psp.errors import ConfigError, RecordingError
from psp.evaluate.predict import predict_store
from psp.io.folder import STORE, written_by_psp
from psp.io.intervals import frames_of
from psp.io.source import SourceItem, by_file
from psp.preprocess.chunk import Skipped
from psp.preprocess.clean import CleanConfig
from psp.preprocess.prepare import Progress
from psp.skeleton.recording import Recording

TOGETHER, SHOWN = 64, 20
"""How many recordings are predicted together, and how many damaged ones an error lists."""


@dataclass(frozen=True)
class Windows:
    """How long recordings are cut into windows; lengths are frames such as "60" or seconds such as "2s".

    With `window` None each recording is predicted as a whole. `stride` is by default a quarter of the window. Segments
    shorter than `min_duration` are merged with a neighbour. If no class reaches the probability `none_below`, the
    prediction is no class.
    """

    window: str | None = None
    stride: str | None = None
    min_duration: str | None = None
    none_below: float = 0.0

    def __post_init__(self) -> None:
        require(0 <= self.none_below <= 1, "--none-below", self.none_below, "a probability from 0 to 1")
        if self.window is None and (self.stride or self.min_duration):
            remedy = "Give --window too, such as --window 2s."
            raise ConfigError("--stride and --min-duration need --window.", remedy=remedy)


@dataclass(frozen=True, eq=False)
class Prediction:
    """The class of a recording, or of a segment of one.

    `label` is None if no class is probable enough, `probabilities` if nobody was observed. `frames` are the first frame
    and the one after the last, counted as the file does. `true_label` is None if it is not known.
    """

    id: str
    label: str | None
    probability: float | None
    probabilities: Float[np.ndarray, "k"] | None
    frames: tuple[int, int]
    fps: float | None
    true_label: str | None

    @property
    def unit(self) -> str:
        """The unit of start and end: "seconds", or "frames" if the frame rate is not known."""
        return "frames" if self.fps is None else "seconds"

    @property
    def start(self) -> float:
        """The beginning, in `unit`."""
        return self.frames[0] / (self.fps or 1)

    @property
    def end(self) -> float:
        """The end, in `unit`."""
        return self.frames[1] / (self.fps or 1)


@dataclass(frozen=True, eq=False)
class Predictions:
    """Predictions in the order of the recordings, recordings that failed, and sentences about conversions."""

    classes: tuple[str, ...]
    found: tuple[Prediction, ...]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...]


def predict_files(
    model: Path | str | ClipRecogniser,
    sources: Sequence[str | Path],
    options: Options = Options(),  # noqa: B008
    windows: Windows = Windows(),
    device: str = "cpu",
    on_progress: Progress | None = None,
) -> Predictions:
    """Return the predictions of a model for prepared data sets and recordings of any known format.

    `model` is a run folder, a model.safetensors, an .onnx file or an opened recogniser. Recordings are converted as in
    `psp.deploy.foreign.open_for`. Recordings that cannot be used are listed in `skipped`; if there are no others,
    RecordingError lists them.
    """
    recogniser = model if isinstance(model, ClipRecogniser) else load(model, device)
    paths = [Path(each) for each in sources]
    stores = [path for path in paths if options.format is None and written_by_psp(path) == STORE]
    if stores and windows.window is not None:
        remedy = "Name the recordings from which it was prepared."
        raise ConfigError("a prepared data set cannot be cut into windows.", where=str(stores[0]), remedy=remedy)
    if stores and len(stores) == len(paths) and options != Options(format=options.format):
        what = "a prepared data set is read as it is, without options for recordings."
        raise ConfigError(what, where=str(stores[0]), remedy="Leave out layout, up, fps, size and table.")
    found = [each for path in stores for each in _of_store(recogniser, open_store(path), windows)]
    skipped, notes = list[Skipped](), list[str]()
    if others := [path for path in paths if path not in stores]:
        whole = True if windows.window is not None else None
        opened, failed = open_each(recogniser.interface, others, replace(options, whole=whole))
        if not (found or opened) and len(failed) == 1:
            raise failed[0]
        skipped += [_skipped(error, "recordings") for error in failed]
        notes += [note for source in opened for note in source.notes]
        found += _of_sources(recogniser, opened, windows, skipped, on_progress)
    if not found:
        raise _nothing(skipped, paths)
    return Predictions(recogniser.classes, tuple(found), tuple(skipped), tuple(dict.fromkeys(notes)))


def _of_store(recogniser: ClipRecogniser, store: Store, windows: Windows) -> Iterator[Prediction]:
    recogniser.interface.require_prepared_alike(store)
    if isinstance(recogniser, Recogniser):
        found = predict_store(recogniser.model, store).numpy()
    else:
        found = recogniser.predict_store(store)
    for number, row in enumerate(found):
        info, frames = store.clips.info(number), int(store.clips.frames[number])
        segments = timeline([(0, frames)], row[None], frames, windows.none_below, 0)
        true = None if info.label is None else store.classes[info.label]
        yield from _predictions(recogniser.classes, segments, info.id, None, true)


def _of_sources(
    recogniser: ClipRecogniser,
    sources: Sequence[ForeignSource],
    windows: Windows,
    skipped: list[Skipped],
    on_progress: Progress | None,
) -> list[Prediction]:
    """Return the predictions of all recordings; those that fail are added to `skipped`."""
    tasks = [(source, source.items()) for source in sources]
    size, found = TOGETHER if windows.window is None else 1, list[Prediction]()
    done, total = 0, sum(len(items) for _, items in tasks)
    for source, items in tasks:
        for start in range(0, len(items), size):
            part = items[start : start + size]
            read = {index: _read(source, part[index], skipped) for index in by_file(part)}
            usable = [each for _, each in sorted(read.items()) if each is not None]
            found += _of_recordings(recogniser, usable, windows, source.clean)
            done += len(part)
            if on_progress is not None:
                on_progress(done, total)
    return found


def _read(source: ForeignSource, item: SourceItem, skipped: list[Skipped]) -> tuple[Recording, str | None] | None:
    """Return a recording and its true label; None if it cannot be used, and then it is added to `skipped`."""
    try:
        recording = source.read(item)
        if not recording.confidence.any():
            raise RecordingError("no person is observed in any frame.", where=item.name)
    except RecordingError as error:
        skipped.append(_skipped(error, item.name))
        return None
    label = recording.info.label
    return recording, None if label is None else source.reader.classes[label]


def _of_recordings(
    recogniser: ClipRecogniser,
    recordings: Sequence[tuple[Recording, str | None]],
    windows: Windows,
    clean: CleanConfig,
) -> Iterator[Prediction]:
    spans = [_spans(recording, windows) for recording, _ in recordings]
    parts = [
        _part(recording, span)
        for (recording, _), own in zip(recordings, spans, strict=True)
        for span in own
    ]  # fmt: skip
    rows = iter(recogniser.predict_recordings(parts, clean))
    for (recording, true), own in zip(recordings, spans, strict=True):
        probabilities = np.array([next(rows) for _ in own]).reshape(len(own), len(recogniser.classes))
        shortest = frames_of(windows.min_duration, recording.fps, "--min-duration") or 0
        segments = timeline(own, probabilities, recording.joints.shape[1], windows.none_below, shortest)
        for each in _predictions(recogniser.classes, segments, recording.info.id, recording.fps, true):
            start, end = each.frames
            yield replace(each, frames=(recording.first + start, recording.first + end))


def _spans(recording: Recording, windows: Windows) -> list[tuple[int, int]]:
    """Return the windows of a recording that can be predicted, or the whole recording.

    Of several windows those are used in which somebody is observed in at least half of the frames.
    """
    frames, size = recording.joints.shape[1], frames_of(windows.window, recording.fps, "--window")
    if size is None:
        return [(0, frames)]
    stride = frames_of(windows.stride, recording.fps, "--stride") or max(size // 4, 1)
    require(stride <= size, "--stride", stride, f"at most the {size} frames of a window")
    found, seen = windows_over(frames, size, stride), np.any(recording.seen, axis=0)
    return found if len(found) == 1 else [span for span in found if 2 * seen[slice(*span)].sum() >= size]


def _part(recording: Recording, span: tuple[int, int]) -> Recording:
    frames = slice(*span)
    return replace(recording, joints=recording.joints[:, frames], confidence=recording.confidence[:, frames])


def _predictions(
    classes: Sequence[str], segments: Sequence[Segment], id: str, fps: float | None, true: str | None
) -> Iterator[Prediction]:
    for each in segments:
        label = None if each.label == NOTHING else classes[each.label]
        best = each.probabilities
        probability = None if best is None else float(best.max() if each.label == NOTHING else best[each.label])
        yield Prediction(id, label, probability, best, each.frames, fps, true)


def _skipped(error: RecordingError, name: str) -> Skipped:
    return Skipped(error.where or name, error.what)


def _nothing(skipped: Sequence[Skipped], sources: Sequence[Path]) -> RecordingError:
    """Return the error for sources without any recording that can be used."""
    where = ", ".join(map(str, sources[:3])) + (", ..." if len(sources) > 3 else "")
    if not skipped:
        return RecordingError("there is no recording.", where=where, remedy="Correct the path.")
    if len({each.reason for each in skipped}) == 1:
        what = f"no recording can be used: {skipped[0].reason}"
        return RecordingError(what, where=where, remedy="Correct the recordings, or use another model.")
    lines = [f"  {each.where}: {each.reason}" for each in skipped[:SHOWN]]
    what = "\n".join(["no recording can be used:", *lines, *["  ..."] * (len(skipped) > SHOWN)]) + "\n"
    return RecordingError(what, where=where, remedy="Correct the recordings, or use another model.")
