"""What a store of a million clips costs: writing, opening, the start of an epoch, random batches, memory."""

import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.findings import keep, refuse_existing, show
from benchmarks.machine import provenance
from psp.batches.batch import BatchSpec, DataConfig, Pool
from psp.batches.loader import Loader, SampleMaker
from psp.batches.resample import ResampleConfig
from psp.dataset.labels import draw_labels
from psp.dataset.split import resolve_split
from psp.dataset.store import open_store
from psp.dataset.writer import StoreWriter
from psp.distributed import Ranks
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.recording import Clip, ClipInfo

LAYOUT, SPLIT = "ntu25", "synthetic-xsub"
PUBLISHED = DataConfig(ResampleConfig(train="random"), modalities="apart", motion="recorded")
CLASSES = tuple(f"class {number}" for number in range(60))


@dataclass(frozen=True)
class ScaleConfig:
    """Noise of `frames` frames as clips (every eighth with two persons) and how batches are drawn from them."""

    frames: tuple[int, int] = (8, 13)
    labels: str = "5%"
    labelled: int = 9
    unlabelled: int = 90
    steps: int = 101
    data: DataConfig = PUBLISHED


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
    about = {"settings": asdict(config), "split": SPLIT, "layout": LAYOUT}
    return {**about, "machine": provenance(torch.device("cpu")), "results": results}


def write_clips(path: Path, count: int, config: ScaleConfig) -> dict[str, Any]:
    """Write a store and return its size, the time and the memory it took."""
    layout, draw, begun, before = layout_by_name(LAYOUT), np.random.default_rng(0), time.perf_counter(), memory()
    noise = draw.standard_normal((2, 4096, len(layout.joints), 3), dtype=np.float32)
    with StoreWriter(path, dataset="synthetic", layout=layout, classes=CLASSES, up="y", source="noise") as writer:
        for number in range(count):
            frames, first = config.frames[0] + number % (config.frames[1] - config.frames[0]), number % 4000
            joints = noise[: 2 if number % 8 == 0 else 1, first : first + frames]
            turn, label = divmod(number, len(CLASSES))
            columns = {"subject": turn % 106, "camera": number % 3, "setup": number % 32}
            name = f"S{number % 32:03d}C{number % 3:03d}P{turn % 106:03d}A{label:03d}N{number:08d}"
            writer.add(Clip(ClipInfo(name, label, columns), joints))
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
    split = resolve_split(SPLIT, store)
    train = split.train_index(store)
    divided = time.perf_counter()
    labelled, values = draw_labels(config.labels, store, split, seed=0).resolve(store, split)
    drawn = time.perf_counter()
    labels = np.full(len(store), -1, dtype=np.int64)
    labels[labelled] = values
    specs = {"labelled": BatchSpec("labelled", config.labelled), "unlabelled": BatchSpec("train", config.unlabelled)}
    pools: dict[Pool, np.ndarray] = {"labelled": labelled, "train": train}
    loader = Loader(SampleMaker(store, config.data), specs, pools, labels, 0, Ranks(torch.device("cpu")))
    _train(loader, range(1))
    started = time.perf_counter()
    seconds = {"open": opened - begun, "split": divided - opened, "draw the label budget": drawn - divided}
    seconds |= {"samplers and first batch": started - drawn, "epoch, label budget and all": started - opened}
    first, steps = memory(), range(1, config.steps)
    forget_pages(path / "joints.npy")
    speed = {"read from the disk": _read(loader, steps)}
    speed["read from the page cache"] = _read(loader, steps)
    speed["read and assembled"], curve = _train(loader, steps)
    turn = len(train) // config.unlabelled
    begun = time.perf_counter()
    _train(loader, range(turn, turn + 1))
    seconds["first step of the next pass"] = time.perf_counter() - begun
    used = {"before opening": before, "after the first batch": first, "after all batches": memory()}
    return {"seconds": seconds, "clips per second": speed, "memory": used, "anonymous memory, every 10 steps": curve}


def _read(loader: Loader, steps: range) -> float:
    """Read the unlabelled clips of some steps without assembling them; return clips a second."""
    begun, sampler = time.perf_counter(), loader.samplers["unlabelled"]
    for step in steps:
        loader.maker.read(sampler.draw(step).index)
    return sampler.size * len(steps) / (time.perf_counter() - begun)


def _train(loader: Loader, steps: range) -> tuple[float, list[int]]:
    """Make the batches of some steps as a training would; return clips a second and the memory on the way."""
    begun, clips, curve = time.perf_counter(), 0, []
    with loader:
        for step in steps:
            clips += sum(map(len, loader.step(step).values()))
            if step % 10 == 0:
                curve.append(memory()["anonymous"])
    return clips / (time.perf_counter() - begun), curve


def memory() -> dict[str, int]:
    """Return the bytes of this process in memory: its own (anonymous) and pages of files; zeros beside Linux."""
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


def scale(
    clips: list[int] = [10_000, 100_000, 1_000_000],  # noqa: B006
    folder: Path | None = None,
    out: Path | None = None,
) -> None:
    """Write and read stores of very many made clips: seconds to open, clips a second, memory.

    Args:
        clips: how many, one store each; a million take some 10 GB for a while
        folder: where the stores are made and removed; by default the system's temporary folder
        out: the .json file to write
    """
    refuse_existing(out)
    with tempfile.TemporaryDirectory(dir=folder) as temporary:
        found = measure_scale(clips, Path(temporary))
    for what in ("seconds", "clips per second"):
        show(what, {f"{each['clips']} clips": each["read"][what] for each in found["results"]})
    keep(found, out)
