"""Tables of behaviours in time, as programs for scoring videos write them; each is read as labelled intervals.

* BORIS events: free lines, then a header with `Time`, `Behavior` and `Status` or `Behavior type`; a state is a START
  and a STOP, in seconds from the start of the video; a POINT has no duration.
* Intervals, one per line: BORIS aggregated events (`Start (s)`, `Stop (s)`, `Behavior`), DLCAnalyzer
  (`file;Experimenter;from;to;type;ID;DLCFile`), ELAN tab-delimited text with or without a header, and any table with
  `start`, `end` or `stop`, and `label` or `behavior`.
* One column per behaviour, 0 or 1 in every frame (SimBA, DeepEthogram, the binary table of BORIS), perhaps after a
  column of frames or times; a column called background, none or other means unlabelled.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from pathlib import PurePosixPath

from psp.errors import RecordingError
from psp.io.labels.facts import Facts, FactTable, Unit, columns_of
from psp.io.labels.sheet import FILES, LABELS, REMEDY, Row, Sheet, decimal, file_name, time_of

FREE = 60
"""How many lines there may be before the header."""

PAIRS: dict[tuple[str, str], Unit | None] = {("start (s)", "stop (s)"): "seconds", ("from", "to"): "seconds"}
PAIRS |= {("begin time - ss.msec", "end time - ss.msec"): "seconds", ("start_frame", "end_frame"): "frames"}
PAIRS |= {("start", "stop"): None, ("start", "end"): None}
UNLABELLED = ("background", "none", "other", "unlabelled", "unlabeled", "no behavior", "no behaviour", "no_behavior")
BITS = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "false": 0, "true": 1, "-1": 0}
COUNTS = re.compile(r"$|time|frame|index|unnamed")
"""The beginnings of names of a first column that is not a behaviour."""

CLOCK = re.compile(r"(\d+):([0-5]\d):([0-5]\d(?:[.,]\d+)?)")


@dataclass(frozen=True)
class Bouts:
    """Labelled intervals, the unit of their ends, and the number of events left out."""

    lines: list[Facts]
    unit: Unit | None
    points: int = 0


def read_behaviours(rows: Sequence[Row], where: str) -> FactTable | None:
    """Return the labelled intervals of a table; None if it has none of the known forms."""
    found = find_header(rows)
    if found is None:
        return None
    place, read = found
    names = [entry.strip() for entry in rows[place][1]] if place >= 0 else []
    before = {line[0].strip().lower(): line[1] for _, line in rows[: max(place, 0)] if len(line) > 1}
    sheet = Sheet(where, names, list(rows[place + 1 :]), before)
    wrong = next((row for row in sheet.rows if names and len(row[1]) != len(names)), None)
    if wrong:
        what = f"the line has {len(wrong[1])} entries, the header {len(names)}."
        raise RecordingError(what, where=sheet.line(wrong[0]), remedy=REMEDY)
    bouts = read(sheet)
    if not bouts.lines:
        raise RecordingError("the table has no labelled interval.", where=where, remedy="Name another with --table.")
    return FactTable(tuple(bouts.lines), bouts.unit, where, _notes(bouts))


def find_header(rows: Sequence[Row]) -> tuple[int, Callable[[Sheet], Bouts]] | None:
    """Return the index of the header among the rows, -1 for none, and the function that reads the table."""
    for place, (_, row) in enumerate(rows[:FREE]):
        names = {entry.strip().lower() for entry in row}
        if {"time", "behavior"} <= names and names & {"status", "behavior type"}:
            return place, read_events
        if _ends(names) and (names.intersection(LABELS) or "begin time - ss.msec" in names):
            return place, read_intervals
    if rows and all(len(_clocks(row)) > 1 for _, row in rows[:FREE]):
        return -1, read_elan
    if rows and {"file", "id", "label"} & set(columns_of(rows[0][1])):
        return None  # a table of recordings, whose classes may be 0 and 1
    one_hot = len(rows) > 1 and all(_bits(row[1:]) is not None for _, row in rows[1:FREE])
    words = all(re.search("[A-Za-z]", name) for name in rows[0][1][1:]) if one_hot else False
    return (0, read_one_hot) if words and len(rows[0][1]) > 1 else None


def read_events(sheet: Sheet) -> Bouts:
    """Return the intervals between the START and the STOP of each behaviour of each subject."""
    offset = sheet.before.get("time offset (s)", "0")
    if time_of(offset, f"{sheet.where}, Time offset (s)") != 0:
        remedy = "Set the time offset of the observation to 0 and export it again."
        raise RecordingError(f"times are shifted by {offset} s.", where=sheet.where, remedy=remedy)
    _check_media(sheet)
    status, time = sheet.column("status", "behavior type"), sheet.column("time")
    assert status is not None
    assert time is not None
    begun: dict[tuple[str, ...], tuple[float, int]] = {}
    lines, points = list[Facts](), 0
    for number, row in sheet.rows:
        name, label, columns, what = sheet.name_of(row), sheet.label_of(row), sheet.columns_of(row), row[status].strip()
        key, at = (name, label, columns.get("subject", "")), time_of(row[time], sheet.line(number))
        if what.upper() == "POINT":
            points += 1
        elif what.upper() not in ("START", "STOP") or (what.upper() == "START") == (key in begun):
            state = "has begun already" if key in begun else "has not begun"
            fault = f"{label!r} has the status {what or '(empty)'}, but it {state}."
            raise RecordingError(fault, where=sheet.line(number), remedy="Correct the events in BORIS.")
        elif what.upper() == "START":
            begun[key] = at, number
        elif begun[key][0] == at:
            points += begun.pop(key) is not None
        else:
            fact = _fact(name, label, columns, (begun.pop(key)[0], at), sheet.line(number))
            lines.append(replace(fact, fps=sheet.fps_of(row)))
    for (_, label, _), (at, number) in begun.items():
        remedy = "Correct the events in BORIS (Observations, Close unpaired events)."
        raise RecordingError(f"{label!r} begins at {at:g} s and never stops.", where=sheet.line(number), remedy=remedy)
    return Bouts(lines, "seconds", points)


def read_intervals(sheet: Sheet) -> Bouts:
    """Return the interval of each line."""
    ends = _ends(set(sheet.header))
    assert ends is not None
    start, end = (sheet.header.index(each) for each in ends)
    lines, points = list[Facts](), 0
    kind = sheet.column("behavior type")
    for number, row in sheet.rows:
        if (kind is not None and row[kind].strip().upper() == "POINT") or row[start].strip() == row[end].strip():
            points += 1
            continue
        interval = time_of(row[start], sheet.line(number)), time_of(row[end], sheet.line(number))
        tiers = _tiers(sheet, row) if "begin time - ss.msec" in ends else [("", sheet.label_of(row))]
        for tier, label in tiers:
            columns = sheet.columns_of(row) | ({"tier": tier} if tier else {})
            fact = _fact(sheet.name_of(row), label, columns, interval, sheet.line(number))
            lines.append(replace(fact, fps=sheet.fps_of(row)))
    return Bouts(lines, PAIRS[ends], points)


def read_elan(sheet: Sheet) -> Bouts:
    """Return the annotations of ELAN's text without a header: tier, participant, begin, end, duration, value."""
    lines = []
    for number, row in sheet.rows:
        clocks = _clocks(row)
        value = max(clocks, default=0) + 1
        if clocks and value < len(row) and decimal(row[value]) == _seconds(row[value - 1]):
            value += 1
        if len(clocks) < 2 or value >= len(row) or not row[value].strip():
            what = "there is no begin, end and value of an annotation."
            raise RecordingError(what, where=sheet.line(number), remedy="Export tier, begin, end and annotation.")
        first, last = (_seconds(row[place]) for place in list(clocks)[:2])
        name = file_name(row[value + 1]) if value + 1 < len(row) else ""
        columns = {"tier": row[0].strip()} | ({"subject": row[1].strip()} if row[1].strip() else {})
        lines.append(_fact(name, row[value].strip(), columns, (first, last), sheet.line(number)))
    return Bouts(lines, "seconds")


def read_one_hot(sheet: Sheet) -> Bouts:
    """Return the intervals in which each column is 1; the name of the table is that of the recording."""
    in_seconds = sheet.header[0].startswith("time")
    entries = [_bits(row[:1]) for _, row in sheet.rows]
    begin = 0 if [0] in entries and [1] in entries and None not in entries and not COUNTS.match(sheet.header[0]) else 1
    bits, times = list[list[int]](), list[float]()
    for number, row in sheet.rows:
        values = _bits(row[begin:])
        if values is None:
            remedy = "Write 0 or 1 for each behaviour."
            raise RecordingError("an entry is neither 0 nor 1.", where=sheet.line(number), remedy=remedy)
        bits.append(values)
        times.append(time_of(row[0], sheet.line(number)) if in_seconds else float(len(times)))
    step = times[1] - times[0] if len(times) > 1 else 1.0
    if step <= 0 or any(abs(after - before - step) > 0.01 * step for before, after in pairwise(times)):
        raise RecordingError("the times are not evenly spaced.", where=sheet.where, remedy=REMEDY)
    lines, name = list[Facts](), PurePosixPath(sheet.where.replace("\\", "/")).stem
    for column, label in enumerate(sheet.names[begin:]):
        first = 0
        for active, run in groupby(row[column] for row in bits):
            start, first = first, first + len(list(run))
            if active and label.lower() not in UNLABELLED:
                ends = times[start], times[first - 1] + step
                lines.append(_fact(name, label, {}, ends, sheet.line(sheet.rows[start][0])))
    return Bouts(lines, "seconds" if in_seconds else "frames")


def _fact(name: str, label: str, columns: Mapping[str, str], ends: tuple[float, float], where: str) -> Facts:
    if not 0 <= ends[0] < ends[1]:
        what = f"the interval from {ends[0]:g} to {ends[1]:g} is empty or begins before the recording."
        raise RecordingError(what, where=where, remedy=REMEDY)
    return Facts(name, None, label or None, columns, ends)


def _notes(bouts: Bouts) -> tuple[str, ...]:
    """Return notes for the user about events left out, overlaps and several subjects."""
    notes = [f"Events without duration are left out: {bouts.points}."] if bouts.points else []
    overlaps, reached = 0, dict[str, float]()
    for line in sorted(bouts.lines, key=lambda each: each.interval or (0, 0)):
        start, end = line.interval or (0, 0)
        overlaps += start < reached.get(line.name, 0)
        reached[line.name] = max(end, reached.get(line.name, 0))
    if overlaps:
        notes.append(f"Intervals that overlap others ({overlaps}) are separate clips: a frame may be in several clips.")
    for key in ("subject", "tier"):
        values = dict.fromkeys(str(line.columns[key]) for line in bouts.lines if key in line.columns)
        if len(values) > 1:
            notes.append(f"The column {key} separates the intervals of {', '.join(values)}.")
    return tuple(notes)


def _check_media(sheet: Sheet) -> None:
    """Raise RecordingError for an observation of several videos: its times count from the start of the first one."""
    place, observation = sheet.column("media file path", "media file name"), sheet.column("observation id")
    seen: dict[str, str] = {}
    for number, row in sheet.rows if place is not None else ():
        assert place is not None
        key = "" if observation is None else row[observation]
        if seen.setdefault(key, row[place]) != row[place]:
            what = f"an observation has several videos, {file_name(seen[key])} and {file_name(row[place])}."
            raise RecordingError(what, where=sheet.line(number), remedy="Score and export each video by itself.")


def _ends(names: set[str]) -> tuple[str, str] | None:
    """Return the columns of start and end; None if `file` or `id` is beside them, as in tables of `facts`."""
    facts = {"file", "id"}.intersection(columns_of(names))
    pairs = [pair for pair in PAIRS if set(pair) <= names]
    return next((pair for pair in pairs if not (facts and pair[0].startswith("start") and pair[1][:3] == "end")), None)


def _tiers(sheet: Sheet, row: Sequence[str]) -> list[tuple[str, str]]:
    """Return the tiers of a line of ELAN with their values."""
    times = ("begin time", "end time", "duration")
    columns = [place for place, name in enumerate(sheet.header) if not name.startswith(times) and name not in FILES]
    return [(sheet.names[place], row[place].strip()) for place in columns if row[place].strip()]


def _clocks(row: Sequence[str]) -> dict[int, str]:
    """Return the entries such as 00:01:02.500 by their column: begin, end and duration."""
    return {place: entry for place, entry in enumerate(row) if CLOCK.fullmatch(entry.strip())}


def _seconds(clock: str) -> float:
    hours, minutes, seconds = CLOCK.fullmatch(clock.strip()).groups()  # type: ignore[union-attr]
    return 3600 * int(hours) + 60 * int(minutes) + float(seconds.replace(",", "."))


def _bits(entries: Sequence[str]) -> list[int] | None:
    values = [BITS.get(entry.strip().lower()) for entry in entries]
    return [value or 0 for value in values] if values and None not in values else None
