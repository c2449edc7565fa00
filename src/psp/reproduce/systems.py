"""The systems that tables compare: presets with and without their contrast, named once for all experiments."""

from collections.abc import Mapping
from dataclasses import replace

from psp.reproduce.experiment import Row, Scope
from psp.train.config import TrainConfig
from psp.train.presets import PRESETS, best, paper, published

Figures = Mapping[str, float]

EPOCHS_NW_UCLA = 300
"""How long the paper trains on Northwestern-UCLA."""


def supervised_paper(protocol: str, budget: str, scope: Scope) -> TrainConfig:
    """A1 of the paper: encoder and classifier, labelled clips only, in the settings of the text."""
    return replace(paper(protocol, budget, scope.size), method="supervised")


def psp_paper(protocol: str, budget: str, scope: Scope) -> TrainConfig:
    """PSP Learning in the settings of the text."""
    return paper(protocol, budget, scope.size)


def psp_published(protocol: str, budget: str, scope: Scope) -> TrainConfig:
    """PSP Learning in the settings of the published program, which trains on NTU RGB+D only.

    Its epoch of 500 steps is about one pass over NTU RGB+D. Elsewhere an epoch is a pass too, and on
    Northwestern-UCLA there are as many as in the paper, the milestones moved in proportion.
    """
    config = published(protocol, budget, scope.size)
    if protocol.startswith("ntu"):
        return config
    stretch = EPOCHS_NW_UCLA / config.epochs
    milestones = tuple(round(stretch * milestone) for milestone in config.optim.milestones)
    return replace(config, epochs=EPOCHS_NW_UCLA, steps=0, optim=replace(config.optim, milestones=milestones))


def psp_best(protocol: str, budget: str, scope: Scope) -> TrainConfig:
    """The preset `best`."""
    return best(protocol, budget, scope.size)


def psp_best_short(protocol: str, budget: str, scope: Scope) -> TrainConfig:
    """`best` over 20 epochs whatever the budget, 60 with all labels, without doubting any."""
    return replace(best(protocol, budget, scope.size), epochs=60 if budget == "all" else 20, doubt=0.0)


def supervised_best(protocol: str, budget: str, scope: Scope) -> TrainConfig:
    """Labelled clips only, in the settings of `best`: what its augmentation and schedule bring by themselves."""
    return replace(best(protocol, budget, scope.size), method="streams", doubt=0.0)


def supervised_best_short(protocol: str, budget: str, scope: Scope) -> TrainConfig:
    """Labelled clips only, in the settings of the short `best`."""
    return replace(psp_best_short(protocol, budget, scope), method="streams")


def temporal_convolution(protocol: str, budget: str, scope: Scope) -> TrainConfig:
    """A plain baseline: as `supervised_best_short`, but every frame of the body is one vector; of one size only."""
    config = supervised_best_short(protocol, budget, scope)
    return replace(config, model=replace(config.model, encoder=paper(protocol, budget, "light").model.encoder))


def compared_systems(supervised: Figures, psp: Figures) -> tuple[Row, ...]:
    """The rows of tables 2 and 3, beside what the paper reports for labels alone and for PSP Learning."""
    return (
        Row("supervised", "supervised only, settings of the paper", supervised_paper, supervised),
        Row("paper", "PSP Learning, preset paper", psp_paper, psp),
        Row("published", "PSP Learning, preset published", psp_published, psp),
        Row("supervised-best", "supervised only, settings of best", supervised_best, supervised),
        Row("best", "preset best", psp_best, psp),
    )


def ablation(protocol: str, budget: str, scope: Scope, levels: tuple[str, ...], polymerise: bool = True) -> TrainConfig:
    """A preset that contrasts some levels only; without any, all that goes is the contrast, and with it PPA.

    Then PSP Learning is left with the labelled clips, `best` with these and its teacher.
    """
    config = PRESETS[scope.preset](protocol, budget, scope.size)
    if levels:
        return replace(config, model=replace(config.model, levels=levels, polymerise=polymerise))
    if config.method == "taught":
        return replace(config, objective=replace(config.objective, contrast=0.0))
    return replace(config, method="supervised")
