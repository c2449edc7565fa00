"""The formats of recordings, by name, and how the format of a source is found.

A new format is a `psp.io.format.Format`, or a class with the members of `Reader`. Another package adds a Format or a
ReaderSpec under the entry-point group `psp.readers`; the entry point has the name of the format.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import partial
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from psp.errors import ConfigError, RecordingError
from psp.io.format import File, Format, Units
from psp.io.formats.alphapose import ALPHAPOSE
from psp.io.formats.anipose import ANIPOSE
from psp.io.formats.arrays import ARRAYS
from psp.io.formats.azure import AZURE
from psp.io.formats.bvh import BVH
from psp.io.formats.coco import COCO
from psp.io.formats.ddnet import DDNET
from psp.io.formats.deeplabcut import DEEPLABCUT
from psp.io.formats.gcn_arrays import CTRGCN, STGCN
from psp.io.formats.kinetics import KINETICS_SKELETON
from psp.io.formats.mediapipe import MP_DATA
from psp.io.formats.mediapipe_json import LANDMARK_FRAMES, LANDMARKS
from psp.io.formats.mmpose import MMPOSE, MMPOSE_IMAGES
from psp.io.formats.movement import MOVEMENT, datasets_of, open_datasets
from psp.io.formats.ntu import detects_ntu, open_ntu
from psp.io.formats.nw_ucla import detects_nw_ucla, open_nw_ucla
from psp.io.formats.nwb import NWB
from psp.io.formats.openpose import OPENPOSE
from psp.io.formats.pyskl import PYSKL
from psp.io.formats.sleap import SLEAP
from psp.io.formats.synthetic import detects_synthetic, open_synthetic
from psp.io.formats.tables import TABLES
from psp.io.formats.ts import TS
from psp.io.formats.ultralytics import ULTRALYTICS, ULTRALYTICS_JSON, ULTRALYTICS_VIDEO
from psp.io.kinds import ENDINGS, kind_of
from psp.io.labels.label_table import TABLE, is_label_table, label_tables, without_label_tables
from psp.io.listing import LAYOUT
from psp.io.parse.hdf5 import SIGNATURE as HDF5
from psp.io.parse.hdf5 import opened
from psp.io.parse.json_text import fault_of
from psp.io.reader import open_files
from psp.io.source import BROKEN, FileSource, Paths, SourceItem, open_paths
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Recording, Up

GROUP = "psp.readers"


@runtime_checkable
class Reader(Protocol):
    """A source of recordings: it lists them and reads one at a time. Worker processes get it by pickle."""

    @property
    def dataset(self) -> str:
        """The name of the data set."""

    @property
    def layout(self) -> Layout:
        """The layout of every recording."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes in the order of their labels."""

    @property
    def source(self) -> str:
        """Where the recordings come from, for the manifest."""

    @property
    def up(self) -> Up:
        """The axis that points up in every recording."""

    @property
    def units(self) -> Units:
        """The unit of the coordinates."""

    @property
    def tracked(self) -> bool:
        """Whether every body of a recording is one person, so that persons need not be chosen among bodies."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was derived or assumed, in sentences."""

    def items(self) -> tuple[list[SourceItem], Counter[str]]:
        """Return the recordings to read, in the order of the store, and counts of those left out or unlabelled."""

    def read(self, item: SourceItem) -> Recording:
        """Return one recording; a damaged or missing one raises RecordingError with file, line and reason."""


OPTIONS = ("layout", "up", "fps", "size", "table", "window", "stride", "rest", "skip_damaged", "whole")
"""The options of `psp.io.reader.open_files`."""

HEAD = 65536
"""How many bytes of a file are read to find its format; HDF5 files are read whole, as names may be anywhere in them."""


@dataclass(frozen=True)
class ReaderSpec:
    """An entry of READERS: `open(path, **options)` returns the Reader of a source.

    `options` are the names of the options of `open`. `recognises(name, head)` is that of `psp.io.format.Format`;
    `detects(path)` returns whether a whole source is of the format. A format without both is used only by its name.
    """

    open: Callable[..., Reader]
    description: str
    options: tuple[str, ...] = ()
    suffixes: tuple[str, ...] = ()
    recognises: Callable[[str, bytes], bool] | None = None
    detects: Callable[[Any], bool] | None = None


def spec_of(format: Format | ReaderSpec) -> ReaderSpec:
    """Return the entry of READERS for a format."""
    if isinstance(format, ReaderSpec):
        return format
    return ReaderSpec(
        partial(open_files, format), format.description, OPTIONS, format.suffixes, format.recognises
    )  # fmt: skip


FORMATS: tuple[Format, ...] = (
    BVH, ANIPOSE, DEEPLABCUT, SLEAP, NWB, MOVEMENT, PYSKL, CTRGCN, STGCN, DDNET, LANDMARK_FRAMES, LANDMARKS,
    MP_DATA, TS, TABLES, KINETICS_SKELETON, AZURE, OPENPOSE, MMPOSE, MMPOSE_IMAGES, ULTRALYTICS,
    ULTRALYTICS_JSON, ULTRALYTICS_VIDEO, COCO, ALPHAPOSE, ARRAYS,
)  # fmt: skip
"""The formats of foreign files, the more specific ones first: the first one that recognises a file is used."""

READERS: dict[str, ReaderSpec] = {
    "ntu": ReaderSpec(
        open_ntu, "NTU RGB+D 60 or 120, .skeleton files", ("missing",), (".skeleton",), detects=detects_ntu
    ),
    "ntu60": ReaderSpec(partial(open_ntu, actions=60), "NTU RGB+D 60, actions 1 to 60", ("missing",)),
    "ntu120": ReaderSpec(partial(open_ntu, actions=120), "NTU RGB+D 120", ("missing",)),
    "nw-ucla": ReaderSpec(
        open_nw_ucla, "Northwestern-UCLA, its files or archive", suffixes=(".json", ".txt"), detects=detects_nw_ucla
    ),
    "synthetic": ReaderSpec(
        open_synthetic,
        "built-in data, the word synthetic",
        ("layout", "clips", "seed"),
        detects=detects_synthetic,
    ),
    **{point.name: spec_of(point.load()) for point in entry_points(group=GROUP)},
    **{format.name: spec_of(format) for format in FORMATS},
}


def detect_format(source: Paths) -> str:
    """Return the name of the format of a source; RecordingError if none or several are found."""
    path, _ = without_label_tables(open_paths(source))
    found = [name for name, spec in READERS.items() if spec.detects is not None and spec.detects(path)]
    files = FileSource(path, tuple({suffix for spec in READERS.values() for suffix in spec.suffixes}))
    samples = [] if found == ["synthetic"] else _samples(files)
    recognised = _formats_of(samples, files)
    found += dict.fromkeys(name for name in recognised if name is not None and name not in found)
    if len(found) == 1:
        return found[0]
    if len(found) > 1:
        what = f"the format may be {' or '.join(found)}."
        raise RecordingError(what, where=files.where, remedy="Name the format with --format.")
    raise _unknown(files, samples)


def open_reader(
    source: Paths | Any, format: str | None = None, *, skip_damaged: bool = False, **options: Any
) -> Reader:
    """Return the reader of a source of recordings; without `format` the format is found from the files.

    `source` is the path of a file, folder or archive, several paths, the word "synthetic", or one or several data sets
    of the package movement; a table of labels among several paths is the option `table`. Options that are None are
    ignored; an option that the format does not have raises ConfigError. Foreign formats have the options of
    `psp.io.reader.open_files`, NTU RGB+D has `missing`, and synthetic has `layout`, `clips` and `seed`. `skip_damaged`
    is ignored by formats without it.
    """
    if datasets := datasets_of(source):
        return open_datasets(datasets, **options)
    name = detect_format(source) if format is None else format
    if name not in READERS:
        near = get_close_matches(name, READERS, n=1)
        remedy = f"Did you mean {near[0]!r}?" if near else f"Choose one of {', '.join(READERS)}."
        raise ConfigError(f"there is no format {name!r}.", remedy=remedy)
    given = {option: value for option, value in options.items() if value is not None}
    path, tables = without_label_tables(open_paths(source))
    if tables:
        given["table"] = _only_table([*map(Path, filter(None, [options.get("table")])), *tables])
    if skip_damaged and "skip_damaged" in READERS[name].options:
        given["skip_damaged"] = True
    for option in given:
        if option not in READERS[name].options:
            raise ConfigError(f"the format {name!r} has no such option.", where=option, remedy="Leave it out.")
    return READERS[name].open(path, **given)


def _only_table(tables: Sequence[Path]) -> Path:
    """Return the only table of labels of those that are named; RecordingError if they are different files."""
    if len({table.resolve() for table in tables}) > 1:
        what = f"of {' and '.join(map(str, tables[:2]))} one can be the table of labels."
        raise RecordingError(what, where="--table", remedy="Leave the other out, or join them into one table.")
    return tables[0]


def _samples(files: FileSource) -> list[str]:
    """Return the names of up to three files of each ending: the first, the middle and the last one."""
    by_suffix: dict[str, list[str]] = {}
    tables = label_tables(files.path)
    for file in files.walk():
        last = file.name.rpartition("/")[2]
        if last not in (TABLE, LAYOUT) and file.name not in tables:
            by_suffix.setdefault(last.lower().removesuffix(".gz").rpartition(".")[2], []).append(file.name)
    chosen = []
    for names in by_suffix.values():
        names.sort()
        chosen += sorted({names[0], names[len(names) // 2], names[-1]})
    return chosen


def _formats_of(samples: Sequence[str], files: FileSource) -> list[str | None]:
    """Return the format of every sample that can be read; if none can, the error of the first one is raised."""
    found, failure = list[str | None](), None
    for name in samples:
        try:
            found.append(_format_of(name, files))
        except RecordingError as error:
            failure = failure or error
    if failure and not found:
        raise failure
    return found


def _format_of(name: str, files: FileSource) -> str | None:
    """Return the first format that recognises a file."""
    head = files.read(name, HEAD)
    head = files.read(name) if head.startswith(HDF5) else head
    specs = (
        (format, spec) for format, spec in READERS.items() if name.lower().removesuffix(".gz").endswith(spec.suffixes)
    )
    return next((format for format, spec in specs if spec.recognises and spec.recognises(name, head)), None)


def _others(files: FileSource) -> list[tuple[FileSource, str]]:
    """Return the first of the files with endings of known kinds that are not read."""
    try:
        names = sorted(file.name for file in files.walk())
    except RecordingError:
        return []
    return [(files, name) for name in names[:1]]


def _unknown(files: FileSource, samples: Sequence[str]) -> RecordingError:
    """Return the error for a source of no known format; it says what the first file is, if its kind is known."""
    others = replace(files, suffixes=tuple(ENDINGS))
    for source, name in [*((files, name) for name in samples), *_others(others)]:
        head = source.read(name, HEAD)
        if not head:
            return RecordingError(f"{name} is empty.", where=files.where, remedy=BROKEN)
        if head.startswith(HDF5):
            with opened(File(name, source.read(name))):  # raises the error of one that is cut off
                pass
        if kind := kind_of(head, name):
            return RecordingError(f"{name} is {kind.name}.", where=files.where, remedy=kind.remedy)
        if name.lower().removesuffix(".gz").endswith(".json") and (fault := fault_of(File(name, source.read(name)))):
            return RecordingError(f"{name}: {fault.what}", where=files.where, remedy=fault.remedy)
    labels = [*label_tables(files.path), *(name for name in samples if is_label_table(name, "", files))]
    if labels:
        remedy = "Name the recordings, and this table with --table."
        return RecordingError(f"{labels[0]} is a table of labels.", where=files.where, remedy=remedy)
    found = [name for name, spec in READERS.items() if spec.recognises or spec.detects]
    alike = [name for name in found if READERS[name].suffixes and _like(samples, READERS[name].suffixes)]
    if not alike:
        what, known = "there are no recordings of a known format.", f"Known formats: {', '.join(found)}."
        remedy = " ".join([*others.not_read, known, "'psp formats' lists their files."])
        return RecordingError(what, where=files.where, remedy=remedy)
    known = "; ".join(f"{name} ({READERS[name].description})" for name in alike)
    what = f"there are no recordings of a known format, {samples[0]} is not one."
    return RecordingError(what, where=files.where, remedy=f"Known formats of such files: {known}.")


def _like(samples: Sequence[str], suffixes: tuple[str, ...]) -> bool:
    return any(name.lower().removesuffix(".gz").endswith(suffixes) for name in samples)
