"""Clips from recordings and a table: facts of whole recordings, labelled intervals of long ones, and windows."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import median

from psp.errors import ConfigError, RecordingError
from psp.io.labels.facts import Facts, FactTable, Unit
from psp.io.labels.match import match_lines
from psp.io.listing import Listed


@dataclass(frozen=True)
class Cutting:
    """How recordings are cut into clips: by a table, and into windows of the length `window`, one every `stride`.

    Lengths are such as "60" (frames) or "2s" (seconds, by the rate of each recording). `fps` is the rate of all
    recordings, whatever their files state. `rest` is the class of the windows between the intervals of a recording;
    None leaves them unlabelled. `leave_out` leaves out the lines of the table that name no recording, `whole` those of
    intervals. ConfigError for a stride without a window.
    """

    table: FactTable | None = None
    window: str | None = None
    stride: str | None = None
    fps: float | None = None
    rest: str | None = None
    leave_out: bool = False
    whole: bool = False

    def __post_init__(self) -> None:
        if self.stride is not None and self.window is None:
            remedy = "Give a window too, or leave out the stride."
            raise ConfigError("there are no windows.", where="stride", remedy=remedy)

    @property
    def needs_lengths(self) -> bool:
        """Whether the lengths and rates of the recordings have to be known."""
        has_intervals = self.table is not None and any(line.interval for line in self.table.lines)
        return self.window is not None or (has_intervals and not self.whole)


@dataclass
class Clips:
    """The clips of a source, counts of changes, and notes for the user about what was assumed."""

    clips: list[Listed] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)


def cut_clips(recordings: Sequence[Listed], cutting: Cutting) -> Clips:
    """Return the clips of recordings.

    A line of the table without an interval states the facts of a whole recording; with a table of labels, the names of
    folders are no labels, and recordings that no line names are unlabelled. Each line with an interval is a clip.
    Frames outside of the intervals are cut into windows, by default of the median length of all intervals. A piece
    shorter than a window is one clip if it is at least half as long, else it is left out; a recording that no line
    names and that is shorter than the default, or whose frame rate is not known where intervals are in seconds, is one
    clip. A recording whose file states no frame rate has that of its lines, or that of all others if these have one in
    common. An interval outside of its recording raises RecordingError; one that begins before it or ends after it is
    cut off. `rest` without any interval raises ConfigError.
    """
    found, table, matched = Clips(), cutting.table, dict[int, list[Facts]]()
    if table is not None:
        matched = _matched(table, recordings, cutting, found)
        labelled = tuple({line.root for line in table.lines if line.label})
        recordings = [replace(each, label=None) if each.files[0].startswith(labelled) else each for each in recordings]
    recordings = _with_rates(recordings, matched, cutting.fps)
    if cutting.whole:
        matched = {number: [line for line in lines if not line.interval] for number, lines in matched.items()}
    unit = _unit(recordings, matched, cutting, found)
    intervals = [line.interval for lines in matched.values() for line in lines if line.interval]
    if cutting.rest is not None and not intervals:
        remedy = "Leave it out, or name a table of intervals."
        raise ConfigError("no interval is labelled.", where="rest", remedy=remedy)
    usual = median(end - start for start, end in intervals) if intervals else 0.0
    for number, each in enumerate(recordings):
        lines = matched.get(number, [])
        is_known = unit == "frames" or each.fps is not None
        timed = intervals and ((is_known and not lines) or any(line.interval for line in lines))
        if each.length and (cutting.window or timed):
            scale = _frames_of_a_unit(unit, each, cutting) if timed else 1.0
            size = frames_of(cutting.window, each.fps, "window") or max(1, int(usual * scale))
            if lines or cutting.window or each.length >= size:
                where = table.where if table else each.files[0]
                found.clips += _cut(each, lines, (scale, size), where, cutting, found.counts)
                continue
        found.clips.append(_with_facts(each, lines[0]) if lines else each)
    return found


def frames_of(length: str | None, fps: float | None, option: str) -> int | None:
    """Return a length such as "60" (frames) or "2s" (seconds) in frames, None for None; other texts: ConfigError."""
    if length is None:
        return None
    number, in_seconds = length.removesuffix("s"), length.endswith("s")
    try:
        value = float(number)
    except ValueError:
        value = 0.0
    if in_seconds and fps is None:
        raise ConfigError("the frame rate is not known.", where=option, remedy="State --fps, or count in frames.")
    frames = round(value * (fps or 1.0)) if in_seconds else value
    if not 1 <= frames < 1e9 or frames != int(frames):
        remedy = "Write a number of frames such as 60, or of seconds such as 2s."
        raise ConfigError(f"{length!r} is not a length.", where=option, remedy=remedy)
    return int(frames)


def unit_of(intervals: Sequence[tuple[float, float, int, float | None]]) -> tuple[Unit, str]:
    """Return the unit of intervals whose table does not state it, and the reason.

    `intervals` are start, end, and the number of frames and the frame rate of the recording.
    """
    if any(start % 1 or end % 1 for start, end, _, _ in intervals):
        return "seconds", "they are not whole numbers"
    if any(fps is None for *_, fps in intervals):
        return "frames", "the frame rate is not known (--fps)"
    if any(end > length / (fps or 1.0) + 1 for _, end, length, fps in intervals):
        return "frames", "as seconds they would exceed their recordings"
    return "seconds", "columns called start_frame and end_frame would count frames"


def _matched(table: FactTable, recordings: Sequence[Listed], cutting: Cutting, found: Clips) -> dict[int, list[Facts]]:
    """Return the lines of each recording by its index."""
    match = match_lines(table, [(each.id, each.files) for each in recordings], cutting.leave_out)
    found.notes = match.notes
    found.counts["lines of the table that name no recording, left out"] = match.unnamed
    return match.lines


def _with_rates(recordings: Sequence[Listed], matched: Mapping[int, list[Facts]], stated: float | None) -> list[Listed]:
    """Return the recordings with their frame rates: `stated`, or those of their files, their lines, or all others."""
    known = list[float | None]()
    for number, each in enumerate(recordings):
        of_lines = {line.fps for line in matched.get(number, ()) if line.fps}
        if len(of_lines) > 1 and not (stated or each.fps):
            several = " and ".join(f"{fps:g}" for fps in sorted(of_lines))
            what = f"the lines of {each.id!r} state the frame rates {several}."
            raise RecordingError(what, remedy="Correct the table, or state the frame rate with --fps.")
        known.append(stated or each.fps or next(iter(of_lines), None))
    rates = set(filter(None, known))
    shared = rates.pop() if len(rates) == 1 else None
    return [replace(each, fps=fps or shared) for each, fps in zip(recordings, known, strict=True)]


def _unit(recordings: Sequence[Listed], matched: Mapping[int, list[Facts]], cutting: Cutting, found: Clips) -> Unit:
    """Return the unit of the intervals, "frames" without any."""
    intervals = [
        (*line.interval, recordings[number].first + recordings[number].length, recordings[number].fps)
        for number, lines in matched.items()
        for line in lines
        if line.interval is not None and recordings[number].length
    ]
    if not intervals or cutting.table is None:
        return "frames"
    if cutting.table.unit is not None:
        return cutting.table.unit
    unit, reason = unit_of(intervals)
    found.notes.append(f"Starts and ends are taken to be {unit}: {reason}.")
    return unit


def _frames_of_a_unit(unit: Unit, recording: Listed, cutting: Cutting) -> float:
    """Return the number of frames per unit of the intervals: 1 or the frame rate of the recording."""
    rate = 1.0 if unit == "frames" else recording.fps
    if rate is None:
        what = f"intervals are in seconds and the frame rate of {recording.id!r} is not known."
        where = cutting.table.where if cutting.table else ""
        raise ConfigError(what, where=where, remedy="State it with --fps.")
    return rate


def _with_facts(recording: Listed, line: Facts) -> Listed:
    columns = {**recording.columns, **line.columns}
    return replace(recording, id=line.id or recording.id, label=line.label or recording.label, columns=columns)


def _cut(
    recording: Listed,
    lines: Sequence[Facts],
    lengths: tuple[float, int],
    where: str,
    cutting: Cutting,
    counts: Counter[str],
) -> list[Listed]:
    """Return the clips of one recording in the order of time; `lengths` are frames of a unit and of a window."""
    scale, size = lengths
    stride = frames_of(cutting.stride, recording.fps, "stride") or size
    found = [_interval(recording, line, scale, where, counts) for line in lines if line.interval is not None]
    labelled = _with_own_ids(found, counts)
    spans = sorted(each.frames for each in labelled if each.frames)
    rest, reached = list[tuple[int, int]](), 0
    for start, end in [*spans, (recording.length, recording.length)]:
        rest += windows(reached, start, size, stride)
        reached = max(reached, end)
    counts["windows outside of intervals"] += len(rest)
    facts = next((line for line in lines if line.interval is None), None)
    whole = recording if facts is None else _with_facts(recording, facts)
    whole = whole if facts is not None or not lines else replace(recording, label=cutting.rest)
    return sorted([*labelled, *(_part(whole, span) for span in rest)], key=lambda each: each.frames or (0, 0))


def _with_own_ids(clips: Sequence[Listed], counts: Counter[str]) -> list[Listed]:
    """Return clips with unique ids: equal clips are kept once, and the label is added to ids of the same frames."""
    different = {(clip.id, clip.label): clip for clip in reversed(clips)}
    counts["intervals of the same frames and label, counted once"] += len(clips) - len(different)
    times = Counter(id for id, _ in different)
    apart = [replace(clip, id=f"{id}:{label}") if times[id] > 1 else clip for (id, label), clip in different.items()]
    return apart[::-1]


def windows(start: int, end: int, size: int, step: int) -> list[tuple[int, int]]:
    """Return windows of `size` frames, one every `step`; of a shorter piece itself if it is at least half a window."""
    if end - start < size:
        return [(start, end)] if end > start and 2 * (end - start) >= size else []
    return [(begin, begin + size) for begin in range(start, end - size + 1, step)]


def _interval(recording: Listed, line: Facts, scale: float, where: str, counts: Counter[str]) -> Listed:
    """Return the clip of a line."""
    assert line.interval is not None
    start, end = (round(value * scale) - recording.first for value in line.interval)
    end = max(end, start + 1)
    if start >= recording.length or end <= 0:
        late = f"begins at {line.interval[0]:g}, after its {recording.first + recording.length} frames"
        early = f"ends at {line.interval[1]:g}, before its first frame, number {recording.first}"
        what = f"an interval of {recording.id!r} {early if end <= 0 else late}."
        remedy = "Correct the table, or state the frame rate with --fps."
        raise RecordingError(what, where=where, remedy=remedy)
    counts["intervals cut off at the beginning of their recording"] += start < 0
    counts["intervals cut off at the end of their recording"] += end > recording.length
    clip = _part(recording, (max(start, 0), min(end, recording.length)))
    return replace(clip, id=line.id or clip.id, label=line.label, columns={**recording.columns, **line.columns})


def _part(recording: Listed, frames: tuple[int, int]) -> Listed:
    return replace(recording, id=f"{recording.id}:{frames[0]}-{frames[1]}", frames=frames)
