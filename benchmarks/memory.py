"""How much memory a training step needs, in every way that `runtime.memory` offers, and what that costs in time."""

import resource
import time
from collections.abc import Mapping
from dataclasses import asdict
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

import torch
import torch.multiprocessing as mp

from benchmarks.findings import keep, refuse_existing, show
from benchmarks.machine import provenance
from benchmarks.step import PublishedStep, Shape, StepSettings
from benchmarks.timing import synchronise
from psp.cli.evaluate import Device
from psp.model.encoder import Size
from psp.model.memory import MemoryConfig
from psp.train.device import device_by_name

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
    step = PublishedStep(settings, device, memory)
    before = _peak(device)
    for _ in range(2):
        begun = time.perf_counter()
        step.optimiser.zero_grad()
        step.forward().backward()
        synchronise(device)
        seconds = time.perf_counter() - begun
    answer.put((_peak(device) - before, seconds))


def _peak(device: torch.device) -> int:
    """Return the largest memory so far; VmHWM is that of this program, ru_maxrss may be that of its parent."""
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    status = Path("/proc/self/status")
    if status.is_file():
        return int(status.read_text().partition("VmHWM:")[2].split()[0]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def memory(
    size: Size = "small", shape: Shape = "nw-ucla", clips: int = 99, device: Device = "auto", out: Path | None = None
) -> None:
    """Compare the memory and time of a step in all ways of training in less memory.

    Args:
        size: of the network
        shape: of a clip, 50 frames of 25 joints and two persons or of 20 joints and one
        clips: in the batch
        device: where to compute
        out: the .json file to write
    """
    refuse_existing(out)
    found = measure_memory(StepSettings(size, shape, clips), device_by_name(device))
    show("memory of a step", found["ways"])
    keep(found, out)
