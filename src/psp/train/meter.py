"""Reading what a device computed: seldom, all numbers at once, and with honest times."""

import time
from dataclasses import dataclass

import torch

from psp.methods.method import StepResult


@dataclass(frozen=True)
class Reading:
    """The numbers of one step, and how fast training went from the reading before to this one."""

    step: int
    objective: float
    accuracy: float
    parts: dict[str, float]
    clips_per_second: float


class Meter:
    """Reads results; `seconds` is the time of all steps up to the last reading.

    A GPU works on long after the host has given it a step. Reading waits for it, so only the time between two readings
    says how long the steps between them took.
    """

    def __init__(self, clips: int, step: int = 0, seconds: float = 0.0) -> None:
        self.clips, self.seconds = clips, seconds
        self._step, self._rate = step, 0.0
        self.restart()

    def restart(self) -> None:
        """Leave out the time since the last reading; for what happens right after one and is not training."""
        self._begun = time.monotonic()

    def read(self, result: StepResult, step: int) -> Reading:
        """Wait for the device and return the numbers of the step just taken."""
        values = [result.objective, result.accuracy, *result.parts.values()]
        objective, accuracy, *parts = torch.stack([value.detach().double() for value in values]).tolist()
        now = time.monotonic()
        if step > self._step:
            self._rate = self.clips * (step - self._step) / max(now - self._begun, 1e-9)
        self.seconds += now - self._begun
        self._begun, self._step = now, step
        return Reading(step, objective, accuracy, dict(zip(result.parts, parts, strict=True)), self._rate)
