"""What a store of a million clips costs: writing, opening, the start of an epoch, random batches, memory."""

import os
import resource
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from psp.skeleton.clip import Clip
from psp.skeleton.ntu25 import NTU25

from benchmarks.machine import provenance
from psp.batches.loader import BatchConfig, Batches, Draw, Stream, stream
from psp.batches.prefetch import Feed
from psp.batches.resample import SampleConfig
from psp.dataset.labels import draw_budget
from psp.dataset.split import PROTOCOLS, split_store
from psp.dataset.store import Store, open_store
from psp.dataset.writer import StoreWriter

PROTOCOL = PROTOCOLS["synthetic-xsub"]
PUBLISHED = BatchConfig(SampleConfig(train="random"), views="apart", motion="recorded")
CLASSES = tuple(f"class {number}" for number in range(60))


@dataclass(frozen=True)
class ScaleConfig:
    """Noise of `frames` frames as clips (every eighth with two persons) and how batches are drawn from them."""

    frames: tuple[int, int] = (8, 13)
    budget: str = "5%"
    labelled: int = 9
    unlabelled: int = 90
    steps: int = 101
    batch: BatchConfig = PUBLISHED


SCALE = ScaleConfig()


def measure_scale(clips: Sequence[int], folder: Path, config: ScaleConfig = SCALE) -> dict[str, Any]:
    """Measure stores of so many clips, each written and read by a process of its own; they are removed afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    results = []
    for count in clips:
        path = folder / f"scale-{count}"
        try:
            written = _apart(write_clips, path, count, config)
            results.append({"clips": count, "write": written, "read": _apart(read_clips, path, config)})
        finally:
            shutil.rmtree(path, ignore_errors=True)
    about = {"settings": asdict(config), "protocol": PROTOCOL.name, "layout": NTU25.name}
    return {**about, "machine": provenance(torch.device("cpu")), "results": results}


def write_clips(path: Path, count: int, config: ScaleConfig) -> dict[str, Any]:
    """Write a store and tell its size, the time and the memory it took."""
    draw, begun, before = np.random.default_rng(0), time.perf_counter(), memory()
    noise = draw.standard_normal((2, 4096, len(NTU25.joints), 3), dtype=np.float32)
    about: dict[str, Any] = {"dataset": "synthetic", "layout": NTU25, "classes": CLASSES, "preprocessing": {}}
    with StoreWriter(path, source="noise", **about) as writer:
        for number in range(count):
            frames, first = config.frames[0] + number % (config.frames[1] - config.frames[0]), number % 4000
            joints = noise[: 2 if number % 8 == 0 else 1, first : first + frames]
            name = f"S{number % 32:03d}C{number % 3:03d}P{number % 106:03d}A{number % 60:03d}N{number:08d}"
            writer.add(Clip(name, joints, number % 60, number % 106, number % 3, number % 32))
    seconds = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    sizes = {part.name: part.stat().st_size for part in path.iterdir()}
    memory_used = {"before": before, "peak": peak}
    return {"seconds": seconds, "clips per second": count / seconds, "bytes": sizes, "memory": memory_used}


def read_clips(path: Path, config: ScaleConfig) -> dict[str, Any]:
    """Open a store, start an epoch and draw batches at random, first from a page cache without the joints."""
    before, begun = memory(), time.perf_counter()
    store = open_store(path)
    opened = time.perf_counter()
    train = split_store(PROTOCOL, store).train
    split = time.perf_counter()
    budget = draw_budget(config.budget, PROTOCOL, store.clips, train, seed=0)
    drawn = time.perf_counter()
    streams = _streams(store, train, budget.rows(PROTOCOL, store.clips, train), config)
    batches = Batches(store, ("joint", "motion"), config.batch)
    _train(batches, streams, range(1))
    started = time.perf_counter()
    seconds = {"open": opened - begun, "split": split - opened, "draw the label budget": drawn - split}
    seconds |= {"streams and first batch": started - drawn, "epoch, label budget and all": started - opened}
    first = memory()
    forget_pages(store.path / "joints.npy")
    speed = {"read from the disk": _read(batches, streams[1], range(1, config.steps))}
    speed["read from the page cache"] = _read(batches, streams[1], range(1, config.steps))
    speed["read and assembled"], curve = _train(batches, streams, range(1, config.steps))
    turn = len(streams[1].clips) // config.unlabelled
    begun = time.perf_counter()
    _train(batches, streams, range(turn, turn + 1))
    seconds["first step of the next pass"] = time.perf_counter() - begun
    used = {"before opening": before, "after the first batch": first, "after all batches": memory()}
    return {"seconds": seconds, "clips per second": speed, "memory": used, "anonymous memory, every 10 steps": curve}


def _streams(store: Store, train: np.ndarray, labelled: np.ndarray, config: ScaleConfig) -> list[Stream]:
    sizes = {"labelled": (labelled, config.labelled), "unlabelled": (train, config.unlabelled)}
    return [stream(store, clips, size, 0, role) for role, (clips, size) in sizes.items()]


def _read(batches: Batches, order: Stream, steps: range) -> float:
    """Read the clips of some steps without assembling them; clips a second."""
    begun = time.perf_counter()
    for step in steps:
        batches.read(order.draw(step).clips)
    return order.size * len(steps) / (time.perf_counter() - begun)


def _train(batches: Batches, streams: Sequence[Stream], steps: range) -> tuple[float, list[int]]:
    """Make the batches of some steps as a training would; clips a second and the memory on the way."""

    def draws(step: int) -> list[Draw]:
        return [each.draw(step) for each in streams]

    begun, clips, curve = time.perf_counter(), 0, []
    with Feed(batches, draws) as feed:
        for step in steps:
            clips += sum(map(len, feed.take(step)))
            if step % 10 == 0:
                curve.append(memory()["anonymous"])
    return clips / (time.perf_counter() - begun), curve


def memory() -> dict[str, int]:
    """Bytes of this process in memory: its own (anonymous) and pages of files that it maps; zeros beside Linux."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.is_file() else []
    known = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.startswith("Rss")}
    return {"anonymous": known.get("RssAnon", 0), "of files": known.get("RssFile", 0)}


def forget_pages(path: Path) -> None:
    """Ask the system to drop what it keeps of a file, so that the next reading goes to the disk."""
    if hasattr(os, "posix_fadvise"):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _apart(function: Callable[..., dict[str, Any]], *arguments: object) -> dict[str, Any]:
    """Call in a fresh process, whose memory nothing else has used."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        return process.submit(function, *arguments).result()
