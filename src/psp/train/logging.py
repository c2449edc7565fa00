"""The log of a run: metrics are read from the device together and seldom, and written as JSON lines."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from psp.config.json_file import parse_json
from psp.errors import CheckpointError
from psp.files import named, read_regular
from psp.methods.base import StepOutput
from psp.text import printable, shortened


class JsonLines:
    """A file of one JSON object per line; a resumed run continues at the position in its checkpoint.

    A log that is compared between runs should hold only values that depend on configuration and data; times belong in
    another log.
    """

    def __init__(self, path: Path, position: int = 0) -> None:
        self._path, self._file = path, path.open("ab+")
        if self._file.seek(0, os.SEEK_END) < position:
            self._file.close()
            remedy = "Restore the log, or start the run again in a new folder."
            raise CheckpointError("the log is shorter than at the last checkpoint.", where=str(path), remedy=remedy)
        self._file.truncate(position)
        self._file.seek(0, os.SEEK_END)

    def write(self, **values: Any) -> None:
        """Append a line."""
        with named(self._path):
            self._file.write((json.dumps(values) + "\n").encode())

    def position(self) -> int:
        """Flush to the disk and return the length in bytes."""
        with named(self._path):
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
        """Flush both and return their lengths in bytes."""
        return {"metrics": self.metrics.position(), "timing": self.timing.position()}

    def close(self) -> None:
        """Flush and close both."""
        self.metrics.close()
        self.timing.close()


def read_lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a log except an incomplete last one; CheckpointError if a line is damaged."""
    try:
        *lines, _ = read_regular(path).split(b"\n")
    except OSError as error:
        what = f"the log cannot be read ({error.strerror or error})."
        raise CheckpointError(what, where=str(path), remedy="Restore the file.") from error
    return [_line(line, f"{path}, line {number}") for number, line in enumerate(lines, 1)]


def _line(line: bytes, where: str) -> dict[str, Any]:
    """Return a line of a log: a step, the name of a stage or none, and numbers, which need not be finite."""
    remedy = "Restore the file, or remove this line."
    content = dict(parse_json(line, {"step": int, "stage?": str}, CheckpointError, where, remedy))
    for name, value in content.items():
        if name != "stage" and not isinstance(value, int | float):
            what = f"{shortened(printable(name))} is not a number."
            raise CheckpointError(what, where=where, remedy=remedy)
    return content


@dataclass(frozen=True)
class Reading:
    """Loss and metrics of one step (from 1), and the speed of training since the reading before."""

    step: int
    loss: float
    metrics: dict[str, float]
    clips_per_second: float


class Meter:
    """A reader of step outputs; `seconds` is the time of all steps up to the last reading.

    Steps on a GPU are asynchronous. Reading waits for the GPU, so only the time between two readings measures the steps
    between them.
    """

    def __init__(self, clips: int) -> None:
        self.clips, self.seconds = clips, 0.0
        self._step, self._rate = 0, 0.0
        self.restart()

    def at(self, step: int, seconds: float) -> None:
        """Continue at a step that was reached after `seconds`."""
        self._step, self.seconds = step, seconds

    def restart(self) -> None:
        """Exclude the time since the last reading; to be called after work that is not training."""
        self._begun = time.monotonic()

    def read(self, output: StepOutput, step: int) -> Reading:
        """Wait for the device and return the reading of the step just taken."""
        values = [output.loss, *output.metrics.values()]
        loss, *metrics = torch.stack([value.detach().double() for value in values]).tolist()
        now = time.monotonic()
        if step > self._step:
            self._rate = self.clips * (step - self._step) / max(now - self._begun, 1e-9)
        self.seconds += now - self._begun
        self._begun, self._step = now, step
        return Reading(step, loss, dict(zip(output.metrics, metrics, strict=True)), self._rate)
