"""The systems that tables compare: presets, their supervised baselines and their ablations."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from psp.batches.pipelines import PIPELINES
from psp.model.encoder import encoder_of_size
from psp.preprocess.normalise import NormaliseConfig
from psp.reproduce.experiment import Column, Row, Scope
from psp.train.config import TrainConfig, changed, rescheduled
from psp.train.made_weights import Kind, made_weights
from psp.train.presets import PRESETS, DataFacts, PresetName, with_method

Figures = Mapping[str, float]

EPOCHS_NW_UCLA = 300
"""The epochs that the paper trains on Northwestern-UCLA."""

TURNED = {
    "data": {"resample": {"frames": 25}},
    "method": {"contrast": 0.2},
    "batch": {"labelled": 25, "unlabelled": 25},
    "optim": {"warmup": 2.0, "milestones": [5, 8]},
    "epochs": 10,
    "steps_per_epoch": 40,
    "ema": 0.99,
}
"""What `psp_turned` changes in preset `paper` so that a run takes minutes: half the frames, small batches, 400 steps.
The weight of the contrast is that of the authors' program."""

STREAMS = "multi-stream-supervised"


def of_preset(name: PresetName, column: Column, facts: DataFacts, scope: Scope) -> TrainConfig:
    """Return a preset for a column, without a size in the scope `tiny`, or `light` for `best`."""
    is_best = name == "best"
    size = (scope.size or "light") if is_best else scope.size_of_dsta
    return PRESETS[name](column.facts_for(name, facts), size)


def supervised_paper(column: Column, facts: DataFacts, scope: Scope) -> TrainConfig:
    """Return A1 of the paper: encoder and classifier, labelled clips only, in the settings of the paper's text."""
    return with_method(psp_paper(column, facts, scope), "supervised")


def psp_paper(column: Column, facts: DataFacts, scope: Scope) -> TrainConfig:
    """Return PSP Learning in the settings of the paper's text."""
    return of_preset("paper", column, facts, scope)


def psp_published(column: Column, facts: DataFacts, scope: Scope) -> TrainConfig:
    """Return PSP Learning in the settings of the published program, which trains on NTU RGB+D only.

    Its epoch of 500 steps is about one pass over NTU RGB+D. On other data an epoch is one pass too. Their number is
    that of the paper on Northwestern-UCLA, and the milestones move in proportion.
    """
    config = of_preset("published", column, facts, scope)
    if column.facts_for("published", facts).is_large:
        return config
    stretched = rescheduled(config.last, EPOCHS_NW_UCLA)
    optim = replace(stretched.optim, warmup=config.last.optim.warmup)
    return replace(config, stages=(replace(stretched, steps_per_epoch=0, optim=optim),))


def psp_turned(column: Column, facts: DataFacts, scope: Scope) -> TrainConfig:
    """Return PSP Learning with random turns of the view, pipeline `authors-turned`, and the short schedule `TURNED`."""
    config = replace(psp_paper(column, facts, scope), data=PIPELINES["authors-turned"].data)
    return changed(config, TURNED)


def supervised_turned(column: Column, facts: DataFacts, scope: Scope) -> TrainConfig:
    """Return the supervised baseline of `psp_turned`."""
    return with_method(psp_turned(column, facts, scope), "supervised")


def psp_authors(column: Column, facts: DataFacts, scope: Scope) -> TrainConfig:
    """Return PSP Learning in the settings of the authors' earlier program: pipeline `authors`, 300 epochs of 500 steps.

    Network, optimiser and batches are those of preset `published`.
    """
    config = of_preset("published", column, facts, scope)
    stage = replace(rescheduled(config.last, EPOCHS_NW_UCLA), steps_per_epoch=500)
    return replace(config, stages=(stage,), data=PIPELINES["authors"].data)


def supervised_authors(column: Column, facts: DataFacts, scope: Scope) -> TrainConfig:
    """Return the supervised baseline of `psp_authors`."""
    return with_method(psp_authors(column, facts, scope), "supervised")


def psp_best(column: Column, facts: DataFacts, scope: Scope) -> TrainConfig:
    """Return the preset `best`."""
    return of_preset("best", column, facts, scope)


def psp_best_made(column: Column, facts: DataFacts, scope: Scope) -> TrainConfig:
    """Return the preset `best` as `psp train` starts it: from the encoders of size `light` made for such recordings."""
    config = of_preset("best", column, facts, replace(scope, size="light"))
    kind = Kind(facts.layout, facts.channels, facts.up, NormaliseConfig())
    made = made_weights(kind, config.model, config.last.method.modalities, only_shipped=True)
    assert made is not None, "the encoders of Northwestern-UCLA come with the package"
    return replace(config, stages=(replace(config.last, initialise=made),))


def psp_best_short(column: Column, facts: DataFacts, scope: Scope) -> TrainConfig:
    """Return `best` with 20 epochs for every budget, 60 with all labels, and without the noisy-label filter."""
    epochs = 60 if column.budget == "all" else 20
    return changed(psp_best(column, facts, scope), {"epochs": epochs, "method": {"noisy_labels": 0.0}})


def supervised_best(column: Column, facts: DataFacts, scope: Scope) -> TrainConfig:
    """Return the supervised baseline in the settings of `best`."""
    return with_method(psp_best(column, facts, scope), STREAMS)


def supervised_best_short(column: Column, facts: DataFacts, scope: Scope) -> TrainConfig:
    """Return the supervised baseline in the settings of the short `best`."""
    return with_method(psp_best_short(column, facts, scope), STREAMS)


def temporal_convolution(column: Column, facts: DataFacts, scope: Scope) -> TrainConfig:
    """Return `supervised_best_short` with an encoder that takes all joints of a frame as one vector."""
    config = supervised_best_short(column, facts, scope)
    return replace(config, model=replace(config.model, encoder=encoder_of_size("light")))


def compared_systems(supervised: Figures, psp: Figures) -> tuple[Row, ...]:
    """Return the rows of tables 2 and 3, with what the paper reports for the supervised baseline and PSP Learning."""
    return (
        Row("supervised", "supervised only, settings of the paper", supervised_paper, supervised),
        Row("paper", "PSP Learning, preset paper", psp_paper, psp),
        Row("published", "PSP Learning, preset published", psp_published, psp),
        Row("supervised-best", "supervised only, settings of best", supervised_best, supervised),
        Row("best", "preset best", psp_best, psp),
    )


def ablation(
    column: Column, facts: DataFacts, scope: Scope, levels: tuple[str, ...], polymerise: bool = True
) -> TrainConfig:
    """Return a system that contrasts only some levels; without any level it has neither CCL nor PPA.

    It is the preset that the scope names or, for a column that turns views, `psp_turned` in the place of `paper`.
    Without levels PSP Learning becomes its supervised baseline; `best` keeps its EMA teacher.
    """
    is_turned = column.turned and scope.preset == "paper"
    config = (psp_turned if is_turned else partial(of_preset, scope.preset))(column, facts, scope)
    if levels:
        return changed(config, {"method": {"pyramid": {"levels": list(levels), "polymerise": polymerise}}})
    if scope.preset == "best":
        return changed(config, {"method": {"contrast": 0.0}})
    return with_method(config, "supervised")


def best_with(column: Column, facts: DataFacts, scope: Scope, changes: Mapping[str, Any]) -> TrainConfig:
    """Return `best` with other settings."""
    return changed(psp_best(column, facts, scope), changes)


def best_with_large_batches(column: Column, facts: DataFacts, scope: Scope) -> TrainConfig:
    """Return `best` with four times as many clips per step, and so a quarter of the steps."""
    config = psp_best(column, facts, scope)
    batch = config.last.batch
    return changed(config, {"batch": {"labelled": 4 * batch.labelled, "unlabelled": 4 * batch.unlabelled}})


def best_with_one_augmentation(column: Column, facts: DataFacts, scope: Scope) -> TrainConfig:
    """Return `best` with labelled clips augmented as strongly as all others."""
    config = psp_best(column, facts, scope)
    return replace(config, data=replace(config.data, weak=config.data.strong))


def best_lasting(
    column: Column, facts: DataFacts, scope: Scope, times: float, noisy_labels: float = 0.0
) -> TrainConfig:
    """Return `best` with its epochs times `times` on the same schedule, and with that noisy-label filter."""
    config = psp_best(column, facts, scope)
    stage = rescheduled(config.last, round(times * config.last.epochs))
    return changed(replace(config, stages=(stage,)), {"method": {"noisy_labels": noisy_labels}})
