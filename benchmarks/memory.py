"""How much memory a training step needs, in every way that `memory.*` offers, and what that costs in time."""

import resource
import time
from collections.abc import Mapping
from dataclasses import asdict
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

import torch
import torch.multiprocessing as mp
from psp.methods.methods import METHODS, MemoryConfig

from benchmarks.machine import provenance
from benchmarks.step import PublishedStep, StepSettings
from benchmarks.timing import synchronise

WAYS = {
    "plain": MemoryConfig(),
    "recompute": MemoryConfig(recompute=True),
    "chunks of 32": MemoryConfig(chunk=32),
    "chunks of 32, recompute": MemoryConfig(chunk=32, recompute=True),
}


def measure_memory(
    settings: StepSettings, device: torch.device, ways: Mapping[str, MemoryConfig] = WAYS
) -> dict[str, Any]:
    """Take two steps of the published program in a process of its own for each way.

    Peak bytes are those above what network, optimiser and batch already need: of a GPU its allocated memory, of a
    processor the resident memory, which is a little coarse. Seconds are the second step's.
    """
    found = {name: _taken(settings, device, memory) for name, memory in ways.items()}
    plain, slow = found[next(iter(found))]
    return {
        "settings": asdict(settings),
        "machine": provenance(device),
        "ways": {
            name: {"peak bytes": peak, "of plain": peak / plain, "seconds": seconds, "times plain": seconds / slow}
            for name, (peak, seconds) in found.items()
        },
    }


def _taken(settings: StepSettings, device: torch.device, memory: MemoryConfig) -> tuple[int, float]:
    answer: SimpleQueue[tuple[int, float]] = mp.get_context("spawn").SimpleQueue()
    mp.spawn(_take, (settings, device, memory, torch.get_num_threads(), answer))
    return answer.get()


def _take(
    index: int,
    settings: StepSettings,
    device: torch.device,
    memory: MemoryConfig,
    threads: int,
    answer: "SimpleQueue[tuple[int, float]]",
) -> None:
    torch.set_num_threads(threads)
    step = PublishedStep(settings, device)
    before = _peak(device)
    for _ in range(2):
        begun = time.perf_counter()
        step.optimiser.zero_grad()
        method = METHODS["psp"]
        method.step(step.network, step.labelled, step.unlabelled, step.objective, memory).objective.backward()
        synchronise(device)
        seconds = time.perf_counter() - begun
    answer.put((_peak(device) - before, seconds))


def _peak(device: torch.device) -> int:
    """Linux tells VmHWM of this program alone; ru_maxrss may be that of the process that started it."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    status = Path("/proc/self/status")
    if status.is_file():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
