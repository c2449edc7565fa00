"""Recordings from the lines of a table of joints."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from jaxtyping import Float64, Int64

from psp.errors import RecordingError
from psp.io.format import Raw
from psp.io.formats.poses import MANY_TRACKS
from psp.io.labels.facts import typed
from psp.io.parse.csv_text import MOST_MISSING, frame_places, frames_of_times, number_rows

MOST = 20_000_000
"""How many joints over all persons and frames a recording may have, or a thousand for each line of its table."""

UNLABELLED = ("", "nan")
IMAGES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class Rows:
    """The rows of a table, one per person and frame: facts as text, other columns, line numbers, parts of joints."""

    facts: dict[str, list[str]]
    others: Mapping[str, Sequence[int | float | str]]
    lines: list[int]
    values: Float64[np.ndarray, "n v parts"]

    def only(self, chosen: Sequence[int]) -> "Rows":
        """Return some of the rows."""
        facts = {fact: [values[place] for place in chosen] for fact, values in self.facts.items()}
        others = {key: [values[place] for place in chosen] for key, values in self.others.items()}
        return Rows(facts, others, [self.lines[place] for place in chosen], self.values[list(chosen)])

    def fact(self, name: str) -> list[str]:
        """Return a fact of each row, "" without such a column."""
        return self.facts.get(name, [""] * len(self.lines))

    def persons(self) -> list[str]:
        """Return the person of each row; an id is one unless it differs in all rows, each of a frame or a joint."""
        ids, frames = self.fact("id"), len(set(self._frames))
        is_number = len(set(ids)) == len(ids) and (frames > 1 if "joint" in self.facts else frames == len(ids))
        return self.facts.get("person") or ([""] * len(ids) if is_number else ids)

    def by_clip(self) -> dict[str, "Rows"]:
        """Return the rows of each clip; names of images or beside frames that differ in all rows are no clips."""
        places: dict[str, list[int]] = {}
        for place, clip in enumerate(self.fact("clip")):
            places.setdefault(clip, []).append(place)
        are_frames = "frame" in self.facts or all(clip.lower().endswith(IMAGES) for clip in places)
        if are_frames and len(places) == len(set(self._frames)) == len(self.lines):
            return {"": self}
        return {clip: self.only(chosen) for clip, chosen in places.items()}

    @property
    def _frames(self) -> Sequence[object]:
        """What tells the frames apart: their numbers, or without these the lines."""
        return self.facts.get("frame", self.lines)


def joints_of(
    rows: Rows, name: str, tracks: bool
) -> tuple[Float64[np.ndarray, "m t v parts"], Int64[np.ndarray, "n"], int, tuple[str, ...]]:
    """Return the joints by person and frame (NaN without a row), the frame of each row, `Raw.first`, and notes.

    Persons are in the order of their names. If they are `tracks`, and too many for one recording, their ids are
    ignored: an entry is a position among the rows of a frame, and a note says so. Too many persons raise
    RecordingError.
    """
    order = {person: number for number, person in enumerate(sorted(set(rows.persons()), key=_natural))}
    persons = [order[person] for person in rows.persons()]
    frames, begin = _frames(rows, persons, name)
    length, most = int(frames.max()) + 1, max(MOST, 1000 * len(rows.lines))
    notes: tuple[str, ...] = ()
    if tracks and len(order) * length * rows.values.shape[1] > most:
        persons, notes = _in_turn(frames.tolist()), (MANY_TRACKS.format(len(order)),)
    entries = max(persons) + 1
    if entries * length * rows.values.shape[1] > most:
        what = f"{entries} persons in {length} frames are too many for {len(rows.lines)} lines."
        raise RecordingError(what, where=name, remedy="Leave out persons that rarely occur, or split the table.")
    joints = np.full((entries, length, *rows.values.shape[1:]), np.nan)
    joints[persons, frames] = rows.values
    return joints, frames, begin, notes


def rate_of(rows: Rows, frames: Int64[np.ndarray, "n"]) -> float | None:
    """Return the frames a second by the times in seconds; None without times or for a rate outside of 1 to 1000."""
    times = [time for time in typed(rows.fact("time")) if isinstance(time, int | float)]
    passed = np.ptp(frames)
    if len(times) < len(frames) or not passed or max(times) <= min(times):
        return None
    rate = float(passed / (max(times) - min(times)))
    return round(rate, 3) if 1 <= rate <= 1000 else None


def constants_of(rows: Rows) -> dict[str, int | float | str]:
    """Return the other columns that are the same in all rows."""
    return {key: values[0] for key, values in rows.others.items() if values[0] != "" and len(set(values)) == 1}


def by_label(raw: Raw, rows: Rows, frames: Int64[np.ndarray, "n"], name: str) -> list[Raw]:
    """Return a recording with its label, or, if the label changes, one recording for each run of the same label."""
    if "label" not in rows.facts:
        return [raw]
    labels: list[str | None] = [None] * raw.joints.shape[1]
    for frame, label, line in zip(frames.tolist(), rows.fact("label"), rows.lines, strict=True):
        if labels[frame] not in (None, label):
            what = f"the labels {labels[frame]!r} and {label!r} belong to one frame."
            raise RecordingError(what, where=f"{name}, line {line}", remedy="Give the persons of a frame one label.")
        labels[frame] = label
    for frame in range(1, len(labels)):
        labels[frame] = labels[frame - 1] if labels[frame] is None else labels[frame]
    stretches, begin = list[Raw](), 0
    for value, members in groupby(labels):
        end = begin + len(list(members))
        stretches.append(_stretch(raw, begin, end, None if value is None or value.lower() in UNLABELLED else value))
        begin = end
    if len(stretches) == 1:
        return [replace(raw, label=stretches[0].label)]
    note = "Labels change between frames: each run of frames with the same label is a clip."
    return [replace(each, notes=(*each.notes, note)) for each in stretches]


def _stretch(raw: Raw, begin: int, end: int, label: str | None) -> Raw:
    confidence = None if raw.confidence is None else raw.confidence[:, begin:end]
    first, id = raw.first + begin, f"{raw.id}:{begin}-{end}"
    return replace(raw, joints=raw.joints[:, begin:end], confidence=confidence, first=first, label=label, id=id)


def _frames(rows: Rows, persons: Sequence[int], name: str) -> tuple[Int64[np.ndarray, "n"], int]:
    """Return the frame of each row, from 0, and `Raw.first`.

    Without a column `frame` frames are known by their times, without these by the order of the rows of a person.
    """
    if "frame" in rows.facts:
        lines = {line: [frame] for line, frame in zip(rows.lines, rows.fact("frame"), strict=True)}
        given = number_rows(lines, 1, name)[:, 0]
    elif (timed := _timed(rows, persons)) is not None:
        given = timed
    else:
        return np.array(_in_turn(persons)), 0
    numbers, first, inverse = np.unique(given, return_index=True, return_inverse=True)
    places, begin = frame_places(numbers, [rows.lines[place] for place in first], name)
    frames = places[inverse.reshape(-1)]
    seen: dict[tuple[int, int], int] = {}
    for line, at in zip(rows.lines, zip(persons, frames.tolist(), strict=True), strict=True):
        if seen.setdefault(at, line) != line:
            what, remedy = f"this frame is in line {seen[at]} too.", "Add a column person or clip that separates them."
            raise RecordingError(what, where=f"{name}, line {line}", remedy=remedy)
    return frames, begin


def _natural(name: str) -> tuple[list[str | float], str]:
    """Return the key by which names are sorted, their numbers by value: mouse2 before mouse10."""
    parts = re.split(r"(\d+)", name)
    return [float(part) if place % 2 else part for place, part in enumerate(parts)], name


def _in_turn(values: Sequence[int]) -> list[int]:
    """Return for each value how often it occurs before."""
    counts, order = Counter[int](), list[int]()
    for value in values:
        order.append(counts[value])
        counts[value] += 1
    return order


def _timed(rows: Rows, persons: Sequence[int]) -> Float64[np.ndarray, "n"] | None:
    """Return the number of the frame of each row by its time; None if times do not tell the frames of a person."""
    times = np.array([time if isinstance(time, int | float) else np.nan for time in typed(rows.fact("time"))])
    order = np.lexsort((times, np.array(persons)))
    steps = np.diff(times[order])[np.diff(np.array(persons)[order]) == 0]
    if not np.isfinite(times).all() or not len(steps) or steps.min() <= 0:
        return None
    different, inverse = np.unique(times - times.min(), return_inverse=True)
    numbers = frames_of_times(different, steps)[inverse.reshape(-1)]
    is_apart = len(set(zip(persons, numbers.tolist(), strict=True))) == len(times)
    return numbers if is_apart and numbers.max() < 2 * len(times) + MOST_MISSING else None
