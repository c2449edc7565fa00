"""JSON-lines logs that a resumed run continues exactly where its checkpoint stood."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psp.errors import CheckpointError


class JsonLines:
    """Appends one JSON object a line; the position can be stored and returned to.

    Only numbers that depend on nothing but configuration and data belong in a log that is compared between runs;
    times go into a log of their own.
    """

    def __init__(self, path: Path, position: int = 0) -> None:
        self._file = path.open("ab+")
        if self._file.seek(0, os.SEEK_END) < position:
            self._file.close()
            remedy = "Restore the log, or start the run again in a new folder."
            raise CheckpointError("the log is shorter than the checkpoint says.", where=str(path), remedy=remedy)
        self._file.truncate(position)
        self._file.seek(0, os.SEEK_END)

    def write(self, **values: Any) -> None:
        """Append a line."""
        self._file.write((json.dumps(values) + "\n").encode())

    def position(self) -> int:
        """Flush to the disk and tell how many bytes are there."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def close(self) -> None:
        """Flush and close."""
        self._file.close()


class RunLogs:
    """The two logs of a run: `metrics`, the same for every run of a configuration, and `timing`."""

    def __init__(self, metrics: Path, timing: Path, positions: Mapping[str, int]) -> None:
        self.metrics = JsonLines(metrics, positions.get("metrics", 0))
        self.timing = JsonLines(timing, positions.get("timing", 0))

    def positions(self) -> dict[str, int]:
        """Flush both and tell how long they are."""
        return {"metrics": self.metrics.position(), "timing": self.timing.position()}

    def close(self) -> None:
        """Flush and close both."""
        self.metrics.close()
        self.timing.close()


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Read a log, but for a last line that is still being written; CheckpointError if another is damaged."""
    try:
        *lines, _ = path.read_text().split("\n")
        return [json.loads(line) for line in lines]
    except ValueError as error:
        raise CheckpointError(f"the log is damaged ({error}).", where=str(path), remedy="Restore it.") from error
