"""Figures of confusion matrices."""

import os
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from psp.figures.canvas import INK, save
from psp.text import for_picture

Matrix = Sequence[Sequence[int]]
LEAST_SHARE = 0.005


def draw_confusion(path: str | os.PathLike[str], matrices: Mapping[str, Matrix], classes: Sequence[str]) -> None:
    """Draw confusion matrices side by side and save the figure as PNG, SVG or PDF."""
    figure = Figure(figsize=size_of_matrices(len(matrices), classes), layout="constrained")
    plot_confusions(list(figure.subplots(1, len(matrices), squeeze=False)[0]), matrices, classes)
    save(figure, path)


def size_of_matrices(number: int, classes: Sequence[str]) -> tuple[float, float]:
    """Return the width and height in inches for readable cells and class names."""
    side = 0.29 * max(8, len(classes))
    names = 0.6 + 0.075 * max(len(for_picture(name)) for name in classes)
    return number * (side + 0.3) + names, side + names + 0.3


def plot_confusions(axes: Sequence[Axes], matrices: Mapping[str, Matrix], classes: Sequence[str]) -> None:
    """Plot one matrix into each of the axes, with the class names of the rows at the first one only."""
    for number, (panel, (name, matrix)) in enumerate(zip(axes, matrices.items(), strict=True)):
        plot_confusion(panel, matrix, classes, name)
        if number:
            panel.set_yticklabels([])
            panel.set_ylabel("")


def plot_confusion(axes: Axes, matrix: Matrix, classes: Sequence[str], name: str) -> None:
    """Plot a matrix of counts, rows true and columns predicted, as per cent of each row.

    The title adds top-1 accuracy, the share of the diagonal. A class without test clips has an empty row.
    """
    counts = np.asarray(matrix)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    _write_cells(axes, shares)
    ticks = np.arange(len(classes))
    names = [for_picture(each) for each in classes]
    axes.set_xticks(ticks, names, rotation=90, fontsize=8)
    axes.set_yticks(ticks, names, fontsize=8)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.tick_params(length=0)
    axes.spines[:].set_color("#BBBBBB")
    axes.set_title(f"{for_picture(name)}: {100 * _accuracy(counts):.1f} % top-1", fontsize=11, color=INK)


def _write_cells(axes: Axes, shares: Float[np.ndarray, "k k"]) -> None:
    for row, column in np.argwhere(shares >= LEAST_SHARE):
        share = shares[row, column]
        ink = "white" if share > 0.55 else INK
        axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", fontsize=6.5, color=ink)


def _accuracy(counts: Int[np.ndarray, "k k"]) -> float:
    return float(np.trace(counts) / max(1, counts.sum()))
