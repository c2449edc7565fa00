"""The assignment of the lines of a table to recordings."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from psp.errors import RecordingError
from psp.io.facts import Facts, FactTable
from psp.io.format import without_suffix

Recordings = Sequence[tuple[str, Sequence[str]]]
"""The id of each recording and the names of its files."""


def match_lines(table: FactTable, recordings: Recordings) -> tuple[dict[int, list[Facts]], list[str]]:
    """Return the lines of each recording by its index, and notes about what was assumed.

    A line names a recording by its id or file, with or without folders and ending, or by the beginning of its file
    name, as pose estimators append to the name of a video. If there is one recording and all lines of the table are
    intervals of only one, they belong together. A name that fits none or several, and two names of one recording raise
    RecordingError.
    """
    names = list(dict.fromkeys(line.name for line in table.lines))
    number = {name: _find(name, recordings) for name in names}
    notes, is_timed = [], all(line.interval for line in table.lines)
    if len(recordings) == 1 == len(names) and is_timed and number[names[0]] != [0]:
        number, notes = {names[0]: [0]}, [f"The labels of {names[0] or 'the table'} are used for the only recording."]
    matched: dict[int, list[Facts]] = {}
    named: dict[int, str] = {}
    for name in names:
        if len(number[name]) != 1:
            found = " and ".join(recordings[each][0] for each in number[name][:2])
            what = f"{name!r} names {found or 'no recording'}."
            raise RecordingError(what, where=table.where, remedy="Name each recording with the folders that it is in.")
        (found_number,) = number[name]
        if named.setdefault(found_number, name) != name:
            what = f"{named[found_number]!r} and {name!r} name the same recording {recordings[found_number][0]}."
            raise RecordingError(what, where=table.where, remedy="Call it by one name.")
        matched[found_number] = [line for line in table.lines if line.name == name]
    return matched, notes


def _find(name: str, recordings: Recordings) -> list[int]:
    """Return the indices of the recordings that a name fits, by the strictest rule that fits any."""
    wanted = name.replace("\\", "/").removeprefix("./")
    stem = _last(without_suffix(wanted))
    exact, loose, stems, begins = (list[int]() for _ in range(4))
    for number, (id, files) in enumerate(recordings):
        inner = [without_suffix(file) for file in files]
        if wanted in (id, *files, *inner):
            exact.append(number)
        if wanted in {_last(each) for each in (id, *files)}:
            loose.append(number)
        if stem in {_last(each) for each in (id, *inner)}:
            stems.append(number)
        if stem and _last(id).startswith(stem):
            begins.append(number)
    return exact or loose or stems or begins


def _last(name: str) -> str:
    return PurePosixPath(name).name
