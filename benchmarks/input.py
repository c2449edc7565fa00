"""Assembling and augmenting batches, as a share of the training step that uses them."""

import tempfile
import time
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.findings import keep, refuse_existing, show
from benchmarks.machine import provenance
from benchmarks.step import SHAPES, Shape, TrainingStep
from benchmarks.timing import measure
from psp.batches.batch import Batch
from psp.batches.joint_reader import RowsOnDisk
from psp.batches.loader import Loader
from psp.cli.evaluate import Device
from psp.dataset.store import Store, open_store
from psp.dataset.writer import StoreWriter
from psp.model.encoder import Size
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.recording import Clip, ClipInfo
from psp.train.api import make_task
from psp.train.config import Precision
from psp.train.device import device_by_name, precision_on, process_settings
from psp.train.presets import PRESETS, PresetName
from psp.train.run import Run

CLIPS = 1024
RECORDED_FRAMES = (30, 150)
"""Clips of NTU RGB+D and NW-UCLA have some 80 and 40 frames."""


def measure_input(
    size: Size,
    preset: PresetName,
    shape: Shape,
    device: torch.device,
    seconds: float = 2.0,
    precision: Precision | None = None,
) -> dict[str, Any]:
    """Time making the batches of a step from a store, and the step itself, with a preset's settings.

    `precision` is that of the step, if not the preset's.
    """
    config = PRESETS[preset](SHAPES[shape].facts, size)
    config = replace(config, runtime=replace(config.runtime, precision=precision or config.runtime.precision))
    with tempfile.TemporaryDirectory() as folder, process_settings(config.runtime.precision):
        task = make_task(random_store(Path(folder) / "store", shape), "5%", "fraction=0.1")
        trainer = Run(task, config, None, device.type).trainer
        loader, steps = trainer.loader, count()
        reading = measure(lambda: _read(loader, next(steps)), device, seconds)
        making = measure(lambda: _make(loader, next(steps)), device, seconds)
        with loader:
            batch = loader.step(0)
        whole = measure(TrainingStep(trainer.method, config, batch, device).whole, device, seconds)
        clips, verifying = sum(map(len, batch.values())), _verifying(Path(folder) / "store")
        del trainer, loader
    return {
        "settings": {"size": size, "preset": preset, "shape": shape, "clips": clips},
        "precision": precision_on(device, config.runtime.precision),
        "machine": provenance(device),
        "input seconds": making.median,
        "of these reading seconds": reading.median,
        "step seconds": whole.median,
        "input over step": making.median / whole.median,
        "verifying seconds of a clip": verifying,
        "verifying over first epoch": clips * verifying / whole.median,
    }


def random_store(path: Path, shape: Shape) -> Store:
    """Write a store of clips of random numbers and lengths; half of them show every person that the shape allows."""
    about, draw = SHAPES[shape], np.random.default_rng(0)
    layout, names = layout_by_name(about.layout), [f"class {number}" for number in range(about.classes)]
    with StoreWriter(path, dataset="random", layout=layout, classes=names, up="y") as writer:
        for number in range(CLIPS):
            size = (1 + number % about.persons, int(draw.integers(*RECORDED_FRAMES)), len(layout.joints), 3)
            joints = draw.standard_normal(size, dtype=np.float32)
            writer.add(Clip(ClipInfo(f"clip{number:06}", number % about.classes), joints))
    return open_store(path)


def _read(loader: Loader, step: int) -> None:
    for sampler in loader.samplers.values():
        loader.maker.read(sampler.draw(step).index)


def _verifying(path: Path) -> float:
    """Return the seconds for each clip by which reading all of a store takes longer the first time."""
    source, seconds = RowsOnDisk(open_store(path), torch.device("cpu")), []
    for _ in range(2):
        begun = time.perf_counter()
        for clip in torch.arange(CLIPS).split(1):
            source.read(clip)
        seconds.append(time.perf_counter() - begun)
    return (seconds[0] - seconds[1]) / CLIPS


def _make(loader: Loader, step: int) -> list[Batch]:
    """Draw, read and assemble the batches of a step, nothing of it ahead in a thread."""
    return [loader.maker.batch(sampler.draw(step), loader.specs[name]) for name, sampler in loader.samplers.items()]


def input(
    sizes: list[Size] = ["tiny", "small", "full"],  # noqa: B006
    presets: list[PresetName] = ["best", "published"],  # noqa: B006
    shape: Shape = "ntu",
    precision: Precision | None = None,
    seconds: float = 2.0,
    device: Device = "auto",
    out: Path | None = None,
) -> None:
    """Time the making of batches as a share of the training step.

    Args:
        sizes: of the network
        presets: whose resampling, augmentation and batches to use
        shape: of a clip, 25 joints and up to two persons or 20 joints and one
        precision: of the step, if not as the preset says
        seconds: how long each figure is measured
        device: where to compute
        out: the .json file to write
    """
    refuse_existing(out)
    hardware = device_by_name(device)
    found = {
        f"{preset}, {size}": measure_input(size, preset, shape, hardware, seconds, precision)
        for preset in presets
        for size in sizes
    }
    numbers = {
        name: {key: value for key, value in each.items() if isinstance(value, float)} for name, each in found.items()
    }
    show("input", numbers)
    keep(found, out)
