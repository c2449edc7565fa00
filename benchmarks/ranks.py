"""How much faster several ranks take the same step: same joined batch, same weights, each rank its share."""

import os
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from multiprocessing.queues import SimpleQueue
from typing import Any

import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from psp.methods.methods import METHODS
from psp.train.ranks import Ranks

from benchmarks.machine import provenance
from benchmarks.step import PublishedStep, StepSettings
from benchmarks.timing import synchronise
from psp.batches.loader import Batch
from psp.model.encoder import Size

LEAST = 3
"""Steps that are timed however long they take."""


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
    mp.spawn(_on_rank, (count, _free_port(), settings, device.type, seconds, answer), nprocs=count)
    return answer.get()


def _on_rank(
    rank: int, count: int, port: int, settings: StepSettings, device: str, seconds: float, answer: "SimpleQueue[float]"
) -> None:
    places = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    os.environ.update({name: str(value) for name, value in places.items()})
    if device == "cpu":
        torch.set_num_threads(_threads(count))
    ranks = Ranks(device)
    found = _time(_step(settings, ranks), ranks, seconds)
    if ranks.is_main:
        answer.put(found)
    if count > 1:
        dist.destroy_process_group()


def _step(settings: StepSettings, ranks: Ranks) -> Callable[[], None]:
    whole = PublishedStep(settings, ranks.device)
    labelled, unlabelled = (_share(batch, ranks) for batch in (whole.labelled, whole.unlabelled))

    def step() -> None:
        whole.optimiser.zero_grad()
        METHODS["psp"].step(whole.network, labelled, unlabelled, whole.objective).objective.backward()
        ranks.average_gradients(whole.network)
        whole.optimiser.step()

    return step


def _share(batch: Batch, ranks: Ranks) -> Batch:
    own = slice(ranks.index, None, ranks.count)
    views = {name: view[own] for name, view in batch.views.items()}
    return Batch(batch.clips[own], batch.labels[own], batch.persons[own], views)


def _time(step: Callable[[], None], ranks: Ranks, seconds: float) -> float:
    """The mean over steps of which every rank takes as many; the first step is not timed."""
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
