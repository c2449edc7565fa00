"""A training step of every method beside its cost by count: operations of its forward and backward passes."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.findings import keep, refuse_existing, show
from benchmarks.machine import provenance
from benchmarks.timing import measure
from psp.batches.batch import BatchSizes
from psp.cli.evaluate import Device
from psp.methods import METHODS
from psp.methods.base import Setting
from psp.model.backbone import ModelConfig
from psp.model.encoder import EncoderConfig, Size, encoder_of_size
from psp.reproduce.passes import count_passes, half_way, random_batches
from psp.skeleton.catalogue import layout_by_name
from psp.train.config import method_config
from psp.train.device import device_by_name, keep_freed_memory
from psp.train.optim import OptimConfig, make_optimiser

STANDSTILL = OptimConfig("adamw", 1e-12)
MODALITIES = ("joint", "motion")


def measured_method(name: str, encoder: EncoderConfig, clips: int, frames: int, seconds: float) -> dict[str, float]:
    """Return seconds, operations and sample passes of a step of a method on random clips of the shape of NW-UCLA."""
    sizes = BatchSizes(clips, clips, "train")
    setting = Setting(layout_by_name("kinect20"), 10, clips, frames, ModelConfig(encoder), batch=sizes)
    torch.manual_seed(0)
    method = METHODS[name](method_config(name, modalities=MODALITIES, **_contrasted(name)), setting).train()
    batches = random_batches(method.batches(), setting)
    passes = count_passes(method, batches)
    step = _step(method, batches)
    timing = measure(step, torch.device("cpu"), seconds)
    return {"seconds": timing.median, "operations": operations(step), "sample passes": passes}


def operations(step: Callable[[], None]) -> int:
    """Return the floating-point operations of the matrix products and convolutions of a step, forward and backward.

    Decoders and heads count like encoders. Without oneDNN, whose recurrent cells cannot be counted.
    """
    quiet, plain = warnings.catch_warnings(action="ignore"), torch.backends.mkldnn.flags(enabled=False)
    with quiet, plain, FlopCounterMode(display=False) as count:
        step()
    return count.get_total_flops()


def _contrasted(name: str) -> dict[str, Any]:
    return {"contrasted": list(MODALITIES)} if name == "psp-mean-teacher" else {}


def _step(method: Any, batches: Any) -> Callable[[], None]:
    """Return a function that takes a step with all phases."""
    context = half_way(method)
    optimisers = {phase: make_optimiser(method, method.phase_parameters(phase), STANDSTILL) for phase in method.phases}

    def take() -> None:
        for phase, optimiser in optimisers.items():
            method.zero_grad()
            method.training_step(batches, context, phase).loss.backward()
            optimiser.step()
        method.on_step_end(context)

    return take


def methods(
    names: list[str] = [],  # noqa: B006
    size: Size = "tiny",
    clips: int = 16,
    frames: int = 20,
    seconds: float = 2.0,
    device: Device = "cpu",
    out: Path | None = None,
) -> None:
    """Time a step of every method and compare it with its operations, in units of those of the supervised baseline.

    Args:
        names: the methods, by default all
        size: of the encoder; methods that bring an encoder are compared with the supervised baseline of that encoder
        clips: labelled and unlabelled ones of a step
        frames: of a clip
        seconds: how long each method is measured
        device: cpu; the counts are the same everywhere
        out: the .json file to write
    """
    refuse_existing(out)
    keep_freed_memory()
    found: dict[str, dict[str, Any]] = {}
    units: dict[EncoderConfig, float] = {}
    for name in names or METHODS:
        encoder = METHODS[name].own_encoder or encoder_of_size(size)
        if encoder not in units:
            plain = measured_method("supervised", encoder, clips, frames, seconds)
            units[encoder] = plain["seconds"] / plain["operations"]
        row = measured_method(name, encoder, clips, frames, seconds)
        found[name] = {**row, "times the cost by count": row["seconds"] / row["operations"] / units[encoder]}
    columns = ("seconds", "operations", "sample passes", "times the cost by count")
    show("training steps", {key: {name: row[key] for name, row in found.items()} for key in columns})
    keep({"machine": provenance(device_by_name(device)), "methods": found}, out)
