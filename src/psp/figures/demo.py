"""The picture of the demonstration: learning curves above, confusion matrices below."""

import os
from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from psp.figures.canvas import save
from psp.figures.confusion import Matrix, plot_confusions, size_of_matrices
from psp.figures.learning_curves import Curves, plot_learning_curves

CURVES_HEIGHT = 3.2


def draw_demo(
    path: str | os.PathLike[str], curves: Curves, matrices: Mapping[str, Matrix], classes: Sequence[str]
) -> None:
    """Draw accuracies in per cent over training above the confusion matrices; save as PNG, SVG or PDF."""
    width, height = size_of_matrices(len(matrices), classes)
    figure = Figure(figsize=(width, CURVES_HEIGHT + height), layout="constrained")
    ratios = (CURVES_HEIGHT, height)
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=ratios, hspace=0.04)[:, 0]
    plot_learning_curves(above.add_subplot(), curves, ylabel="test accuracy, %")
    plot_confusions(list(below.subplots(1, len(matrices), squeeze=False)[0]), matrices, classes)
    save(figure, path)
