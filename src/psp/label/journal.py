"""The journal of a labelling: one line for everything that was done, and the labels that follow from it."""

import getpass
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from psp.config.json_file import Form, parse_json
from psp.errors import StoreError
from psp.files import named

Act = Literal["label", "skip", "reject", "undo"]
"""A label, a clip put off, a clip that shows no action, and the withdrawal of an earlier entry."""

ACTS = ("label", "skip", "reject", "undo")

ENTRY: Form = {
    "act": str,
    "clips": [str],
    "label?": str,
    "by?": str,
    "how?": str,
    "round?": int,
    "undone?": int,
    "at?": str,
}
"""The form of a line."""


@dataclass(frozen=True)
class Entry:
    """One line of the journal.

    `by` says who did it, `how` how the clips came to be shown (`random`, `centre`, `typical`, `margin`, `group`,
    `timeline`, `chosen`, `file`), and `round` is the number of the network that proposed them, 0 without one. `label`
    is the class of an entry "label", `undone` the position of the entry that an entry "undo" withdraws.
    """

    act: Act
    clips: tuple[str, ...] = ()
    label: str | None = None
    by: str = ""
    how: str = "chosen"
    round: int = 0
    undone: int | None = None
    at: str = field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="seconds"))


class Journal:
    """The entries of a file, to which new ones are appended; each is on the disk when `append` returns."""

    def __init__(self, path: Path) -> None:
        self.path, self._entries = path, list[Entry]()
        path.touch()
        self._read()

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def entries(self) -> Sequence[Entry]:
        """All entries, in the order of time."""
        return self._entries

    def append(self, entry: Entry) -> None:
        """Write an entry and flush it to the disk; if that fails, the file has its old content."""
        line = json.dumps({name: value for name, value in asdict(entry).items() if value is not None})
        length = self.path.stat().st_size
        try:
            with named(self.path), self.path.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            os.truncate(self.path, length)
            raise
        self._entries.append(entry)

    def _read(self) -> None:
        """Read the file; a last line without an end, which a killed process left, is removed."""
        content = self.path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        for number, line in enumerate(whole.splitlines(), 1):
            self._entries.append(_entry(line, f"{self.path}, line {number}"))
        if len(whole) < len(content):
            with self.path.open("rb+") as file:
                file.truncate(len(whole))


@dataclass(frozen=True)
class Labels:
    """The result of the entries: the class of each labelled clip, and the clips put off or rejected.

    `given` is the position of the entry that labelled, put off or rejected a clip last. `undone` are the positions of
    withdrawn entries.
    """

    label: Mapping[str, str]
    skipped: frozenset[str]
    rejected: frozenset[str]
    given: Mapping[str, int]
    undone: frozenset[int]


def labels_of(entries: Iterable[Entry]) -> Labels:
    """Return the labels that follow from entries; later ones replace earlier ones."""
    entries = list(entries)
    undone = frozenset(each.undone for each in entries if each.undone is not None)
    last: dict[str, tuple[int, Entry]] = {}
    for position, entry in enumerate(entries):
        if position not in undone:
            last |= dict.fromkeys(entry.clips, (position, entry))
    label = {clip: entry.label for clip, (_, entry) in last.items() if entry.act == "label" and entry.label is not None}
    skipped, rejected = (
        frozenset(clip for clip, (_, entry) in last.items() if entry.act == act) for act in ("skip", "reject")
    )
    return Labels(label, skipped, rejected, {clip: position for clip, (position, _) in last.items()}, undone)


def last_of(entries: Sequence[Entry], by: str, since: int = 0) -> int | None:
    """Return the position of the last entry of a person, from the position `since`, that can be withdrawn."""
    undone = {each.undone for each in entries}
    own = (
        number
        for number in reversed(range(since, len(entries)))
        if entries[number].by == by and entries[number].act != "undo" and number not in undone
    )
    return next(own, None)


def user_name() -> str:
    """Return the name of the user of this process, or the number of one who has no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _entry(line: bytes, where: str) -> Entry:
    """Return the entry of a line; StoreError if it is none."""
    remedy = "Restore the file, or remove this line."
    content = parse_json(line, ENTRY, StoreError, where, remedy)
    if content["act"] not in ACTS or (content["act"] == "label") != isinstance(content.get("label"), str):
        raise StoreError("a line has an unknown act, or a label is missing.", where=where, remedy=remedy)
    known = {each.name: content[each.name] for each in fields(Entry) if each.name in content}
    return Entry(**{**known, "clips": tuple(content["clips"])})
