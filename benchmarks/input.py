"""Assembling and augmenting batches, as a share of the training step that uses them."""

import tempfile
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import torch
from psp.methods.methods import METHODS
from psp.skeleton.clip import Clip

from benchmarks.machine import provenance
from benchmarks.step import SHAPES, Shape, TrainingStep
from benchmarks.timing import measure
from psp.batches.loader import Batch, Batches, Draw, stream
from psp.dataset.store import Store, open_store
from psp.dataset.writer import StoreWriter
from psp.model.encoder import Size
from psp.train.config import TrainConfig
from psp.train.device import Precision, precision_on
from psp.train.presets import PRESETS, PresetName

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
    config = PRESETS[preset](shape, "5%", size)
    config = replace(config, precision=precision or config.precision)
    with tempfile.TemporaryDirectory() as folder:
        store = random_store(Path(folder) / "store", shape)
        batches = Batches(store, METHODS[config.method].views, config.data, device)
        draw = _draws(store, config)
        steps = count()
        reading = measure(lambda: [batches.read(each.clips) for each in draw(next(steps))], device, seconds)
        making = measure(lambda: _make(batches, draw(next(steps))), device, seconds)
        labelled, unlabelled = _make(batches, draw(0))
        step = TrainingStep(config, store.layout, len(store.classes), labelled, unlabelled, device)
        whole = measure(step.whole, device, seconds)
        del batches
    return {
        "settings": {"size": size, "preset": preset, "shape": shape, "clips": len(labelled) + len(unlabelled)},
        "precision": precision_on(device, config.precision),
        "machine": provenance(device),
        "input seconds": making.median,
        "of these reading seconds": reading.median,
        "step seconds": whole.median,
        "input over step": making.median / whole.median,
    }


def random_store(path: Path, shape: Shape) -> Store:
    """A store of clips of random numbers and lengths; half of them show every person that the shape allows."""
    layout, persons, classes = SHAPES[shape]
    draw = np.random.default_rng(0)
    names = [f"class {number}" for number in range(classes)]
    with StoreWriter(path, dataset="synthetic", layout=layout, classes=names, preprocessing={}, source="") as writer:
        for number in range(CLIPS):
            here = 1 + number % persons
            frames = int(draw.integers(*RECORDED_FRAMES))
            joints = draw.standard_normal((here, frames, len(layout.joints), 3), dtype=np.float32)
            writer.add(Clip(f"clip{number:06}", joints, number % classes))
    return open_store(path)


def _draws(store: Store, config: TrainConfig) -> Callable[[int], tuple[Draw, Draw]]:
    clips = np.arange(len(store))
    labelled = stream(store, clips[: len(clips) // 20], config.labelled_batch, 0, "labelled")
    unlabelled = stream(store, clips, config.unlabelled_batch, 0, "unlabelled")
    return lambda step: (labelled.draw(step), unlabelled.draw(step))


def _make(batches: Batches, draws: tuple[Draw, Draw]) -> tuple[Batch, Batch]:
    return batches.training(draws[0]), batches.training(draws[1])
