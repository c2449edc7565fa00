"""The ingredients of preset `best`, one left out or changed at a time, measured without the test view."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from psp.reproduce.experiment import Column, Experiment, Quick, Row, Scope
from psp.reproduce.systems import psp_best, supervised_best
from psp.train.config import TrainConfig
from psp.train.presets import best
from psp.train.schedule import rescheduled

Change = Callable[[TrainConfig], TrainConfig]


def without_contrast(config: TrainConfig) -> TrainConfig:
    """No CCL; PPA, which serves nothing else, then stands idle."""
    return replace(config, objective=replace(config.objective, contrast=0.0))


def without_polymerising(config: TrainConfig) -> TrainConfig:
    """Levels are contrasted as they were pooled."""
    return replace(config, model=replace(config.model, polymerise=False))


def without_teacher(config: TrainConfig) -> TrainConfig:
    """CCL alone learns from the unlabelled clips."""
    return replace(config, objective=replace(config.objective, pseudo_label=0.0))


def without_spreading(config: TrainConfig) -> TrainConfig:
    """The teacher believes in its own predictions alone."""
    return replace(config, spread=0.0)


def with_stronger_contrast(config: TrainConfig) -> TrainConfig:
    """CCL with three times the weight."""
    return replace(config, objective=replace(config.objective, contrast=3 * config.objective.contrast))


def without_overhang(config: TrainConfig) -> TrainConfig:
    """Crops stay within their clips."""
    return replace(config, data=replace(config.data, sample=replace(config.data.sample, overhang=0.0)))


def with_large_batches(config: TrainConfig) -> TrainConfig:
    """Four times as many clips a step, so a quarter of the steps."""
    return replace(config, labelled_batch=4 * config.labelled_batch, unlabelled_batch=4 * config.unlabelled_batch)


def with_adamw(config: TrainConfig) -> TrainConfig:
    """AdamW instead of Muon, with the learning rate and momentum that went with it."""
    return replace(config, optim=replace(config.optim, optimiser="adamw", learning_rate=2e-3, momentum=0.9))


def with_labelled_changed_alike(config: TrainConfig) -> TrainConfig:
    """Labelled clips are changed as strongly as all others."""
    return replace(config, data=replace(config.data, augment_labelled=None))


def with_half_the_epochs(config: TrainConfig) -> TrainConfig:
    """The same schedule in half the time."""
    return rescheduled(config, config.epochs // 2)


def with_three_times_the_epochs(config: TrainConfig) -> TrainConfig:
    """The same schedule in three times the time."""
    return rescheduled(config, 3 * config.epochs)


def with_doubt(config: TrainConfig) -> TrainConfig:
    """Three times the epochs; labels that the network does not come to believe early on are learnt no more."""
    return replace(with_three_times_the_epochs(config), doubt=0.5)


def _changed(change: Change, protocol: str, budget: str, scope: Scope) -> TrainConfig:
    return change(best(protocol, budget, scope.size))


RECIPE = Experiment(
    "recipe",
    "The recipe of preset best: Northwestern-UCLA, one training view against the other, 5 labels per class",
    rows=(
        Row("best", "preset best", psp_best),
        Row("no-contrast", "without contrast", partial(_changed, without_contrast)),
        Row("strong-contrast", "contrast three times as strong", partial(_changed, with_stronger_contrast)),
        Row("no-ppa", "without PPA", partial(_changed, without_polymerising)),
        Row("no-spreading", "without label spreading", partial(_changed, without_spreading)),
        Row("no-teacher", "without teacher", partial(_changed, without_teacher)),
        Row("no-overhang", "without overhanging crops", partial(_changed, without_overhang)),
        Row("large-batches", "batches four times as large", partial(_changed, with_large_batches)),
        Row("adamw", "AdamW instead of Muon", partial(_changed, with_adamw)),
        Row("labelled-alike", "labelled clips changed as strongly", partial(_changed, with_labelled_changed_alike)),
        Row("half-the-epochs", "half the epochs", partial(_changed, with_half_the_epochs)),
        Row("long", "three times the epochs", partial(_changed, with_three_times_the_epochs)),
        Row("long-doubt", "three times the epochs, some labels doubted", partial(_changed, with_doubt)),
        Row("labels-only", "labels only", supervised_best),
    ),
    columns=tuple(
        Column(f"view{one}-to-view{other}", f"view {one} to view {other}", f"nw-ucla-view{one}-to-view{other}",
               "5/class", 3)
        for one, other in ((1, 2), (2, 1))
    ),
    quick=Quick(columns=2, seeds=2, epochs=2, steps=8),
    references=("best", "labels-only"),
)  # fmt: skip
