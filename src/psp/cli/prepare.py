"""Turn recordings into a stored data set; an interrupted preparation continues where it stopped.

Args:
    sources: a folder, archive or file of recordings, several of them, or the word synthetic for built-in data
    dest: the data set to write; it must not exist
    format: the format of the recordings, by default found by the files (docs/formats.md lists them)
    layout: the joints - the name of a built-in layout or a YAML file, by default as the files state
    up: the axis that points up, by default that of the format, else y, and -y for two coordinates;
        none for images from above
    fps: frames a second, by default as the files state
    size: WIDTHxHEIGHT of the image in pixels, for coordinates in shares of it
    table: labels and facts - a table of clips or intervals, by default clips.csv in the folder
    window: cut long recordings into clips of this length where nothing is labelled, such as 2s or 60 frames
    stride: how far apart these clips begin, by default one after the other
    rest: a class for the frames between labelled intervals, by default unlabelled
    normalise: how clips are centred, scaled and turned, by default as the pipeline needs it
    pipeline: normalise as this pipeline of 'psp train' needs it
    missing: a list of clips to leave out, as NTU RGB+D publishes it
    skip_damaged: leave out damaged recordings, noted in the data set, and lines of the table that name no recording
    workers: processes to use, by default one per core
    clips: how many clips of built-in data to make, by default 1200
    seed: the random seed of the built-in data, by default 0
    dry_run: only print what is found
    settings: changes of single settings, nested
"""

import re
from argparse import SUPPRESS
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
from jsonargparse import ArgumentParser

from psp.batches.pipelines import PIPELINES, PipelineName
from psp.cli.console import print_table, progress_bar, say
from psp.cli.options import parse_arguments, parser_of
from psp.config.override import override
from psp.dataset.build import default_clean
from psp.dataset.build import prepare as prepare_store
from psp.dataset.store import open_store
from psp.errors import ConfigError, RecordingError
from psp.io.base import Reader, detect_format, open_reader
from psp.io.source import SourceItem
from psp.preprocess.bodies import BodyConfig
from psp.preprocess.clean import CleanConfig
from psp.preprocess.normalise import NormalisationName, NormaliseConfig, check_normalise, normalisation
from psp.skeleton.recording import Up

SHOWN = 10
"""How many recordings are tried to say what a source holds."""


@dataclass(frozen=True)
class Settings:
    """The settings that single options can change."""

    clean: CleanConfig = field(default_factory=CleanConfig)
    normalise: NormaliseConfig = field(default_factory=NormaliseConfig)


def prepare(
    sources: list[str],
    dest: Path,
    format: str | None = None,
    layout: str | None = None,
    up: Up | None = None,
    fps: float | None = None,
    size: str | None = None,
    table: Path | None = None,
    window: str | None = None,
    stride: str | None = None,
    rest: str | None = None,
    normalise: NormalisationName | None = None,
    pipeline: PipelineName | None = None,
    missing: Path | None = None,
    skip_damaged: bool = False,
    workers: int | None = None,
    clips: int | None = None,
    seed: int | None = None,
    dry_run: bool = False,
    settings: Mapping[str, Any] = {},
) -> None:
    """Turn recordings into a stored data set; an interrupted preparation continues where it stopped."""
    found = detect_format(sources) if format is None else format
    options = {"layout": layout, "up": up, "fps": fps, "size": size_of(size), "table": table, "window": window}
    options |= {"stride": stride, "rest": rest, "missing": missing, "clips": clips, "seed": seed}
    reader = open_reader(sources, found, skip_damaged=skip_damaged, **options)
    named = normalisation(_named(normalise, pipeline), reader.layout)
    chosen = override(Settings(default_clean(reader), named), settings)
    check_normalise(chosen.normalise, reader.layout)
    _say_found(reader, f"{found} ({'as given' if format else 'found by its files'})")
    if dry_run:
        return
    with progress_bar(f"preparing {reader.dataset}") as show:
        report = prepare_store(
            reader,
            dest,
            clean=chosen.clean,
            normalise=chosen.normalise,
            workers=workers,
            skip_damaged=skip_damaged,
            on_progress=show,
        )
    rows = [("clips stored", report.clips), *report.counts.items(), ("damaged, left out", len(report.skipped))]
    print_table(f"{dest}: prepared in {report.seconds:.1f} s", ("what", "count"), rows)
    for entry in report.skipped:
        say(f"left out: {entry.where}: {entry.reason}")
    labels = open_store(dest).clips.label
    then = "train" if len(np.unique(labels[labels >= 0])) > 1 else "label"
    say(f"Next: psp check {dest}, psp {then} {dest}")


def _named(normalise: NormalisationName | None, pipeline: PipelineName | None) -> NormalisationName:
    """Return the name of the normalisation that the options ask for."""
    if normalise and pipeline:
        what = "--normalise and --pipeline both say how clips are normalised."
        raise ConfigError(what, remedy="Leave one of them out.")
    return PIPELINES[pipeline].normalise if pipeline else normalise or "default"


def run_prepare(arguments: Sequence[str]) -> None:
    """Parse the arguments of `psp prepare` and run it."""
    prepare(**parse_arguments(prepare_parser(), arguments).as_dict())


def prepare_parser() -> ArgumentParser:
    """Return the parser of `psp prepare`, with one option per setting, such as --normalise.scale."""
    parser = parser_of(prepare, "prepare", without=("settings",))
    for name, kind in {"clean": CleanConfig, "clean.bodies": BodyConfig, "normalise": NormaliseConfig}.items():
        for key, hint in get_type_hints(kind).items():
            if f"{name}.{key}" != "clean.bodies":
                parser.add_argument(f"--{name}.{key}", dest=f"settings.{name}.{key}", type=hint, default=SUPPRESS)
    return parser


def size_of(text: str | None) -> tuple[int, int] | None:
    """Return the width and height that WIDTHxHEIGHT states, or None."""
    if text is None:
        return None
    numbers = re.fullmatch(r"([1-9]\d{0,5})[xX]([1-9]\d{0,5})", text)
    if not numbers:
        raise ConfigError(f"{text!r} is not a size.", where="--size", remedy="Write it as 1920x1080.")
    return int(numbers[1]), int(numbers[2])


def _say_found(reader: Reader, format: str) -> None:
    """Print what the source holds, and what was derived or assumed."""
    items, counts = reader.items()
    labelled = len(items) - counts.pop("recordings without a label", 0)
    rows: list[tuple[str, object]] = [("format", format)]
    rows += [("layout", f"{reader.layout.name}, {len(reader.layout.joints)} joints"), ("up", reader.up)]
    rows += [*_first(reader, items), ("clips", len(items)), ("labelled", labelled), ("classes", len(reader.classes))]
    print_table(reader.dataset, ("what", "found"), [*rows, *counts.items()])
    for note in reader.notes:
        say(note)


def _first(reader: Reader, items: Sequence[SourceItem]) -> list[tuple[str, object]]:
    """Return rows of the table that describe the first recording that can be read."""
    failures = list[RecordingError]()
    for item in items[:SHOWN]:
        try:
            recording = reader.read(item)
        except RecordingError as error:
            failures.append(error)
            continue
        persons, frames, _, channels = recording.joints.shape
        rate = "unknown" if recording.fps is None else f"{recording.fps:g} a second"
        entries = ("person", "persons") if reader.tracked else ("body", "bodies")
        entries = ("detection a frame", "detections a frame") if recording.detections else entries
        size = f"{frames} {'frame' if frames == 1 else 'frames'}, {persons} {entries[persons != 1]}"
        return [("coordinates", f"{channels}, {reader.units}"), ("frame rate", rate), ("first clip", size)]
    return [("coordinates", "unknown"), *(("cannot be read", f"{each.where}: {each.what}") for each in failures[:1])]
