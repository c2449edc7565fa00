"""The reader of all formats that are described by `psp.io.format.Format`."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise
from math import inf
from pathlib import Path
from typing import Any, get_args

import numpy as np

from psp.config.ranges import require
from psp.errors import ConfigError, RecordingError
from psp.io.format import Format, Raw, Units
from psp.io.formats.landmarks import WITH_BODY
from psp.io.intervals import Clips, Cutting, cut_clips
from psp.io.joints import about_joints, by_joint, find_layout, joint_order
from psp.io.labels.facts import FactTable, class_names, marks_of_none, similar_names
from psp.io.labels.label_table import find_label_table, read_label_table
from psp.io.listing import Listed, list_recordings, parsed
from psp.io.observed import observed, with_confidence
from psp.io.samples import first_recording, sample
from psp.io.source import FileSource, SourceItem, some
from psp.skeleton.convert import turned
from psp.skeleton.layout import Layout
from psp.skeleton.recording import ClipInfo, Recording, Up

BENCHMARKS = ("ntu60", "ntu120", "nw-ucla", "synthetic")
"""Names of benchmark data sets, which own data sets do not get."""

SHARES: Units = "shares of the image"
NO_SIZE = "Coordinates are shares of the image; true proportions need its size (--size 1920x1080)."


@dataclass(frozen=True)
class Entry(SourceItem):
    """A clip to be read: its facts, its files, the index of its recording among theirs, and its frames (None: all).

    `fps` is the frame rate where the file states none.
    """

    info: ClipInfo
    files: tuple[str, ...]
    files_stamp: str
    part: int
    frames: tuple[int, int] | None
    fps: float | None

    @property
    def id(self) -> str:
        """The id of the clip."""
        return self.info.id


@dataclass(frozen=True)
class FormatReader:
    """The recordings of a source in one format; all have the joints of `layout` and `channels` coordinates.

    Recordings whose files state another axis than `up` are turned, unless the user stated it (`is_up_stated`);
    `is_up_assumed` says that neither the user nor a file did. Where bodies are persons (`tracked`), those of recordings
    in which they are not are taken as detections. `found` are sentences about what was derived or assumed when the
    source was opened, `recordings` those of the source, None if they are not listed yet.
    """

    format: Format
    files: FileSource
    layout: Layout
    channels: int
    up: Up
    units: Units
    is_up_stated: bool
    is_up_assumed: bool
    size: tuple[int, int] | None
    tracked: bool
    dataset: str
    cutting: Cutting
    found: tuple[str, ...]
    recordings: Sequence[Listed] | None = None

    @property
    def source(self) -> str:
        """The name of the folder or file."""
        return self.files.name

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes that have a labelled clip."""
        return class_names(clip.label for clip in self._listed.clips if clip.label is not None)

    @property
    def notes(self) -> tuple[str, ...]:
        """What was derived or assumed, in sentences."""
        return (*self.found, *self._listed.notes, *similar_names(self.classes), *marks_of_none(self.classes))

    def items(self) -> tuple[list[SourceItem], Counter[str]]:
        """Return the clips in the order of their ids, and counts, such as that of clips without a label."""
        number = {name: index for index, name in enumerate(self.classes)}
        items: list[SourceItem] = []
        for clip in sorted(self._listed.clips, key=lambda each: each.id):
            info = ClipInfo(clip.id, None if clip.label is None else number[clip.label], clip.columns)
            stamp = f"{clip.stamp} {info} {clip.frames}"
            items.append(Entry(clip.files[0], stamp, info, clip.files, clip.stamp, clip.part, clip.frames, clip.fps))
        for first, second in pairwise(items):
            if first.id == second.id:
                what = f"{first.name} and {second.name} have the same id {first.id!r}."
                raise RecordingError(what, where=self.files.where, remedy="Give each its own id.")
        counts = Counter(self._listed.counts)
        counts["recordings without a label"] = sum(clip.label is None for clip in self._listed.clips)
        return items, +counts

    def read(self, item: SourceItem) -> Recording:
        """Return one clip; a damaged file or one with other joints raises RecordingError."""
        assert isinstance(item, Entry)
        where, raw = item.name, _raw_of(self.format, self.files, item.files, item.files_stamp, item.part, self.layout)
        joints, confidence = observed(raw, slice(*item.frames) if item.frames else slice(None), where)
        order = joint_order(raw, self.layout, where)
        if joints.shape[3] != self.channels:
            what = f"the joints have {joints.shape[3]} coordinates, those of the first recording {self.channels}."
            raise RecordingError(what, where=where, remedy="Leave this file out.")
        if order is not None:
            has = np.array(order) >= 0
            joints, confidence = joints[:, :, order] * has[:, None], confidence[:, :, order] * has
        size = self.size or raw.size
        if size is not None and raw.units == SHARES:
            joints = joints * np.array([size[0], size[1], size[0]][: self.channels])
        up, fps = self.up if self.is_up_stated else raw.up or self.up, self.cutting.fps or raw.fps or item.fps
        first = raw.first + (item.frames[0] if item.frames else 0)
        in_pieces = self.tracked and raw.persons == "bodies" and len(joints) > 1
        detections = raw.persons == "detections" or in_pieces
        return turned(Recording(item.info, joints, confidence, up, fps, detections, first), self.up)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without the listing: other processes read single items."""
        left_out = ("_listed", "classes")
        return {key: value for key, value in vars(self).items() if key not in left_out} | {"recordings": None}

    @cached_property
    def _listed(self) -> Clips:
        recordings = self.recordings
        if recordings is None:
            recordings = list_recordings(self.format, self.files, self.cutting.needs_lengths)
        return cut_clips(recordings, self.cutting)


def open_files(
    format: Format,
    source: Path | tuple[Path, ...],
    *,
    files: FileSource | None = None,
    layout: str | Path | Layout | None = None,
    up: Up | None = None,
    fps: float | None = None,
    size: tuple[int, int] | None = None,
    table: str | Path | None = None,
    window: str | None = None,
    stride: str | None = None,
    rest: str | None = None,
    skip_damaged: bool = False,
    whole: bool = False,
) -> FormatReader:
    """Return the reader of files of a format.

    Options that are None are taken from the files. `layout` is a built-in name, a YAML file or a Layout. `up` is the
    axis that points up, `fps` the frames a second. `size` is (width, height) of the image in pixels; coordinates in
    shares of the image need it for true proportions. `table` is a table of labels, by default `clips.csv` or the only
    one in the folder. `window` and `stride`, such as "2s" or "60" frames, cut long recordings where no interval is
    labelled; `rest` is the class of these windows in recordings that have intervals, by default none. `skip_damaged`
    leaves out lines of the table that name no recording, which raise RecordingError otherwise. `whole` leaves out its
    intervals, so that they cut no recording.
    """
    require(fps is None or 0 < fps < inf, "fps", fps or 0, "a number above 0, or leave it out")
    files = files or FileSource(source, format.suffixes)
    first, dataset = first_recording(format, files), _dataset(files)
    facts, said = (read_label_table(Path(table)), []) if table else find_label_table(source)
    cutting = Cutting(facts, window, stride, fps, rest, skip_damaged, whole)
    sampled = sample(first, format, files, cutting.needs_lengths)
    try:
        found = find_layout(sampled.decisive, layout, _folder(source), dataset)
    except ConfigError as error:
        raise ConfigError(error.what, where=files.where, remedy=error.remedy) from error
    raw = by_joint(sampled.decisive, found.layout, files.where)
    channels = raw.joints.shape[3]
    check_up(up, channels)
    vertical, assumed = _vertical(up or next((each.up for each in sampled.raws if each.up), None), raw, found.layout)
    notes = [f"Layout {found.layout.name!r}: {found.reason}.", *found.derived, *raw.notes]
    rates = _about_rates(facts) if facts and not (fps or raw.fps) else []
    notes += (*about_joints(sampled.names, found.layout), *said, *rates, *(facts.notes if facts else ()), *assumed)
    notes += (*files.not_read, *_about_size(raw, size))
    reader = FormatReader(
        format, files, found.layout, channels, vertical, raw.units, up is not None, bool(assumed), size,
        _are_persons(sampled.raws), dataset, cutting, tuple(notes), sampled.listed,
    )  # fmt: skip
    reader.items()  # raises errors of the table or the ids now
    return reader


def _about_rates(table: FactTable) -> list[str]:
    """Return a sentence about the frame rates that a table states."""
    rates = sorted({line.fps for line in table.lines if line.fps})
    shown = ", ".join(f"{rate:g}" for rate in rates)
    return [f"Frame rates are those of the table: {shown} a second."] if rates else []


def _about_size(raw: Raw, size: tuple[int, int] | None) -> list[str]:
    """Return a sentence about a size of the image that is needed and not known, or known and not needed."""
    if raw.units == SHARES:
        return [] if size or raw.size else [NO_SIZE]
    unused = f"The size of the image is not used: coordinates are in {raw.units}, not shares of the image."
    return [unused] if size else []


def _are_persons(raws: Sequence[Raw]) -> bool:
    """Return whether the bodies of the first recording, or several bodies of another one, are persons."""
    return any(raw.persons == "persons" and (number == 0 or len(raw.joints) > 1) for number, raw in enumerate(raws))


def _vertical(stated: Up | None, raw: Raw, layout: Layout) -> tuple[Up, list[str]]:
    """Return the axis that points up: the stated one, else an assumption with its sentence."""
    if stated:
        return stated, []
    is_mediapipe = layout.name in WITH_BODY
    axis: Up = "y" if raw.joints.shape[3] == 3 and not is_mediapipe else "-y"
    reason = ", as in MediaPipe" if is_mediapipe else ""
    above = ", none for recordings from above" if raw.joints.shape[3] == 2 else ""
    return axis, [f"The axis that points up is taken to be {axis}{reason} (--up states another{above})."]


@lru_cache(maxsize=1)
def _raw_of(format: Format, files: FileSource, names: tuple[str, ...], stamp: str, part: int, layout: Layout) -> Raw:
    """Return a recording by joints; the last one is kept, because several clips may be cut from it."""
    raws = parsed(format, files, names, stamp)
    if part >= len(raws):
        what = "the file no longer has this recording."
        raise RecordingError(what, where=names[0], remedy="Prepare the source again.")
    return with_confidence(by_joint(raws[part], layout, names[0]), names[0])


def _folder(source: Path | tuple[Path, ...]) -> Path | None:
    """Return the source if it is a folder, in which a table and a layout may be, else None."""
    return source if isinstance(source, Path) and source.is_dir() else None


def check_up(up: str | None, channels: int) -> None:
    """Raise ConfigError unless the axis that points up is one of the coordinates."""
    allowed = [each for each in get_args(Up) if channels == 3 or each[-1] != "z"]
    if up is not None and up not in allowed:
        remedy = f"Use one of {', '.join(allowed)}."
        raise ConfigError(f"{up!r} is not an axis of {channels} coordinates.", where="up", remedy=remedy)


def _dataset(files: FileSource) -> str:
    """Return the name of the folder or file as that of the data set, with "own" before the name of a benchmark."""
    names = [path.absolute().name for path in files.roots.values()]
    for suffix in (".gz", *files.suffixes, ".zip"):
        names = [name.removesuffix(suffix) for name in names]
    return f"own {names[0]}" if len(names) == 1 and names[0] in BENCHMARKS else some(names, " + ")
