"""How long a call takes on a device."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

import torch

WARM_UP = 3
LEAST = 3
"""Calls that are timed however long they take."""


@dataclass(frozen=True)
class Timing:
    """Seconds that one call took, over all timed calls."""

    median: float
    fastest: float
    slowest: float
    calls: int


def measure(function: Callable[[], object], device: torch.device, seconds: float = 2.0) -> Timing:
    """Return the timing of `function`, called again and again for about `seconds` after up to three calls to warm up.

    On a GPU the calls follow each other without waiting for their end, as steps of a training do; events in its queue
    tell them apart.
    """
    _warm_up(function, device, seconds)
    marks = [_mark(device)]
    end = time.monotonic() + seconds
    while len(marks) <= LEAST or time.monotonic() < end:
        function()
        marks.append(_mark(device))
    synchronise(device)
    durations = [_between(before, after) for before, after in pairwise(marks)]
    return Timing(median(durations), min(durations), max(durations), len(durations))


def synchronise(device: torch.device) -> None:
    """Wait until a device has done everything that was asked of it."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _warm_up(function: Callable[[], object], device: torch.device, seconds: float) -> None:
    begun = time.monotonic()
    for _ in range(WARM_UP):
        function()
        synchronise(device)
        if time.monotonic() - begun > seconds:
            break


def _mark(device: torch.device) -> float | torch.cuda.Event:
    if device.type != "cuda":
        return time.perf_counter()
    event = torch.cuda.Event(enable_timing=True)
    event.record(torch.cuda.current_stream(device))
    return event


def _between(before: float | torch.cuda.Event, after: float | torch.cuda.Event) -> float:
    if isinstance(before, float) or isinstance(after, float):
        return after - before  # type: ignore[operator]
    return before.elapsed_time(after) / 1000
