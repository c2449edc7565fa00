"""Figure 5: the attention maps of Pyramid Polymerizing Attention, from bodies to parts to joints."""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import numpy as np
from jaxtyping import Int64

from psp.files import write_json
from psp.evaluate.attention import MEASURES, ClipAttention, Importance, agreement_with_motion, attend
from psp.evaluate.trained import Trained, open_trained
from psp.figures.attention_maps import attention_figure
from psp.figures.canvas import save
from psp.model.pyramid import LEVELS
from psp.reproduce.experiment import Column, Experiment, Row
from psp.reproduce.place import Place
from psp.reproduce.run_folders import run_folders
from psp.reproduce.systems import ablation
from psp.reproduce.table import Stem, Table
from psp.reproduce.table4 import COLUMNS, QUICK

FIGURE5 = Experiment(
    "figure5",
    "Figure 5: attention maps of PSP Learning",
    rows=(Row("a3", "PSP Learning", partial(ablation, levels=LEVELS)),),
    columns=COLUMNS,
    quick=QUICK,
    from_weights=True,
    ablates=True,
)

SHOWN = {
    "ntu60": ("clap", "touch pocket", "sit down", "kicking something"),
    "nw-ucla": ("walk around", "sit down", "throw", "pick up with one hand"),
    "synthetic": ("wave", "throw", "kick", "sit down"),
}
"""Classes that are shown, by data set; of each the first test clip, whatever it looks like."""

Agreement = dict[str, float]
"""Spearman's rank correlation of importance and motion, by level."""

MOST_CLIPS = 500
"""On how many test clips at most, evenly taken, the agreement of attention and motion is measured."""


def draw_figure5(table: Table, place: Place, stem: Stem) -> list[Path]:
    """For every column two pictures of the first seed's network, by both measures of importance, and their figures.

    The correlations are means over the networks of all seeds.
    """
    return [path for column in table.columns for path in _draw_column(table, place, column, stem([column]))]


def shown_clips(trained: Trained) -> Int64[np.ndarray, "s"]:
    """The first test clip of each class of SHOWN; of the first four classes where none of them occurs."""
    store, tests = trained.store, trained.tests()
    labels = store.clips.label[tests]
    present = {store.classes[label]: label for label in np.unique(labels)}
    names = [name for name in SHOWN.get(store.dataset, ()) if name in present] or list(present)[:4]
    return np.array([tests[labels == present[name]][0] for name in names])


def _draw_column(table: Table, place: Place, column: Column, stem: Path) -> list[Path]:
    folders = run_folders(table, place, column).get(FIGURE5.rows[0].name)
    if not folders:
        return []
    networks = {folders[seed].name: open_trained(folders[seed], device=place.device) for seed in sorted(folders)}
    first = next(iter(networks.values()))
    tests = first.tests()
    measured = tests[:: max(1, -(-len(tests) // MOST_CLIPS))]
    agreements = {name: _agreements(trained, measured) for name, trained in networks.items()}
    clips, written = attend(first, shown_clips(first)), []
    for measure in MEASURES:
        found = [by_measure[measure] for by_measure in agreements.values()]
        note = f"Over {len(measured)} test clips importance and motion correlate (Spearman): {_in_words(found)}."
        pictures = [stem.with_name(f"{stem.name}-{measure}{kind}") for kind in (".png", ".svg")]
        save(attention_figure(clips, first.store.layout, measure=measure, note=note), *pictures)
        written += pictures
    figures = stem.with_name(f"{stem.name}-attention.json")
    write_json(figures, _as_plain(len(measured), agreements, clips))
    return [*written, figures]


def _agreements(trained: Trained, clips: Int64[np.ndarray, "s"]) -> dict[Importance, Agreement]:
    """How well attention and motion agree by each measure of importance."""
    attended = attend(trained, clips)
    return {measure: agreement_with_motion(attended, trained.store.layout, measure) for measure in MEASURES}


def _in_words(found: Sequence[Agreement]) -> str:
    networks = f", mean of {len(found)} networks" if len(found) > 1 else ""
    return ", ".join(f"{level} {_over_networks([each[level] for each in found])}" for level in found[0]) + networks


def _over_networks(values: Sequence[float]) -> str:
    return f"{mean(values):+.2f}" + (f" ± {stdev(values):.2f}" if len(values) > 1 else "")


def _as_plain(
    measured: int, agreements: Mapping[str, Mapping[Importance, Agreement]], clips: Sequence[ClipAttention]
) -> dict[str, Any]:
    by_run = [{"run": name, **by_measure} for name, by_measure in agreements.items()]
    return {
        "view": "joint",
        "clips shown": {each.clip.id: each.action for each in clips},
        "importance and motion, Spearman": {"clips": measured, "by run": by_run},
    }
