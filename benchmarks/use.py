"""How fast a trained recogniser answers: one clip, many clips, live frames; by PyTorch and by onnxruntime."""

import importlib.metadata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.findings import keep, refuse_existing, show
from benchmarks.machine import copy_rate, matrix_rate, provenance
from benchmarks.timing import measure
from benchmarks.work import Rates, count_work
from psp.batches.batch import DataConfig
from psp.batches.resample import ResampleConfig
from psp.deploy.clips import ClipRecogniser, Padded
from psp.deploy.export import onnx_bytes
from psp.deploy.onnx_runtime import OnnxRecogniser
from psp.deploy.recogniser import Recogniser
from psp.deploy.stream import StreamingPredictor
from psp.model.backbone import ModelConfig
from psp.model.encoder import Size, encoder_of_size
from psp.model.model_file import Interface, TrainedModel
from psp.model.predictor import make_predictor
from psp.preprocess.clean import CleanConfig
from psp.preprocess.normalise import NormaliseConfig
from psp.skeleton.catalogue import layout_by_name

LAYOUT, CLASSES, FRAMES = "ntu25", 60, 50
RECORDED = 80
"""Frames of a recorded clip; the network takes 50 of them."""


def measure_use(
    sizes: Sequence[Size] = ("tiny", "small", "full"), persons: int = 1, many: int = 64, seconds: float = 2.0
) -> dict[str, Any]:
    """Latency of one clip, throughput of `many`, and milliseconds a live frame, with the floor beside each.

    Clips are as recorded: filling gaps, normalising, resampling and making modalities is part of the time. The floor
    counts matrix products only, by their operations and bytes.
    """
    device = torch.device("cpu")
    rates = Rates(matrix_rate(device, seconds=seconds), copy_rate(device, seconds))
    settings = {"layout": LAYOUT, "frames": FRAMES, "recorded frames": RECORDED, "persons": persons}
    versions = {name: importlib.metadata.version(name) for name in ("onnx", "onnxruntime")}
    return {
        "settings": {**settings, "classes": CLASSES, "clips": many},
        "machine": provenance(device) | {"onnx versions": versions},
        "rates": {"operations per second": rates.operations, "bytes per second": rates.bytes},
        "sizes": {size: _measure_size(size, persons, many, seconds, rates) for size in sizes},
    }


def model_of_size(size: Size, persons: int) -> TrainedModel:
    """Return a model with fresh weights: they do not change how long it takes."""
    layout, classes = layout_by_name(LAYOUT), tuple(f"class {number}" for number in range(CLASSES))
    config = ModelConfig(encoder_of_size(size))
    predictor = make_predictor(layout, FRAMES, CLASSES, config, ("joint", "motion"), "sum")
    data, clean = DataConfig(ResampleConfig(frames=FRAMES)), CleanConfig(bodies=None)
    return TrainedModel(predictor.eval(), Interface(layout, classes, data, NormaliseConfig(), clean, "y", 3, persons))


def _measure_size(size: Size, persons: int, many: int, seconds: float, rates: Rates) -> dict[str, Any]:
    model = model_of_size(size, persons)
    plain, one = Recogniser(model), _clips(1, persons)
    floors = {"one clip": _floor(plain, one, rates), "many clips": _floor(plain, _clips(many, persons), rates)}
    programs: dict[str, ClipRecogniser] = {"PyTorch": plain, "onnxruntime": OnnxRecogniser(onnx_bytes(model))}
    fastest = {"milliseconds of one clip": 1e3 * floors["one clip"], "clips per second": many / floors["many clips"]}
    return {
        "parameters": sum(each.numel() for each in model.predictor.parameters()),
        "floor": fastest,
        **{name: _measure_program(program, one, many, floors, seconds) for name, program in programs.items()},
    }


def _measure_program(
    program: ClipRecogniser, one: Padded, many: int, floors: dict[str, float], seconds: float
) -> dict[str, float]:
    alone = _seconds(lambda: program.compute(one), seconds)
    batch = _clips(many, one.joints.shape[1])
    together = _seconds(lambda: program.compute(batch), seconds)
    return {
        "milliseconds of one clip": 1e3 * alone,
        "one clip, times the floor": alone / floors["one clip"],
        "clips per second": many / together,
        "many clips, times the floor": together / floors["many clips"],
        "milliseconds a frame of a stream": 1e3 * _seconds(_stream(program, one), seconds),
        "milliseconds a frame without an answer": 1e3 * _seconds(_stream(program, one, every=10**9), seconds / 4),
    }


def _stream(program: ClipRecogniser, clip: Padded, every: int = 1) -> Callable[[], object]:
    """Return a function that pushes the next live frame; the window is full."""
    stream, frames = StreamingPredictor(program, every=every), clip.joints[0].swapaxes(0, 1)
    for frame in frames:
        stream.window.push(frame)
    return lambda: stream.push(frames[stream.window.count % len(frames)])


def _seconds(function: Callable[[], object], seconds: float) -> float:
    return measure(function, torch.device("cpu"), seconds).median


def _floor(recogniser: Recogniser, clips: Padded, rates: Rates) -> float:
    return count_work(lambda: recogniser.compute(clips), recogniser).floor(rates)


def _clips(count: int, persons: int) -> Padded:
    shape = (count, persons, RECORDED, len(layout_by_name(LAYOUT).joints))
    joints = np.random.default_rng(0).normal(1, 0.3, (*shape, 3)).astype(np.float32)
    frames, present = np.full(count, RECORDED), np.ones((count, persons), dtype=bool)
    return Padded(joints, frames, present, np.ones(shape, dtype=np.float32))


def use(
    sizes: list[Size] = ["tiny", "small", "full"],  # noqa: B006
    persons: int = 1,
    clips: int = 64,
    seconds: float = 2.0,
    out: Path | None = None,
) -> None:
    """Time recognising one clip, many clips and live frames, with PyTorch and onnxruntime, on the processor.

    Args:
        sizes: of the network
        persons: in a clip
        clips: how many are many
        seconds: how long each figure is measured
        out: the .json file to write
    """
    refuse_existing(out)
    found = measure_use(sizes, persons, clips, seconds)
    programs = ("PyTorch", "onnxruntime")
    show("use", {f"{size}, {name}": each[name] for size, each in found["sizes"].items() for name in programs})
    keep(found, out)
