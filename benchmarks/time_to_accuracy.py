"""Record test accuracy over the seconds of training, for the number of epochs that a held-out split asks for.

First the recipe is trained on one part of the training clips and evaluated on another, which gives the number of
epochs. Then it is trained for so many epochs on all training clips. Its test accuracy is only recorded, epoch by epoch,
with the seconds spent on training so far.

Args:
    store: a prepared data set, NW-UCLA for the figures of the paper
    split: which clips train and which test, by default what suits the data
    watch: the split on which the epochs are chosen, without test clips; known for nw-ucla
    labels: whose labels may be used
    preset: paper (its text), published (its program) or best (ours)
    size: of the network, if not that of the preset
    method: the training method, if not that of the preset
    precision: of the products, if not as the preset says
    epochs: the most that is considered, if not as the preset says
    seeds: of training and label budget, one curve each
    runs: a folder to keep the runs in
    picture: the .png, .svg or .pdf file to draw
    device: where to compute
    out: the .json file to write
"""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import mean
from typing import Any

from matplotlib.figure import Figure

from benchmarks.findings import keep, refuse_existing, show
from benchmarks.machine import provenance
from psp.cli.console import say
from psp.cli.evaluate import Device
from psp.dataset.split import FULL, Split, resolve_split
from psp.dataset.store import Store, open_store
from psp.errors import ConfigError
from psp.evaluate.evaluate import evaluate_model
from psp.figures.canvas import INK, PALETTE, check_picture, save
from psp.files import write_json
from psp.model.encoder import Size
from psp.train.api import make_task, preset_config, start_run
from psp.train.config import Precision, TrainConfig, config_as_plain, rescheduled
from psp.train.device import device_by_name
from psp.train.interrupt import Interrupted
from psp.train.presets import PresetName
from psp.train.run import Run
from psp.train.run_folder import Task

HELD_OUT = {"nw-ucla": "nw-ucla-view1-to-view2"}
"""The split that divides the training clips of another one, on which the epochs are chosen."""

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


Curve = Sequence[Point]


def measure_time_to_accuracy(
    store: Store,
    config: TrainConfig,
    folder: Path,
    *,
    labels: str = "5/class",
    split: str | None = None,
    watch: str | None = None,
    seeds: Sequence[int] = (0,),
    device: str = "auto",
    on_point: Show | None = None,
) -> dict[str, Any]:
    """Choose the epochs on the held-out split `watch`, then train and record the test curve, once a seed.

    The epochs of `config`, which has one stage, are the most that is considered. Runs are kept in `folder`, curves are
    written after every epoch.
    """
    tested = resolve_split(split, store)
    held_out = resolve_split(watch or _held_out(tested.name), store)

    def curves(name: str, side: Split, run_config: TrainConfig) -> dict[int, list[Point]]:
        tasks = {seed: make_task(store, labels, side, seed) for seed in seeds}
        return {
            seed: _curve(task, replace(run_config, seed=seed), folder / f"{name}-{seed}", device, on_point)
            for seed, task in tasks.items()
        }

    watched = curves("watched", held_out, config)
    epochs = plateau([mean(values) for values in zip(*map(_full, watched.values()), strict=True)])
    test_curves = curves("tested", tested, replace(config, stages=(rescheduled(config.last, epochs),)))
    settings = {"config": config_as_plain(config), "labels": labels, "seeds": list(seeds)}
    return {
        "settings": settings | {"split": tested.name, "held-out split": held_out.name},
        "about": tested.description,
        "machine": provenance(device_by_name(device)),
        "epochs chosen": epochs,
        "held-out curves": _plain(watched),
        "test curves": _plain(test_curves),
        "seconds to": {
            name: {"accuracy": goal, **{str(seed): reached(curve, goal) for seed, curve in test_curves.items()}}
            for name, goal in GOALS.items()
        },
    }


def plateau(accuracies: Sequence[float]) -> int:
    """Return the first epoch, counted from 1, whose accuracy is within one point of the best.

    Accuracies are averaged over three epochs, so that a single lucky one decides nothing.
    """
    smooth = [mean(accuracies[max(0, last - SMOOTHED) : last]) for last in range(1, len(accuracies) + 1)]
    return next(epoch for epoch, value in enumerate(smooth, 1) if value >= max(smooth) - TOLERANCE)


def reached(curve: Curve, goal: float) -> dict[str, float | None]:
    """Return the seconds to reach the accuracy `first` and `for good` (never below it afterwards); None if not."""
    above = [value >= goal for value in _full(curve)]
    first = next((point.seconds for point, here in zip(curve, above, strict=True) if here), None)
    stays = next((point.seconds for number, point in enumerate(curve) if all(above[number:])), None)
    return {"first": first, "for good": stays}


def draw_accuracy_over_time(
    path: str | os.PathLike[str], curves: Mapping[str, Curve], goals: Mapping[str, float]
) -> None:
    """Draw test accuracy over seconds as lines and goals as dotted lines; save as PNG, SVG or PDF."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    for number, (name, curve) in enumerate(curves.items()):
        colour, seconds = PALETTE[number % len(PALETTE)], [point.seconds for point in curve]
        axes.plot(seconds, _full(curve), color=colour, marker="o", markersize=3, linewidth=1.8, label=name)
    for name, goal in goals.items():
        axes.axhline(goal, color=INK, linestyle=":", linewidth=1)
        axes.annotate(f"{name},\n{goal:g} %", (1.01, goal), xycoords=("axes fraction", "data"), va="center")
    axes.set_xlabel("seconds of training")
    axes.set_ylabel("test accuracy, %")
    axes.set_xlim(left=0)
    axes.set_ylim(0, 100)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="lower right")
    save(figure, path)


def _held_out(split: str) -> str:
    if split not in HELD_OUT:
        remedy = "Name a split that tests on training clips of this one with --watch."
        raise ConfigError(f"no held-out split is known for {split!r}.", remedy=remedy)
    return HELD_OUT[split]


def _curve(task: Task, config: TrainConfig, out: Path, device: str, on_point: Show | None) -> list[Point]:
    """Train a run and evaluate it after every epoch; the time of evaluating does not count."""
    points: list[Point] = []

    def note(run: Run) -> None:
        """Add this epoch's point to the curve, in memory and on disk."""
        found = evaluate_model(run.model(), run.data.maker, task.split)
        top1 = {name: accuracy.top1 for name, accuracy in found.items()}
        points.append(Point(len(points) + 1, run.trainer.meter.seconds, top1))
        write_json(out / "curve.json", [asdict(point) for point in points])
        if on_point:
            on_point(out.name, points[-1])

    stopped = start_run(task, config, out, device).train(on_epoch=note)
    if stopped is not None:
        raise Interrupted(stopped)
    return points


def _full(curve: Curve) -> list[float]:
    return [point.top1[FULL] for point in curve]


def _plain(curves: Mapping[int, Curve]) -> dict[int, list[dict[str, Any]]]:
    return {seed: [asdict(point) for point in curve] for seed, curve in curves.items()}


def time_to_accuracy(
    store: Path,
    split: str | None = None,
    watch: str | None = None,
    labels: str = "5/class",
    preset: PresetName = "best",
    size: Size | None = None,
    method: str | None = None,
    precision: Precision | None = None,
    epochs: int | None = None,
    seeds: list[int] = [0],  # noqa: B006
    runs: Path | None = None,
    picture: Path | None = None,
    device: Device = "auto",
    out: Path | None = None,
) -> None:
    """Record test accuracy over the seconds of training, for the number of epochs that a held-out split asks for."""
    refuse_existing(out)
    if picture:
        check_picture(picture)
    opened = open_store(store)
    config = preset_config(
        make_task(opened, labels, split), preset, method=method, size=size, epochs=epochs, init="none"
    )
    if len(config.stages) > 1:
        raise ConfigError(f"{method} is trained in two stages.", where="method", remedy="Choose another method.")
    config = replace(config, runtime=replace(config.runtime, precision=precision or config.runtime.precision))
    with tempfile.TemporaryDirectory() as temporary:
        found = measure_time_to_accuracy(
            opened, config, runs or Path(temporary), labels=labels, split=split, watch=watch, seeds=seeds,
            device=device, on_point=_tell,
        )  # fmt: skip
    goals = {
        f"{goal['accuracy']} %, {name}, seed {seed}": goal[str(seed)]
        for name, goal in found["seconds to"].items()
        for seed in seeds
    }
    show(f"seconds of training to an accuracy, {found['epochs chosen']} epochs", goals)
    keep(found, out)
    if picture:
        curves = {f"seed {seed}": [Point(**each) for each in curve] for seed, curve in found["test curves"].items()}
        draw_accuracy_over_time(picture, curves, GOALS)


def _tell(run: str, point: Point) -> None:
    say(f"{run}: epoch {point.epoch}, {point.seconds:.1f} s, {point.top1[FULL]:.1f} %")
