"""Conversion of recordings of any known format to the layout, number of coordinates and vertical axis of a model."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from psp.errors import ConfigError, RecordingError
from psp.evaluate.arrays import cleaning
from psp.io.base import READERS, Reader, detect_format, open_reader
from psp.io.format import Raw
from psp.io.joints import by_joint
from psp.io.reader import FormatReader
from psp.io.samples import first_recording
from psp.io.source import NOT_READ, Paths, SourceItem
from psp.model.model_file import Interface
from psp.preprocess.bodies import BodyConfig
from psp.preprocess.clean import CleanConfig, clean, without_doubtful
from psp.skeleton.convert import Conversion, conversion, turned
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Recording, Up

FLAT = ("pixels", "shares of the image")
"""Units of image coordinates, of which x and y can be used without z."""


@dataclass(frozen=True)
class Options:
    """Facts that a user may state about recordings, as for `psp prepare`; None for those of the files.

    `whole` leaves out the intervals of tables, which are clips otherwise.
    """

    format: str | None = None
    layout: str | Path | Layout | None = None
    up: Up | None = None
    fps: float | None = None
    size: tuple[int, int] | None = None
    table: str | Path | None = None
    whole: bool | None = None


@dataclass(frozen=True)
class ForeignSource:
    """The recordings of a source, read one at a time and converted for a model.

    `notes` say what is not read and how recordings are converted.
    """

    reader: Reader
    interface: Interface
    conversion: Conversion
    up: Up
    notes: tuple[str, ...]
    fps: float | None = None

    @property
    def clean(self) -> CleanConfig:
        """The cleaning of the recordings: that of the training data, but with a choice of persons among bodies."""
        config = cleaning(self.interface)
        if self.reader.tracked or config.bodies is not None:
            return config
        return replace(config, bodies=BodyConfig(persons=self.interface.persons))

    def items(self) -> list[SourceItem]:
        """Return the recordings of the source."""
        return self.reader.items()[0]

    def read(self, item: SourceItem) -> Recording:
        """Return a recording for the model; one that is damaged or cannot be converted raises RecordingError.

        Joints of less confidence than in the training data were not observed.
        """
        recording, channels = self.reader.read(item), self.interface.channels
        recording = replace(recording, up=self.up, fps=self.fps or recording.fps)
        found = recording.joints.shape[3]
        if found > channels and self.reader.units in FLAT:
            recording = replace(recording, joints=recording.joints[..., :channels])
        elif found != channels:
            what = f"the recording has {found} coordinates in {self.reader.units}, the model needs {channels}."
            raise RecordingError(what, where=item.name, remedy="Use such recordings, or another model.")
        recording = self.conversion(turned(recording, self.interface.up))
        return without_doubtful(recording, self.clean.least_confidence, Counter())

    def with_persons(self, recording: Recording) -> Recording:
        """Return a recording with its persons in the slots of the model, chosen as for a prediction.

        Every frame is kept, and missing joints are not filled in.
        """
        config = replace(self.clean, drop_empty_frames=False, fill_gaps=False)
        found, slots = clean(recording, self.interface.layout, config)[0], slice(self.interface.persons)
        return replace(found, joints=found.joints[slots], confidence=found.confidence[slots])


def open_for(interface: Interface, sources: Paths, options: Options = Options()) -> ForeignSource:
    """Return the recordings of sources, converted for a model.

    Layouts are converted by the names of joints (`psp.skeleton.convert`), and vertical axes are turned. For a model of
    two coordinates only x and y of image coordinates with a depth are used. Files that do not state their joints or
    vertical axis are taken to have those of the model. RecordingError says what cannot be converted.
    """
    reader, notes = _open(interface, sources, options)
    notes += [note for note in reader.notes if note.startswith(NOT_READ)]
    first, up = _first(reader), reader.up
    if isinstance(reader, FormatReader) and reader.is_up_assumed:
        up = interface.up
        notes.append(f"The axis that points up is taken to be that of the model, {up} (--up states another).")
    if first is not None and reader.units == FLAT[1] and not (first.size or options.size):
        notes.append("Coordinates are shares of the image; true proportions need its size (--size 1920x1080).")
    try:
        found = conversion(reader.layout, interface.layout)
    except RecordingError as error:
        raise RecordingError(error.what, where=reader.source, remedy=error.remedy) from error
    if found.changes:
        notes.append(found.sentence)
    if up != interface.up:
        notes.append(f"The recordings are turned from the vertical axis {up} to that of the model, {interface.up}.")
    return ForeignSource(reader, interface, found, up, tuple(notes), options.fps)


def open_each(
    interface: Interface, sources: Sequence[str | Path], options: Options
) -> tuple[list[ForeignSource], list[RecordingError]]:
    """Return sources opened together or, if that is not possible, one by one, and the errors of those that failed.

    Where some fail, the others are opened together if that is possible.
    """
    try:
        return [open_for(interface, sources, options)], []
    except RecordingError as error:
        if len(sources) == 1:
            return [], [error]
    opened, failed = dict[str | Path, ForeignSource](), list[RecordingError]()
    for source in sources:
        try:
            opened[source] = open_for(interface, source, options)
        except RecordingError as error:
            failed.append(error)
    if failed and len(opened) > 1:
        return open_each(interface, list(opened), options)[0], failed
    return list(opened.values()), failed


def _open(interface: Interface, sources: Paths, options: Options) -> tuple[Reader, list[str]]:
    """Return the reader of a source, and notes: as many unnamed joints as the model has are taken to be its joints."""
    name = detect_format(sources) if options.format is None else options.format
    known = READERS[name].options if name in READERS else ()
    optional = ("fps", "whole")
    given = {key: value for key, value in vars(options).items() if key in known or key not in ("format", *optional)}
    try:
        return open_reader(sources, name, skip_damaged=True, **given), []
    except ConfigError:
        if options.layout is not None or "layout" not in known:
            raise
        layout = interface.layout
        reader = open_reader(sources, name, skip_damaged=True, **{**given, "layout": layout})
        first = _first(reader)
        if first is not None and by_joint(first, layout, reader.source).joints.shape[2] != len(layout.joints):
            raise
        return reader, [f"The joints are taken to be those of the model, {layout.name!r} (--layout states others)."]


def _first(reader: Reader) -> Raw | None:
    """Return the first recording as it is in its file; None for benchmarks, whose facts are known."""
    return first_recording(reader.format, reader.files) if isinstance(reader, FormatReader) else None
