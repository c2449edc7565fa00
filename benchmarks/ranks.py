"""How much faster several ranks take the same step: same joined batch, same weights, each rank its share."""

import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

import torch
import torch.multiprocessing as mp

from benchmarks.findings import keep, refuse_existing, show
from benchmarks.machine import provenance
from benchmarks.step import PublishedStep, Shape, StepSettings
from benchmarks.timing import LEAST, synchronise
from psp.cli.evaluate import Device
from psp.distributed import Ranks
from psp.model.encoder import Size
from psp.train.device import device_by_name


def measure_ranks(
    settings: StepSettings, sizes: Sequence[Size], ranks: Sequence[int], device: torch.device, seconds: float = 5.0
) -> dict[str, Any]:
    """Time whole steps of the published program, on any numbers of ranks, for about `seconds` each.

    On a processor all cores are divided among the ranks; of GPUs each rank has one. Ranks meet as under torchrun.
    """
    found = {
        size: {count: _seconds(replace(settings, size=size), count, device, seconds) for count in ranks}
        for size in sizes
    }
    return {
        "settings": {name: value for name, value in asdict(settings).items() if name != "size"},
        "machine": provenance(device),
        "sizes": {size: _judged(by_count, settings.clips, device) for size, by_count in found.items()},
    }


def _judged(seconds: dict[int, float], clips: int, device: torch.device) -> dict[str, dict[str, float]]:
    alone = seconds[min(seconds)] * min(seconds)
    return {
        str(count): {
            "threads of a rank": _threads(count) if device.type == "cpu" else 1,
            "seconds of a step": each,
            "clips per second": clips / each,
            "speed-up": alone / each,
        }
        for count, each in seconds.items()
    }


def _seconds(settings: StepSettings, count: int, device: torch.device, seconds: float) -> float:
    answer: SimpleQueue[float] = mp.get_context("spawn").SimpleQueue()
    mp.spawn(_on_rank, (count, _free_port(), settings, device, seconds, answer), nprocs=count)
    return answer.get()


def _on_rank(
    rank: int,
    count: int,
    port: int,
    settings: StepSettings,
    device: torch.device,
    seconds: float,
    answer: "SimpleQueue[float]",
) -> None:
    started = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in started.items()})
    if device.type == "cpu":
        torch.set_num_threads(_threads(count))
    ranks = Ranks(device)
    found = _time(_step(settings, ranks), ranks, seconds)
    if ranks.is_main:
        answer.put(found)


def _step(settings: StepSettings, ranks: Ranks) -> Callable[[], None]:
    own = PublishedStep(settings, ranks.device, part=slice(ranks.index, None, ranks.count))

    def step() -> None:
        own.optimiser.zero_grad()
        own.forward().backward()
        ranks.average_gradients(own.method)
        own.optimiser.step()

    return step


def _time(step: Callable[[], None], ranks: Ranks, seconds: float) -> float:
    """Return the mean over steps, of which every rank takes as many; the first step is not timed."""
    step()
    once = _elapsed(step, 1, ranks.device)
    (calls,) = ranks.largest(max(LEAST, round(seconds / once)))
    return _elapsed(step, calls, ranks.device) / calls


def _elapsed(step: Callable[[], None], calls: int, device: torch.device) -> float:
    begun = time.perf_counter()
    for _ in range(calls):
        step()
    synchronise(device)
    return time.perf_counter() - begun


def _threads(count: int) -> int:
    return max(1, len(os.sched_getaffinity(0)) // count)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def ranks(
    sizes: list[Size] = ["tiny", "small"],  # noqa: B006
    ranks: list[int] = [1, 2],  # noqa: B006
    shape: Shape = "nw-ucla",
    clips: int = 99,
    seconds: float = 5.0,
    device: Device = "auto",
    out: Path | None = None,
) -> None:
    """Time the same step on several ranks, which share the cores of a processor or have a GPU each.

    Args:
        sizes: of the network
        ranks: how many, one measurement each
        shape: of a clip, 50 frames of 25 joints and two persons or of 20 joints and one
        clips: in the joined batch
        seconds: how long each figure is measured
        device: where to compute
        out: the .json file to write
    """
    refuse_existing(out)
    found = measure_ranks(StepSettings(shape=shape, clips=clips), sizes, ranks, device_by_name(device), seconds)
    rows = {
        f"{size}, {count} ranks": row for size, by_count in found["sizes"].items() for count, row in by_count.items()
    }
    show("step on several ranks", rows)
    keep(found, out)
