"""Tables with a header somewhere in their first lines, as programs for scoring videos write them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import PurePosixPath

from psp.errors import RecordingError

REMEDY = "Correct this table or leave the line out."
LABELS = ("behavior", "behaviour", "type", "label", "action", "annotation", "class")
FILES = (
    "media file name", "media file path", "media file", "dlcfile", "file", "filename", "file_name", "video",
    "observation id",
)  # fmt: skip
SUBJECTS = ("subject", "individual", "participant")

Row = tuple[int, list[str]]
"""The number of a line and its entries."""


@dataclass(frozen=True)
class Sheet:
    """A table: the names of its columns and its lines that are not empty, by number.

    `before` are the lines before the header with their first entry in lower case as key and the second as value.
    """

    where: str
    names: list[str]
    rows: list[Row]
    before: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def header(self) -> list[str]:
        """The names of the columns in lower case."""
        return [name.lower() for name in self.names]

    def column(self, *names: str) -> int | None:
        """Return the index of the first of the named columns that exists, None if none does."""
        return next((self.header.index(name) for name in names if name in self.header), None)

    def line(self, number: int) -> str:
        """Return the table and the number of a line, for errors."""
        return f"{self.where}, line {number}"

    def name_of(self, row: Sequence[str]) -> str:
        """Return the file that a line names, "" for none."""
        place = self.column(*FILES)
        return "" if place is None else file_name(row[place])

    def label_of(self, row: Sequence[str]) -> str:
        """Return the label of a line, "" for none."""
        place = self.column(*LABELS)
        return "" if place is None else row[place].strip()

    def columns_of(self, row: Sequence[str]) -> dict[str, str]:
        """Return the column `subject` of a line; empty without a subject."""
        place = self.column(*SUBJECTS)
        subject = "" if place is None else row[place].strip()
        return {} if subject.lower() in ("", "no focal subject") else {"subject": subject}

    def fps_of(self, row: Sequence[str]) -> float | None:
        """Return the frames a second of the video of a line, None if it states none."""
        place = self.column("fps", "fps (frame/s)")
        fps = None if place is None else decimal(row[place])
        return fps if fps is not None and 0.01 < fps < 1e5 else None


def file_name(path: str) -> str:
    """Return the name of the first file that BORIS names, such as "player #1:/videos/a.mp4;b.mp4"."""
    first = re.split(r"[;|]", re.sub(r"^player #\d+:\s*", "", path.strip(), flags=re.IGNORECASE))[0]
    return PurePosixPath(first.replace("\\", "/")).name


def decimal(entry: str) -> float | None:
    """Return the number of an entry, None if it is not a number."""
    try:
        return float(entry)
    except ValueError:
        return None


def time_of(entry: str, where: str) -> float:
    """Return the time of an entry; one that is not a number raises RecordingError."""
    value = decimal(entry)
    if value is None or not abs(value) < 1e12:
        raise RecordingError(f"{entry.strip()[:40] or '(empty)'!r} is not a time.", where=where, remedy=REMEDY)
    return value
