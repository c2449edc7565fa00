"""How fast a trained recogniser answers: one clip, many clips, a stream; by PyTorch and by onnxruntime."""

import importlib.metadata
import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from psp.methods.methods import METHODS
from psp.model.psp import ModelConfig, PSPNetwork

from benchmarks.machine import copy_rate, matrix_rate, provenance
from benchmarks.timing import measure
from benchmarks.work import Rates, count_work
from psp.batches.loader import BatchConfig
from psp.batches.resample import SampleConfig
from psp.deploy.clips import Padded, Recognises
from psp.deploy.export import onnx_bytes
from psp.deploy.onnx_runtime import OnnxRecogniser
from psp.deploy.recogniser import Reading, Recogniser
from psp.deploy.stream import StreamingPredictor
from psp.model.encoder import SIZES, EncoderConfig, Size
from psp.preprocess.normalise import NormaliseConfig
from psp.skeleton.layouts import LAYOUTS

LAYOUT, CLASSES, FRAMES = LAYOUTS["ntu25"], 60, 50
RECORDED = 80
"""Frames of a recorded clip; the network takes 50 of them."""


def measure_use(
    sizes: Sequence[Size] = ("tiny", "small", "full"), persons: int = 1, many: int = 64, seconds: float = 2.0
) -> dict[str, Any]:
    """Latency of one clip, throughput of `many`, and a stream's milliseconds a frame, with the floor beside each.

    Clips are as recorded: normalising, resampling and making views is part of the time. The floor counts matrix
    products only, by their operations and bytes.
    """
    device = torch.device("cpu")
    rates = Rates(matrix_rate(device, seconds=seconds), copy_rate(device, seconds))
    settings = {"layout": LAYOUT.name, "frames": FRAMES, "recorded frames": RECORDED, "persons": persons}
    versions = {name: importlib.metadata.version(name) for name in ("onnx", "onnxruntime")}
    return {
        "settings": {**settings, "classes": CLASSES, "clips": many},
        "machine": provenance(device) | {"onnx versions": versions},
        "rates": {"operations per second": rates.operations, "bytes per second": rates.bytes},
        "sizes": {size: _measure_size(size, persons, many, seconds, rates) for size in sizes},
    }


def recogniser_of_size(size: Size, persons: int) -> Recogniser:
    """A recogniser with fresh weights: they do not change how long it takes."""
    network = PSPNetwork(LAYOUT, FRAMES, CLASSES, ModelConfig(EncoderConfig(SIZES[size]), levels=()))
    reading = Reading(METHODS["psp"], BatchConfig(SampleConfig(frames=FRAMES)), NormaliseConfig(), persons)
    return Recogniser(network, reading)


def exported(recogniser: Recogniser) -> OnnxRecogniser:
    """The same, computed by onnxruntime."""
    facts = {
        "classes": [str(number) for number in range(CLASSES)],
        "layout": LAYOUT.name,
        "frames": recogniser.frames,
        "persons": recogniser.persons,
        "any number of persons": recogniser.any_persons,
    }
    return OnnxRecogniser(onnx_bytes(recogniser, {name: json.dumps(value) for name, value in facts.items()}))


def _measure_size(size: Size, persons: int, many: int, seconds: float, rates: Rates) -> dict[str, Any]:
    plain = recogniser_of_size(size, persons)
    one = _clips(1, persons)
    floors = {"one clip": _floor(plain, one, rates), "many clips": _floor(plain, _clips(many, persons), rates)}
    programs: dict[str, Recognises] = {"PyTorch": plain, "onnxruntime": exported(plain)}
    fastest = {"milliseconds of one clip": 1e3 * floors["one clip"], "clips per second": many / floors["many clips"]}
    return {
        "parameters": sum(each.numel() for each in plain.parameters()),
        "floor": fastest,
        **{name: _measure_program(program, one, many, floors, seconds) for name, program in programs.items()},
    }


def _measure_program(
    program: Recognises, one: Padded, many: int, floors: dict[str, float], seconds: float
) -> dict[str, float]:
    alone = _seconds(lambda: program.predict(*one), seconds)
    batch = _clips(many, one[0].shape[1])
    together = _seconds(lambda: program.predict(*batch), seconds)
    return {
        "milliseconds of one clip": 1e3 * alone,
        "one clip, times the floor": alone / floors["one clip"],
        "clips per second": many / together,
        "many clips, times the floor": together / floors["many clips"],
        "milliseconds a frame of a stream": 1e3 * _seconds(_stream(program, one), seconds),
        "milliseconds a frame without an answer": 1e3 * _seconds(_stream(program, one, every=10**9), seconds / 4),
    }


def _stream(program: Recognises, clip: Padded, every: int = 1) -> Callable[[], object]:
    """Push the next frame of an endless stream whose window is full."""
    stream, frames = StreamingPredictor(program, every=every), clip[0][0].swapaxes(0, 1)
    for frame in frames:
        stream.window.push(frame)
    return lambda: stream.push(frames[stream.window.count % len(frames)])


def _seconds(function: Callable[[], object], seconds: float) -> float:
    return measure(function, torch.device("cpu"), seconds).median


def _floor(recogniser: Recogniser, clips: Padded, rates: Rates) -> float:
    return count_work(lambda: recogniser.predict(*clips), recogniser).floor(rates)


def _clips(count: int, persons: int) -> Padded:
    joints = np.random.default_rng(0).normal(0, 0.3, (count, persons, RECORDED, len(LAYOUT.joints), 3))
    frames, present = np.full(count, RECORDED), np.ones((count, persons), dtype=bool)
    return joints.astype(np.float32) + np.float32(1), frames, present
