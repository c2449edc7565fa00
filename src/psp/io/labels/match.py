"""The assignment of the lines of a table to recordings."""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import takewhile

from psp.errors import RecordingError
from psp.io.format import nfc, without_suffix
from psp.io.labels.facts import Facts, FactTable
from psp.io.source import some

Recordings = Sequence[tuple[str, Sequence[str]]]
"""The id of each recording and the names of its files."""

Lines = Mapping[tuple[str, str], list[Facts]]
"""Lines by the path whose recordings they are about and the name of the recording."""


@dataclass
class Matched:
    """The lines of each recording by its index, notes about what was assumed, and the number of lines of none."""

    lines: dict[int, list[Facts]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    unnamed: int = 0


def match_lines(table: FactTable, recordings: Recordings, leave_out: bool = False) -> Matched:
    """Return the lines of each recording.

    A line names a recording by its id or file, with or without folders and ending, or by the beginning of its file
    name, as pose estimators append to the name of a video. If it names a folder that recordings are in, it fits only
    these. If there is one recording and all lines of the table are intervals of only one, they belong together. A name
    that fits several, and two names of one recording raise RecordingError; so does a name that fits none, unless
    `leave_out` leaves its lines out.
    """
    lines: dict[tuple[str, str], list[Facts]] = {}
    for line in table.lines:
        lines.setdefault((line.root, line.name), []).append(line)
    inside = {root: _Names(recordings, root) for root in dict.fromkeys(root for root, _ in lines)}
    found, named = Matched(), dict[int, str]()
    fitting = {(root, name): inside[root].find(name) for root, name in lines}
    for (root, name), own in lines.items():
        single = inside[root].numbers[:2]
        is_alone = len(single) == 1 == sum(other == root for other, _ in lines)
        if is_alone and fitting[root, name] != single and all(line.interval for line in own):
            fitting[root, name] = single
            found.notes.append(f"The labels of {name or 'the table'} are used for the only recording.")
    unnamed = {key: lines[key] for key, numbers in fitting.items() if not numbers}
    found.unnamed = sum(map(len, unnamed.values()))
    if unnamed and not leave_out:
        raise _no_recording(unnamed, found.unnamed, inside[next(iter(unnamed))[0]], table.where)
    for (root, name), numbers in fitting.items():
        if len(numbers) > 1:
            what = f"{name!r} names {recordings[numbers[0]][0]} and {recordings[numbers[1]][0]}."
            raise RecordingError(what, where=table.where, remedy="Name each recording with the folders that it is in.")
        for number in numbers:
            if named.setdefault(number, name) != name:
                what = f"{named[number]!r} and {name!r} name the same recording {recordings[number][0]}."
                raise RecordingError(what, where=table.where, remedy="Call it by one name.")
            found.lines[number] = lines[root, name]
    return found


class _Names:
    """The recordings of one path by the forms of their names; `numbers` are their indices."""

    def __init__(self, recordings: Recordings, root: str) -> None:
        self.numbers = [number for number, (_, files) in enumerate(recordings) if files[0].startswith(root)]
        self.forms: tuple[dict[str, list[int]], ...] = ({}, {}, {})
        self.ids = [nfc(recordings[number][0].removeprefix(root)) for number in self.numbers]
        for number, id in zip(self.numbers, self.ids, strict=True):
            files = [nfc(file.removeprefix(root)) for file in recordings[number][1]]
            for form, names in zip(self.forms, _forms(id, files), strict=True):
                for name in names:
                    form.setdefault(name, []).append(number)
        self.inside: dict[str, set[int]] = {}
        for number, id in zip(self.numbers, self.ids, strict=True):
            for folder in {part for name in (id, *recordings[number][1]) for part in nfc(name).split("/")[:-1]}:
                self.inside.setdefault(folder, set()).add(number)
        self.begins = sorted((_last(id), number) for number, id in zip(self.numbers, self.ids, strict=True))

    def find(self, name: str) -> list[int]:
        """Return the indices of the recordings that a name fits, by the strictest rule that fits any."""
        wanted = nfc(name.replace("\\", "/").removeprefix("./"))
        stem = _last(without_suffix(wanted))
        exact, loose, stems = (form.get(key, []) for form, key in zip(self.forms, (wanted, wanted, stem), strict=True))
        if exact:
            return exact
        found = loose or stems or [number for _, number in self._beginning(stem)]
        folder = _last(wanted.rpartition("/")[0])
        return [number for number in found if number in self.inside[folder]] if folder in self.inside else found

    def _beginning(self, stem: str) -> Iterator[tuple[str, int]]:
        """Return the names that begin with a stem; a number at its end must end there: clip1 does not begin clip10."""
        first = bisect_left(self.begins, (stem, -1)) if stem else len(self.begins)
        longer = takewhile(lambda each: each[0].startswith(stem), self.begins[first:])
        return (each for each in longer if not (stem[-1].isdigit() and each[0][len(stem) :][:1].isdigit()))


def _forms(id: str, files: Sequence[str]) -> tuple[set[str], set[str], set[str]]:
    """Return the whole names of a recording, those without folders, and those without folders and ending."""
    inner = [without_suffix(file) for file in files]
    return {id, *files, *inner}, {_last(each) for each in (id, *files)}, {_last(each) for each in (id, *inner)}


def _last(name: str) -> str:
    return name.rstrip("/").rpartition("/")[2]


def _no_recording(unnamed: Lines, count: int, inside: _Names, where: str) -> RecordingError:
    names = [name for _, name in unnamed]
    what = f"{names[0]!r} names no recording."
    if count > 1:
        what = f"{count} lines name no recording: {some(list(map(repr, names)))}."
    remedy = "Correct the names, or leave these lines out ('psp prepare --skip-damaged' does)."
    return RecordingError(what, where=where, remedy=f"{nearest(nfc(names[0]), inside.ids)} {remedy}")


def nearest(name: str, ids: Sequence[str]) -> str:
    """Return a sentence with the id that is most like a name, whatever their folders, or with any id."""
    known = {_last(id): id for id in ids}
    near = get_close_matches(_last(without_suffix(name)), known, n=1)
    return f"Did you mean {known[near[0]]!r}?" if near else f"Ids look like {next(iter(ids), '')!r}."
