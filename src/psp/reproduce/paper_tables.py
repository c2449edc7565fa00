"""The experiments: tables 2 to 4 and figures 5 to 8 of the paper, and the recipe of preset `best`."""

from dataclasses import replace
from difflib import get_close_matches
from functools import partial
from typing import Any

from psp.errors import ConfigError
from psp.model.pyramid import LEVELS
from psp.reproduce.comparison import grid_rows
from psp.reproduce.experiment import Column, Experiment, Make, Quick, Row
from psp.reproduce.systems import (
    ablation,
    best_lasting,
    best_with,
    best_with_large_batches,
    best_with_one_augmentation,
    compared_systems,
    psp_authors,
    psp_best,
    psp_best_made,
    psp_best_short,
    psp_paper,
    psp_turned,
    supervised_authors,
    supervised_best,
    supervised_best_short,
    supervised_paper,
    supervised_turned,
    temporal_convolution,
)
from psp.train.presets import PresetName

NTU: tuple[PresetName, ...] = ("paper", "published", "best")
BUILT_IN: tuple[PresetName, ...] = ("paper",)
"""The presets that count a data set as large. The paper has settings for NTU RGB+D and for Northwestern-UCLA; the
built-in data, which imitate the sensor of NTU RGB+D, use the former. `best` depends only on the number of clips, of
which the built-in data have few."""

# Table 2

SPLITS = {"cs": "ntu60-xsub", "cv": "ntu60-xview"}
SHARES = {5: "1/class", 10: "2/class", 20: "4/class", 40: "8/class"}
"""Percentages, and the labels per class of the quick version, in the same proportions."""

TABLE2_COLUMNS = tuple(
    Column(f"{share}-{short}", f"{share} % {short.upper()}", split, f"{share}%", 3, few, NTU)
    for share, few in SHARES.items()
    for short, split in SPLITS.items()
)

TABLE2_OTHERS = {
    "S4L": (48.4, 55.1, 58.1, 63.6, 63.1, 71.1, 68.2, 76.9),
    "Pseudolabels": (50.9, 56.3, 58.4, 65.8, 63.9, 71.2, 69.5, 77.7),
    "VAT": (51.3, 57.9, 60.3, 66.3, 65.6, 72.6, 70.4, 78.6),
    "VAT+EntMin": (51.7, 58.3, 61.4, 67.5, 65.9, 73.3, 70.8, 78.9),
    "ASSL": (57.3, 63.6, 64.3, 69.8, 68.0, 74.7, 72.3, 80.0),
    "AL+K": (57.8, None, 62.9, None, None, None, None, None),
    "X-CAR": (67.3, 70.0, 76.1, 78.2, 79.4, 85.7, 84.1, 90.4),
    "AS-CAL": (None, None, 52.2, 57.3, None, None, None, None),
    "LongT GAN": (None, None, 62.0, None, None, None, None, None),
    "Holden et al.": (None, None, None, None, None, None, 72.9, 81.1),
    "EnGAN-PoseRNN": (None, None, None, None, None, None, 78.7, 86.5),
    "MS2L": (None, None, 65.2, None, None, None, None, None),
    "Skeleton-Contrastive": (59.6, 65.7, 65.9, 72.5, 70.8, 78.2, None, None),
    "GL-Transformer": (64.5, 68.5, 68.6, 74.9, None, None, None, None),
    "CPM": (None, None, 73.0, 77.1, None, None, None, None),
    "3s-Colorization": (65.7, 70.3, 71.7, 78.9, 76.4, 82.7, 79.8, 86.8),
    "3s-CrosSCLR": (None, None, 74.4, 77.8, None, None, None, None),
    "CMD": (71.0, 75.3, 75.4, 80.2, 78.7, 84.3, None, None),
    "PSP Learning": (72.2, 76.3, 78.1, 82.1, 82.6, 86.9, 85.4, 90.8),
}
"""Accuracies of table 2 of the paper, in the order of the columns; None where it states no number."""

TABLE2_FIGURES = {
    name: {column.name: value for column, value in zip(TABLE2_COLUMNS, values, strict=True) if value is not None}
    for name, values in TABLE2_OTHERS.items()
}

TABLE2 = Experiment(
    "table2",
    "Table 2: NTU RGB+D 60, cross-subject (CS) and cross-view (CV)",
    rows=compared_systems({"5-cs": 68.8}, TABLE2_FIGURES["PSP Learning"]),
    columns=TABLE2_COLUMNS,
    quick=Quick(columns=8, seeds=1, epochs=1, steps=8),
    others=TABLE2_FIGURES,
    references=("supervised",),
)

# Table 3

SEEDS = {5: 5, 15: 5, 30: 3, 40: 3}
"""How many label budgets are drawn for each percentage: with fewer labels the accuracy varies more between draws."""

TABLE3_OTHERS = {
    "S4L": {"5": 35.3, "15": 46.6, "30": 54.5, "40": 60.6},
    "Pseudolabels": {"5": 35.6, "15": 48.9, "30": 60.6, "40": 65.7},
    "VAT": {"5": 44.8, "15": 63.8, "30": 73.7, "40": 73.9},
    "VAT+EntMin": {"5": 46.8, "15": 66.2, "30": 75.4, "40": 75.6},
    "ASSL": {"5": 52.6, "15": 74.8, "30": 78.0, "40": 78.4},
    "AL+K": {"5": 63.6, "15": 76.8, "30": 77.2, "40": 78.9},
    "X-CAR": {"5": 68.7, "15": 77.5, "30": 80.9, "40": 83.1},
    "GL-Transformer": {"5": 58.5},
    "MS2L": {"15": 60.5},
    "PSP Learning": {"5": 69.2, "15": 77.8, "30": 80.6, "40": 83.6},
}
"""Accuracies of table 3 of the paper."""

SUPERVISED = {"5": 59.1}
"""Labels alone, from figure 7 of the paper."""

PSP = TABLE3_OTHERS["PSP Learning"]

TABLE3 = Experiment(
    "table3",
    "Table 3: Northwestern-UCLA",
    rows=(
        Row("labels", "supervised only, turned views", supervised_turned, SUPERVISED, authors=True),
        Row("psp", "PSP Learning, turned views", psp_turned, PSP, authors=True),
        Row("labels-text", "supervised only, as the text says", supervised_paper, SUPERVISED, columns=("5",)),
        Row("psp-text", "PSP Learning, as the text says", psp_paper, PSP, columns=("5",)),
        Row("labels-authors", "supervised only, earlier program", supervised_authors, SUPERVISED, True, ("5",)),
        Row("psp-authors", "PSP Learning, earlier program", psp_authors, PSP, True, ("5",)),
        Row("supervised-best", "supervised only, settings of best", supervised_best, SUPERVISED),
        Row("best", "preset best", psp_best, PSP),
        Row("best-made", "preset best, from made encoders", psp_best_made, PSP),
        Row("temporal-convolution", "supervised only, temporal convolution", temporal_convolution, SUPERVISED),
        Row("supervised-best-short", "supervised only, settings of best (short)", supervised_best_short, SUPERVISED),
        Row("best-short", "preset best (short)", psp_best_short, PSP),
    ),
    columns=(
        *(Column(f"{share}", f"{share} %", "nw-ucla", f"{share}%", seeds) for share, seeds in SEEDS.items()),
        Column("all", "all labels", "nw-ucla", "all", 3),
        Column("one", "one label per class", "nw-ucla", "1/class", 5, rows=("supervised-best", "best", "best-made")),
    ),
    quick=Quick(columns=1, seeds=2, epochs=2, steps=16),
    others=TABLE3_OTHERS,
    references=("labels", "labels-text", "supervised-best", "temporal-convolution", "supervised-best-short"),
)

# Table 4 and the figures

QUICK = Quick(columns=3, seeds=2, epochs=1, steps=8)

COLUMNS = (
    Column("nw-ucla", "Northwestern-UCLA, 5 %", "nw-ucla", "5%", 5, turned=True),
    Column("synthetic", "built-in data, 5 labels per class", "synthetic-xsub", "5/class", 5, "2/class", BUILT_IN, True),
    Column("ntu60", "NTU RGB+D 60 CS, 5 %", "ntu60-xsub", "5%", 5, "1/class", NTU),
)

NTU_BY_LEVELS = {
    (): 68.8,
    ("joint",): 70.8,
    ("part",): 70.6,
    ("body",): 70.9,
    ("part", "joint"): 71.3,
    ("body", "joint"): 71.2,
    ("body", "part"): 71.4,
    LEVELS: 72.2,
}
"""Table 4 of the paper: accuracy by the levels that are contrasted, in the order of B1 to B8."""

without_contrast = partial(ablation, levels=())
without_ppa = partial(ablation, levels=LEVELS, polymerise=False)
whole = partial(ablation, levels=LEVELS)


def _baseline(number: int, levels: tuple[str, ...], accuracy: float) -> Row:
    title = f"B{number}: " + (" and ".join(reversed(levels)) + " level" if levels else "without CCL")
    title = "B8: all levels, PSP Learning" if levels == LEVELS else title
    figures = {"ntu60": accuracy} | {1: {"nw-ucla": 59.1}, 8: {"nw-ucla": 69.2}}.get(number, {})
    return Row(f"b{number}", title, partial(ablation, levels=levels), figures)


TABLE4 = Experiment(
    "table4",
    "Table 4: which levels are contrasted",
    rows=tuple(_baseline(number, *each) for number, each in enumerate(NTU_BY_LEVELS.items(), start=1)),
    columns=COLUMNS,
    quick=QUICK,
    references=("b1", "b8"),
    ablates=True,
)

FIGURE5 = Experiment(
    "figure5",
    "Figure 5: attention maps of PSP Learning",
    rows=(Row("a3", "PSP Learning", whole),),
    columns=COLUMNS,
    quick=QUICK,
    from_weights=True,
    ablates=True,
    drawing="attention",
)

FIGURE6 = Experiment(
    "figure6",
    "Figure 6: features of PSP Learning without PPA and CCL, without PPA, and whole",
    rows=(
        Row("a1", "(a) without PPA, without CCL", without_contrast),
        Row("a2", "(b) without PPA, with CCL", without_ppa),
        Row("a3", "(c) PSP Learning: with PPA, with CCL", whole),
    ),
    columns=COLUMNS,
    quick=QUICK,
    references=("a1", "a2"),
    from_weights=True,
    ablates=True,
    drawing="features",
)

FIGURE7 = Experiment(
    "figure7",
    "Figure 7: without CCL and PPA, without PPA, and PSP Learning",
    rows=(
        Row("a1", "A1: without CCL and PPA", without_contrast, {"ntu60": 68.8, "nw-ucla": 59.1}),
        Row("a2", "A2: without PPA", without_ppa, {"ntu60": 71.5, "nw-ucla": 64.5}),
        Row("a3", "A3: PSP Learning", whole, {"ntu60": 72.2, "nw-ucla": 69.2}),
    ),
    columns=COLUMNS,
    quick=QUICK,
    references=("a1", "a2"),
    ablates=True,
    drawing="bars",
)

FIGURE8 = replace(
    TABLE4,
    name="figure8",
    title="Figure 8: features by the levels that are contrasted",
    from_weights=True,
    drawing="features",
)

# The recipe

MUON_TO_ADAMW = {"optim": {"optimiser": "adamw", "learning_rate": 2e-3, "momentum": 0.9}}
"""AdamW with the learning rate and momentum that were tuned with it."""


def _best_with(changes: dict[str, Any]) -> Make:
    return partial(best_with, changes=changes)


VIEWS = tuple(
    Column(f"view{one}-to-view{other}", f"view {one} to view {other}", f"nw-ucla-view{one}-to-view{other}",
           "5/class", 3)
    for one, other in ((1, 2), (2, 1))
)  # fmt: skip

RECIPE = Experiment(
    "recipe",
    "The recipe of preset best: Northwestern-UCLA, one training view against the other, 5 labels per class",
    rows=(
        Row("best", "preset best", psp_best),
        Row("no-contrast", "without contrast", _best_with({"method": {"contrast": 0.0}})),
        Row("strong-contrast", "contrast three times as strong", _best_with({"method": {"contrast": 0.09}})),
        Row("no-ppa", "without PPA", _best_with({"method": {"pyramid": {"polymerise": False}}})),
        Row("no-spreading", "without label spreading", _best_with({"method": {"label_spreading": 0.0}})),
        Row("no-teacher", "without EMA teacher", _best_with({"method": {"consistency": 0.0}})),
        Row("no-overhang", "without overhanging crops", _best_with({"data": {"resample": {"overhang": 0.0}}})),
        Row("large-batches", "batches four times as large", best_with_large_batches),
        Row("adamw", "AdamW instead of Muon", _best_with(MUON_TO_ADAMW)),
        Row("one-augmentation", "labelled clips augmented as strongly", best_with_one_augmentation),
        Row("half-the-epochs", "half the epochs", partial(best_lasting, times=0.5)),
        Row("long", "three times the epochs", partial(best_lasting, times=3)),
        Row("long-filter", "three times the epochs, with filter", partial(best_lasting, times=3, noisy_labels=0.5)),
        Row("supervised", "supervised only", supervised_best),
    ),
    columns=VIEWS,
    quick=Quick(columns=2, seeds=2, epochs=2, steps=8),
    references=("best", "supervised"),
)

# The comparison systems

GRID = Experiment(
    "grid",
    "An option of every comparison system: Northwestern-UCLA, view 1 to view 2, 5 labels per class",
    rows=grid_rows(),
    columns=(replace(VIEWS[0], seeds=1),),
    quick=Quick(columns=1, seeds=1, epochs=1, steps=4),
)

EXPERIMENTS = {each.name: each for each in (TABLE2, TABLE3, TABLE4, FIGURE5, FIGURE6, FIGURE7, FIGURE8, RECIPE, GRID)}


def experiment_by_name(name: str) -> Experiment:
    """Return an experiment; an unknown name raises ConfigError with the nearest one."""
    if name in EXPERIMENTS:
        return EXPERIMENTS[name]
    near = get_close_matches(name, EXPERIMENTS, n=1)
    remedy = f"Did you mean {near[0]!r}?" if near else f"Choose one of {', '.join(EXPERIMENTS)}."
    raise ConfigError(f"there is no experiment {name!r}.", remedy=remedy)
