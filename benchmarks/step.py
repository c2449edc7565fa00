"""The training step of the published program: seconds, and how far that is from what the machine allows."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from benchmarks.findings import keep, refuse_existing, show
from benchmarks.machine import copy_rate, matrix_rate, provenance
from benchmarks.timing import Timing, measure
from benchmarks.work import Rates, Work, count_work
from psp.batches.batch import Batch, LabelledBatch, Sample
from psp.cli.evaluate import Device
from psp.config.ranges import require
from psp.methods.base import Method, Passes, Setting, StepContext
from psp.methods.psp import PSP, PSPConfig
from psp.model.encoder import Size
from psp.model.memory import PLENTY, MemoryConfig, encode_in_memory
from psp.skeleton.catalogue import layout_by_name
from psp.train.config import Precision, RuntimeConfig, TrainConfig
from psp.train.device import device_by_name, keep_freed_memory, mixed_precision, precision_on, process_settings
from psp.train.optim import make_optimiser
from psp.train.presets import PRESETS, DataFacts

Shape = Literal["ntu", "nw-ucla"]
Compile = Literal["none", "default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs"]

FRAMES = 50
MODALITIES = ("joint", "motion")
STANDSTILL = 1e-12
"""A learning rate at which weights stay finite, however often a step is repeated."""


@dataclass(frozen=True)
class DataShape:
    """Layout, persons and classes of a data set, its training clips and its labels per class."""

    layout: str
    persons: int
    classes: int
    clips: int
    labels: int

    @property
    def facts(self) -> DataFacts:
        """What presets depend on."""
        return DataFacts(self.clips, self.labels, layout_by_name(self.layout))


SHAPES: Mapping[Shape, DataShape] = {
    "ntu": DataShape("ntu25", 2, 60, 40_091, 33),
    "nw-ucla": DataShape("kinect20", 1, 10, 1_020, 5),
}


@dataclass(frozen=True)
class StepSettings:
    """Which step: `clips` in the batch, one labelled in eleven, and the share of them in which there is one person.

    `persons` is as in ModelConfig: whether absent persons go through the encoder. `compile` names a mode of
    torch.compile for the encoder.
    """

    size: Size = "small"
    shape: Shape = "ntu"
    clips: int = 99
    one_person: float = 0.0
    precision: Precision = "float32"
    persons: Literal["all", "present"] = "present"
    compile: Compile = "none"

    def __post_init__(self) -> None:
        require(self.clips >= 2, "clips", self.clips, "2 or more")
        require(0 <= self.one_person <= 1, "one_person", self.one_person, "a share from 0 to 1")


class TrainingStep:
    """A method with an optimiser and the batches of one step; its methods are what is timed."""

    def __init__(self, method: Method, config: TrainConfig, batch: Mapping[str, Batch], device: torch.device) -> None:
        if device.type == "cpu":
            keep_freed_memory()
        self.device, self.precision, self.batch = device, config.runtime.precision, batch
        self.method = method.to(device).train()
        optim = replace(config.last.optim, learning_rate=STANDSTILL)
        self.optimiser = make_optimiser(method, method.phase_parameters("main"), optim)
        labels = torch.full((method.setting.clips,), -1, device=device)
        self.context = StepContext(0, 1, 1, None, Passes(), labels)

    def forward(self) -> Float[Tensor, ""]:
        """Return the loss of all batches."""
        with mixed_precision(self.precision, self.device):
            return self.method.training_step(self.batch, self.context).loss

    def whole(self) -> None:
        """Forward, backward, and the optimiser's step."""
        self.optimiser.zero_grad()
        self.forward().backward()
        self.optimiser.step()


class PublishedStep(TrainingStep):
    """The step of preset `published` on random numbers; of the clips only `part` is used."""

    def __init__(
        self, settings: StepSettings, device: torch.device, memory: MemoryConfig = PLENTY, part: slice = slice(None)
    ) -> None:
        shape = SHAPES[settings.shape]
        config = PRESETS["published"](shape.facts, settings.size)
        model = replace(config.model, persons=settings.persons)
        config = replace(config, model=model, runtime=RuntimeConfig(settings.precision))
        torch.manual_seed(0)
        batch = random_batches(settings, device, part)
        layout, options = layout_by_name(shape.layout), config.last.method
        assert isinstance(options, PSPConfig)
        method = PSP(options, Setting(layout, shape.classes, settings.clips, FRAMES, model, memory, config.last.batch))
        super().__init__(method, config, batch, device)
        (self.network,) = method.recogniser.backbone.encoders
        if settings.compile != "none":
            self.network.compile(mode=settings.compile, dynamic=False)

    def encoder(self) -> None:
        """Forward and backward of the encoder alone, over all modalities of the unlabelled batch."""
        self.optimiser.zero_grad()
        sample, persons = self.batch["unlabelled"].sample, self.method.setting.model.persons
        seen = sample.persons if persons == "present" else torch.ones_like(sample.persons)
        inputs = torch.cat(list(sample.modalities.values()))
        with mixed_precision(self.precision, self.device):
            seen = seen.repeat(len(sample.modalities), 1)
            features = encode_in_memory(self.network, inputs, seen, PLENTY).features
        features.backward(torch.full_like(features, 1e-3))


def random_batches(settings: StepSettings, device: torch.device, part: slice = slice(None)) -> dict[str, Batch]:
    """Return a labelled and an unlabelled batch of random numbers; in the first clips there is only one person."""
    labelled = max(1, settings.clips // 11)
    sizes = {"labelled": labelled, "unlabelled": settings.clips - labelled}
    batches: dict[str, Batch] = {}
    for name, clips in sizes.items():
        index, sample = torch.arange(clips, device=device)[part], _random_sample(settings, clips, device, part)
        batches[name] = Batch(index, index, (sample,))
    first = batches["labelled"]
    labels = first.index % SHAPES[settings.shape].classes
    return {**batches, "labelled": LabelledBatch(first.index, first.keys, first.samples, labels)}


def _random_sample(settings: StepSettings, clips: int, device: torch.device, part: slice) -> Sample:
    shape = SHAPES[settings.shape]
    persons = torch.ones(clips, shape.persons, dtype=torch.bool)
    persons[: round(settings.one_person * clips), 1:] = False
    size = (clips, shape.persons, FRAMES, len(layout_by_name(shape.layout).joints), 3)
    seen = persons.to(device)[:, :, None, None, None]
    made = {name: (torch.randn(size, device=device) * seen)[part] for name in MODALITIES}
    return Sample(made, persons[part])


def measure_step(settings: StepSettings, device: torch.device, seconds: float = 2.0) -> dict[str, Any]:
    """Time the whole step, its halves and the encoder alone, each for about `seconds`, beside their floors."""
    precision = precision_on(device, settings.precision)
    with process_settings(precision):
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        rates = Rates(matrix_rate(device, dtype, seconds / 2), copy_rate(device, seconds / 2))
        plain = PublishedStep(replace(settings, compile="none"), device)
        work = {"step": count_work(plain.whole, plain.method), "encoder": count_work(plain.encoder, plain.method)}
        del plain
        step = PublishedStep(settings, device)
        timing = {name: measure(getattr(step, name), device, seconds) for name in ("forward", "whole", "encoder")}
        optimiser = measure(step.optimiser.step, device, seconds / 4)
        waits = count_waits(step.whole, device)
        machine = provenance(device)
    return {
        "settings": asdict(settings),
        "precision": precision,
        "machine": machine,
        "rates": asdict(rates),
        "step": judged(timing["whole"], work["step"], rates),
        "forward seconds": timing["forward"].median,
        "backward seconds": timing["whole"].median - timing["forward"].median - optimiser.median,
        "optimiser seconds": optimiser.median,
        "encoder": judged(timing["encoder"], work["encoder"], rates),
        "clips per second": settings.clips / timing["whole"].median,
        "waits for the device": waits,
    }


def one_person_ratio(settings: StepSettings, device: torch.device, seconds: float = 2.0) -> float:
    """Return the time of a step whose clips all show one person, over that of one whose clips all show two."""
    with process_settings(settings.precision):
        one, two = (
            measure(PublishedStep(replace(settings, one_person=share), device).whole, device, seconds).median
            for share in (1.0, 0.0)
        )
    return one / two


def judged(timing: Timing, work: Work, rates: Rates) -> dict[str, float]:
    """Return a time beside the floors of its work and the share of the machine's matrix rate that it reaches."""
    floor, layers = work.floor(rates), work.floor_of_layers(rates)
    return {
        "seconds": timing.median,
        "fastest": timing.fastest,
        "slowest": timing.slowest,
        "calls": timing.calls,
        "operations": work.operations,
        "bytes": work.bytes,
        "floor seconds": floor,
        "times the floor": timing.median / floor,
        "floor of layers seconds": layers,
        "times the floor of layers": timing.median / layers,
        "share of the matrix rate": work.operations / timing.median / rates.operations,
    }


def count_waits(function: Callable[[], object], device: torch.device) -> int:
    """Return how often one call waits for a GPU to finish; a processor is never waited for."""
    if device.type != "cuda":
        return 0
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            function()
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return sum("synchroniz" in str(each.message) for each in caught)


def step(
    sizes: list[Size] = ["tiny", "small", "full"],  # noqa: B006
    shape: Shape = "ntu",
    clips: int = 99,
    one_person: float = 0.0,
    precision: Precision = "float32",
    absent: bool = False,
    compile: Compile = "none",
    seconds: float = 2.0,
    device: Device = "auto",
    out: Path | None = None,
) -> None:
    """Time a training step beside the floor that matrix products and memory set.

    Args:
        sizes: of the network
        shape: of a clip, 50 frames of 25 joints and two persons or of 20 joints and one
        clips: in a batch, one in eleven labelled
        one_person: the share of clips that show one person
        precision: of the products
        absent: let absent persons through the encoder, as the published program does
        compile: a mode of torch.compile for the encoder
        seconds: how long each figure is measured
        device: where to compute
        out: the .json file to write
    """
    refuse_existing(out)
    hardware = device_by_name(device)
    found: dict[str, dict[str, Any]] = {}
    for size in sizes:
        settings = StepSettings(size, shape, clips, one_person, precision, "all" if absent else "present", compile)
        found[size] = measure_step(settings, hardware, seconds)
        if shape == "ntu" and not absent:
            found[size]["one person over two"] = one_person_ratio(settings, hardware, seconds)
    rows = {f"{size}, {part}": each[part] for size, each in found.items() for part in ("step", "encoder")}
    columns = ("seconds", "floor seconds", "times the floor", "times the floor of layers", "share of the matrix rate")
    show("training step", {name: {key: row[key] for key in columns} for name, row in rows.items()})
    whole = ("clips per second", "forward seconds", "backward seconds", "optimiser seconds", "one person over two")
    show("parts of a step", {name: {key: row[key] for key in whole if key in row} for name, row in found.items()})
    keep(found, out)
