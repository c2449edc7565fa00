"""Figure 7: accuracies of ablations as bars, one group per data set."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from psp.figures.canvas import INK, PALETTE

HATCHES = ("", "///", "...")
WIDTH = 0.26
FOOT = 3.0
"""The height at which values are written, in per cent, below all whiskers."""


@dataclass(frozen=True)
class Bar:
    """The mean accuracy, its standard deviation (None for a single run), the number of seeds, and the paper's value."""

    mean: float
    deviation: float | None
    n: int
    paper: float | None


Groups = Mapping[str, Sequence[Bar | None]]
"""For each data set one bar per system, None if it was not measured."""


def ablation_figure(systems: Sequence[str], groups: Groups) -> Figure:
    """Return a figure of the bars with a legend."""
    figure = Figure(figsize=(max(7.0, 2.4 + 3.0 * len(groups)), 4.6), layout="constrained")
    plot_ablation(figure.add_subplot(), systems, groups)
    return figure


def plot_ablation(axes: Axes, systems: Sequence[str], groups: Groups) -> None:
    """Plot one group of bars per data set; a line across a bar is the value reported by the paper.

    Systems differ in colour and hatching, so that the figure is readable without colour. Whiskers are one standard
    deviation over label budgets.
    """
    for number, system in enumerate(systems):
        positions = np.arange(len(groups)) + (number - (len(systems) - 1) / 2) * (WIDTH + 0.03)
        bars = [(at, group[number]) for at, group in zip(positions, groups.values(), strict=True)]
        for first, (at, bar) in enumerate((at, bar) for at, bar in bars if bar is not None):
            axes.bar(
                at, bar.mean, WIDTH, label=None if first else system, facecolor=PALETTE[number],
                hatch=HATCHES[number % len(HATCHES)], edgecolor="white", linewidth=0,
            )  # fmt: skip
            _annotate(axes, at, bar)
    (reported,) = axes.plot([], [], color=INK, linewidth=2.2, label="reported by the paper")
    axes.set_xticks(np.arange(len(groups)), [_group_name(name, group) for name, group in groups.items()])
    axes.set_ylabel("top-1 accuracy, %")
    axes.set_ylim(0, 100)
    axes.set_xlim(-0.6, len(groups) - 0.4)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(axis="x", length=0)
    handles = [handle for handle in axes.get_legend_handles_labels()[0] if handle is not reported]
    axes.figure.legend(handles=[*handles, reported], loc="outside upper center", ncols=2, frameon=False, fontsize=9)


def _annotate(axes: Axes, at: float, bar: Bar) -> None:
    if bar.deviation is not None:
        axes.errorbar(at, bar.mean, bar.deviation, color=INK, capsize=4, linewidth=1.4)
    if bar.paper is not None:
        axes.hlines(bar.paper, at - WIDTH / 2, at + WIDTH / 2, color=INK, linewidth=2.2)
    box = {"boxstyle": "round,pad=0.25", "facecolor": "white", "edgecolor": "none"}
    axes.text(at, FOOT, f"{bar.mean:.1f}", ha="center", va="bottom", fontsize=9.5, color=INK, bbox=box)


def _group_name(name: str, group: Sequence[Bar | None]) -> str:
    seeds = sorted({bar.n for bar in group if bar is not None})
    return f"{name}\n{' or '.join(map(str, seeds)) or 'no'} seed{'' if seeds == [1] else 's'}"
