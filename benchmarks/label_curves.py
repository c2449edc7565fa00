"""The picture of accuracy over the number of labels, by the way in which they are chosen."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from psp.figures.canvas import INK, PALETTE

SHOWN = {
    "typical": ("the labeller", PALETTE[0], "-"),
    "typical-only": ("the labeller without random clips", PALETTE[5], "--"),
    "random": ("random", PALETTE[1], "-"),
    "class-balanced": ("class-balanced, which knows the classes", PALETTE[6], ":"),
}
"""Name, colour and line of each strategy in pictures."""

RECOGNISERS = {"linear": "logistic regression", "network": "preset best"}
"""The names of the recognisers in pictures."""

PANELS = 3
"""Panels in a row of pictures."""


def draw_accuracy_over_labels(runs: Iterable[Mapping[str, Any]]) -> Figure:
    """Return a figure of accuracy over labels, a panel for each recogniser and data set.

    Lines are means over seeds, bands their standard errors.
    """
    panels: dict[tuple[str, str], dict[str, dict[tuple[int, ...], list[list[float]]]]] = {}
    for run in runs:
        own = panels.setdefault((RECOGNISERS[run["recogniser"]], run["data"]), {})
        own.setdefault(run["strategy"], {}).setdefault(tuple(run["labels"]), []).append(run["accuracy"])
    rows = -(-len(panels) // PANELS)
    figure = Figure(figsize=(3.3 * PANELS, 2.9 * rows + 0.4), layout="constrained")
    for number, ((recogniser, data), strategies) in enumerate(panels.items(), start=1):
        axes = figure.add_subplot(rows, PANELS, number)
        for strategy in (each for each in SHOWN if each in strategies):
            for labels, accuracies in strategies[strategy].items():
                _draw_curve(axes, labels, np.array(accuracies), *SHOWN[strategy])
        axes.set_title(f"{data}, {recogniser}", fontsize=10, color=INK)
        axes.set_xlabel("labels per class, on average")
        axes.set_ylabel("test accuracy, %")
        axes.spines[["top", "right"]].set_visible(False)
    legend = {line.get_label(): line for axes in figure.axes for line in axes.get_lines()}
    figure.legend(legend.values(), legend.keys(), frameon=False, loc="outside lower center", ncols=2)
    return figure


def _draw_curve(
    axes: Axes, labels: Sequence[int], accuracies: Float[np.ndarray, "s l"], name: str, colour: str, line: str
) -> None:
    mean = accuracies.mean(axis=0)
    axes.plot(labels, mean, line, color=colour, marker="o", markersize=3, linewidth=1.8, label=name)
    if len(accuracies) > 1:
        error = accuracies.std(axis=0, ddof=1) / len(accuracies) ** 0.5
        axes.fill_between(labels, mean - error, mean + error, color=colour, alpha=0.15, linewidth=0)
    axes.set_xticks(labels)
