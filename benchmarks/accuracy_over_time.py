"""Accuracy over the seconds of training, with the accuracies to reach."""

import os
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from psp.figures.canvas import INK, PALETTE, save

TimeCurves = Mapping[str, Sequence[tuple[float, float]]]


def draw_accuracy_over_time(path: str | os.PathLike[str], curves: TimeCurves, goals: Mapping[str, float]) -> None:
    """Draw (seconds, accuracy in %) pairs as lines, goals as dotted ones, and save as PNG, SVG or PDF."""
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    for number, (name, points) in enumerate(curves.items()):
        seconds, accuracies = zip(*points, strict=True)
        colour = PALETTE[number % len(PALETTE)]
        axes.plot(seconds, accuracies, color=colour, marker="o", markersize=3, linewidth=1.8, label=name)
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
