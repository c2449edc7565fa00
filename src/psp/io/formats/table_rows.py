"""Recordings from the lines of a table of joints."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np
from jaxtyping import Float64, Int64

from psp.errors import RecordingError
from psp.io.format import Raw
from psp.io.labels.facts import typed
from psp.io.parse.csv_text import frame_places, number_rows

MOST = 20_000_000
"""How many joints over all persons and frames a recording may have, or a thousand for each line of its table."""

UNLABELLED = ("", "nan")


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

    def by_clip(self) -> dict[str, "Rows"]:
        """Return the rows of each clip."""
        places: dict[str, list[int]] = {}
        for place, clip in enumerate(self.fact("clip")):
            places.setdefault(clip, []).append(place)
        return {clip: self.only(chosen) for clip, chosen in places.items()}


def joints_of(rows: Rows, name: str) -> tuple[Float64[np.ndarray, "m t v parts"], Int64[np.ndarray, "n"]]:
    """Return the joints by person and frame, NaN where there is no row, and the frame of each row."""
    persons = {person: number for number, person in enumerate(dict.fromkeys(rows.fact("person")))}
    numbers = [persons[person] for person in rows.fact("person")]
    frames = _frames(rows, numbers, name)
    shape = (len(persons), int(frames.max()) + 1, *rows.values.shape[1:])
    if np.prod(shape[:3]) > max(MOST, 1000 * len(rows.lines)):
        what = f"{shape[0]} persons in {shape[1]} frames are too many for {len(rows.lines)} lines."
        raise RecordingError(what, where=name, remedy="Leave out persons that rarely occur, or split the table.")
    joints = np.full(shape, np.nan)
    joints[numbers, frames] = rows.values
    return joints, frames


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
    id = f"{raw.id}:{begin}-{end}"
    return replace(raw, joints=raw.joints[:, begin:end], confidence=confidence, label=label, id=id)


def _frames(rows: Rows, persons: Sequence[int], name: str) -> Int64[np.ndarray, "n"]:
    """Return the frame of each row, from 0; without a column `frame`, by the order of the rows of a person."""
    if "frame" not in rows.facts:
        counts, places = Counter[int](), list[int]()
        for person in persons:
            places.append(counts[person])
            counts[person] += 1
        return np.array(places)
    given = number_rows({line: [frame] for line, frame in zip(rows.lines, rows.fact("frame"), strict=True)}, 1, name)
    numbers, first, inverse = np.unique(given[:, 0], return_index=True, return_inverse=True)
    frames = frame_places(numbers, [rows.lines[place] for place in first], name)[inverse.reshape(-1)]
    seen: dict[tuple[int, int], int] = {}
    for line, at in zip(rows.lines, zip(persons, frames.tolist(), strict=True), strict=True):
        if seen.setdefault(at, line) != line:
            what, remedy = f"this frame is in line {seen[at]} too.", "Add a column person or clip that separates them."
            raise RecordingError(what, where=f"{name}, line {line}", remedy=remedy)
    return frames
