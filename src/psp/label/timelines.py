"""Long recordings as timelines: the windows into which a recording was cut, in the order of time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

WINDOW = re.compile(r"(.+):(\d+)-(\d+)")
"""How `psp prepare --window` names the windows of a recording."""


@dataclass(frozen=True)
class Timeline:
    """A recording and its windows: the first frame, the one after the last, and the clip."""

    name: str
    windows: tuple[tuple[int, int, str], ...]

    @property
    def frames(self) -> int:
        """The number of frames until the end of the last window."""
        return max(end for _, end, _ in self.windows)


def timelines(ids: Sequence[str]) -> list[Timeline]:
    """Return the recordings of which there are several windows, sorted by name."""
    found: dict[str, list[tuple[int, int, str]]] = {}
    for name in ids:
        if match := WINDOW.fullmatch(name):
            found.setdefault(match[1], []).append((int(match[2]), int(match[3]), name))
    return [Timeline(name, tuple(sorted(each))) for name, each in sorted(found.items()) if len(each) > 1]
