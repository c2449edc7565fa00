"""How many seconds of training an accuracy takes; when to stop is decided before any test clip is looked at.

First the recipe is trained on one part of the training clips and watched on another, that is how the number of epochs
is found. Then it is trained for so many epochs on all training clips. Its test accuracy is only recorded, epoch by
epoch, with the seconds spent on training so far.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

from psp.train.loop import Trainer
from psp.train.schedule import rescheduled
from psp.train.train import start_run

from benchmarks.machine import provenance
from psp.config.override import as_plain
from psp.dataset.split import protocol_by_name
from psp.dataset.store import Store
from psp.errors import ConfigError
from psp.evaluate.evaluate import evaluate_network
from psp.files import write_json
from psp.train.config import TrainConfig
from psp.train.device import device_by_name
from psp.train.interrupt import Interrupted

HELD_OUT = {"nw-ucla": "nw-ucla-view1-to-view2"}
"""The protocol that splits the training clips of another one, on which the epochs are chosen."""

GOALS = {"the paper, supervised only": 59.1, "the paper, PSP": 69.2}
"""Test accuracies in % on NW-UCLA with five labels per class."""

TOLERANCE = 1.0
SMOOTHED = 3

Show = Callable[[str, "Point"], None]


@dataclass(frozen=True)
class Point:
    """Accuracies in % of the averaged weights on every test set, after so many epochs and seconds of training."""

    epoch: int
    seconds: float
    top1: dict[str, float]


def measure_time_to_accuracy(
    store: Store,
    config: TrainConfig,
    folder: Path,
    *,
    seeds: Sequence[int] = (0,),
    watch: str | None = None,
    goals: Mapping[str, float] = GOALS,
    device: str = "auto",
    show: Show | None = None,
) -> dict[str, Any]:
    """Choose the epochs on the held-out protocol `watch`, then train and record the test curve, once a seed.

    `config.epochs` is the most that is considered. Runs are kept in `folder`, curves are written after every epoch.
    """
    held_out = replace(config, protocol=watch or _held_out(config.protocol))
    watched = {seed: _curve(store, held_out, folder / f"watched-{seed}", seed, device, show) for seed in seeds}
    epochs = plateau([mean(values) for values in zip(*(_full(curve) for curve in watched.values()), strict=True)])
    final = rescheduled(config, epochs)
    curves = {seed: _curve(store, final, folder / f"tested-{seed}", seed, device, show) for seed in seeds}
    return {
        "settings": {"config": as_plain(config), "held-out protocol": held_out.protocol, "seeds": list(seeds)},
        "about": protocol_by_name(config.protocol).description,
        "machine": provenance(device_by_name(device)),
        "epochs chosen": epochs,
        "held-out curves": {seed: [asdict(point) for point in curve] for seed, curve in watched.items()},
        "test curves": {seed: [asdict(point) for point in curve] for seed, curve in curves.items()},
        "seconds to": {
            name: {"accuracy": goal, **{str(seed): reached(curve, goal) for seed, curve in curves.items()}}
            for name, goal in goals.items()
        },
    }


def _held_out(protocol: str) -> str:
    if protocol not in HELD_OUT:
        remedy = "Name a protocol that tests on training clips of this one with --watch."
        raise ConfigError(f"no held-out protocol is known for {protocol!r}.", remedy=remedy)
    return HELD_OUT[protocol]


def plateau(accuracies: Sequence[float]) -> int:
    """The first epoch, counted from 1, whose accuracy is within one point of the best.

    Accuracies are averaged over three epochs, so that a single lucky one decides nothing.
    """
    smooth = [mean(accuracies[max(0, last - SMOOTHED) : last]) for last in range(1, len(accuracies) + 1)]
    return next(epoch for epoch, value in enumerate(smooth, 1) if value >= max(smooth) - TOLERANCE)


def reached(curve: Sequence[Point], goal: float) -> dict[str, float | None]:
    """Seconds after which the accuracy is reached `first`, and `for good`: never below it afterwards; None if not."""
    above = [point.top1["full"] >= goal for point in curve]
    first = next((point.seconds for point, here in zip(curve, above, strict=True) if here), None)
    stays = next((point.seconds for place, point in enumerate(curve) if all(above[place:])), None)
    return {"first": first, "for good": stays}


def _curve(store: Store, config: TrainConfig, out: Path, seed: int, device: str, show: Show | None) -> list[Point]:
    """Train a run and evaluate it after every epoch; the time of evaluating does not count."""
    points: list[Point] = []

    def note(trainer: Trainer) -> None:
        """Add this epoch's point to the curve, in memory and on disk."""
        found = evaluate_network(trainer.averaged_network(), trainer.config, store)
        top1 = {name: accuracy.top1 for name, accuracy in found.items()}
        points.append(Point(len(points) + 1, trainer.meter.seconds, top1))
        write_json(out / "curve.json", [asdict(point) for point in points])
        if show:
            show(out.name, points[-1])

    trainer = start_run(store, replace(config, seed=seed, budget_seed=seed), out, device=device)
    signal = trainer.run(on_epoch=note)
    if signal is not None:
        raise Interrupted(signal)
    return points


def _full(curve: Sequence[Point]) -> list[float]:
    return [point.top1["full"] for point in curve]
