"""The training step of the published program: seconds, and how far that is from what the machine allows."""

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import torch
from jaxtyping import Float
from psp.methods.methods import METHODS
from psp.model.streams import make_network
from psp.skeleton.kinect20 import KINECT20
from psp.skeleton.ntu25 import NTU25
from psp.train.allocator import keep_freed_memory
from torch import Tensor

from benchmarks.machine import copy_rate, matrix_rate, provenance
from benchmarks.timing import Timing, measure
from benchmarks.work import Rates, Work, count_work
from psp.batches.loader import Batch
from psp.config.ranges import require
from psp.model.encoder import Size
from psp.skeleton.layout import Layout
from psp.train.config import TrainConfig
from psp.train.device import Precision, mixed_precision, precision_on
from psp.train.optim import make_optimiser
from psp.train.presets import PRESETS

Shape = Literal["ntu", "nw-ucla"]
Compile = Literal["none", "default", "reduce-overhead", "max-autotune", "max-autotune-no-cudagraphs"]

FRAMES = 50
SHAPES: dict[Shape, tuple[Layout, int, int]] = {"ntu": (NTU25, 2, 60), "nw-ucla": (KINECT20, 1, 10)}
"""Layout, persons and classes."""

STANDSTILL = 1e-12
"""A learning rate at which weights stay finite, however often a step is repeated."""


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
    """A network with its optimiser and two batches; its methods are what is timed."""

    def __init__(
        self,
        config: TrainConfig,
        layout: Layout,
        classes: int,
        labelled: Batch,
        unlabelled: Batch,
        device: torch.device,
    ) -> None:
        if device.type == "cpu":
            keep_freed_memory()
        torch.manual_seed(0)
        self.device, self.precision, self.objective = device, config.precision, config.objective
        self.method = METHODS[config.method]
        views = len(self.method.views)
        self.network = make_network(layout, config.data.sample.frames, classes, config.model, views).to(device).train()
        self.optimiser = make_optimiser(self.network, replace(config.optim, learning_rate=STANDSTILL))
        self.labelled, self.unlabelled = labelled, unlabelled.without_labels()

    def forward(self) -> Float[Tensor, ""]:
        """The objective of both batches."""
        with mixed_precision(self.precision, self.device):
            return self.method.step(self.network, self.labelled, self.unlabelled, self.objective).objective

    def whole(self) -> None:
        """Forward, backward, and the optimiser's step."""
        self.optimiser.zero_grad()
        self.forward().backward()
        self.optimiser.step()

    def encoder(self) -> None:
        """Forward and backward of the encoder alone, over all views of the unlabelled batch."""
        self.optimiser.zero_grad()
        views = torch.cat(list(self.unlabelled.views.values()))
        with mixed_precision(self.precision, self.device):
            persons = self.unlabelled.persons.repeat(len(self.method.views), 1)
            features = self.network.of_view(0).encode(views, persons).features
        features.backward(torch.full_like(features, 1e-3))


class PublishedStep(TrainingStep):
    """The step of preset `published` on random numbers."""

    def __init__(self, settings: StepSettings, device: torch.device) -> None:
        layout, _, classes = SHAPES[settings.shape]
        config = PRESETS["published"](settings.shape, "5%", settings.size)
        config = replace(config, model=replace(config.model, persons=settings.persons), precision=settings.precision)
        labelled = max(1, settings.clips // 11)
        first, second = (random_batch(settings, clips, device) for clips in (labelled, settings.clips - labelled))
        super().__init__(config, layout, classes, first, second, device)
        if settings.compile != "none":
            self.network.of_view(0).encoder.compile(mode=settings.compile, dynamic=False)


def random_batch(settings: StepSettings, clips: int, device: torch.device) -> Batch:
    """Clips of random numbers; in the first ones there is only one person."""
    layout, slots, classes = SHAPES[settings.shape]
    persons = torch.ones(clips, slots, dtype=torch.bool)
    persons[: round(settings.one_person * clips), 1:] = False
    shape = (clips, slots, FRAMES, len(layout.joints), 3)
    seen = persons.to(device)[:, :, None, None, None]
    views = {view: torch.randn(shape, device=device) * seen for view in METHODS["psp"].views}
    return Batch(torch.arange(clips, device=device), torch.arange(clips, device=device) % classes, persons, views)


def measure_step(settings: StepSettings, device: torch.device, seconds: float = 2.0) -> dict[str, Any]:
    """Time the whole step, its halves and the encoder alone, each for about `seconds`, beside their floors."""
    precision = precision_on(device, settings.precision)
    with products_in(precision):
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        rates = Rates(matrix_rate(device, dtype, seconds / 2), copy_rate(device, seconds / 2))
        plain = PublishedStep(replace(settings, compile="none"), device)
        work = {"step": count_work(plain.whole, plain.network), "encoder": count_work(plain.encoder, plain.network)}
        del plain
        step = PublishedStep(settings, device)
        timing = {name: measure(getattr(step, name), device, seconds) for name in ("forward", "whole", "encoder")}
        optimiser = measure(step.optimiser.step, device, seconds / 4)
        waits = count_waits(step.whole, device)
    return {
        "settings": asdict(settings),
        "precision": precision,
        "machine": provenance(device),
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
    """Time of a step whose clips all show one person, over that of one whose clips all show two."""
    found = []
    with products_in(settings.precision):
        for share in (1.0, 0.0):
            step = PublishedStep(replace(settings, one_person=share), device)
            found.append(measure(step.whole, device, seconds).median)
    return found[0] / found[1]


def judged(timing: Timing, work: Work, rates: Rates) -> dict[str, float]:
    """A time beside the floors of its work and the share of the machine's matrix rate that it reaches."""
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
    """How often one call waits for a GPU to finish; a processor is never waited for."""
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


@contextmanager
def products_in(precision: Precision) -> Iterator[None]:
    """Allow TF32 in products and convolutions of a GPU, or forbid it, while the `with` block runs."""
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest" if precision == "float32" else "high")
    torch.backends.cudnn.allow_tf32 = precision != "float32"
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]
