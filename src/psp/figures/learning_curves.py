"""Learning curves: a value over the steps of training, one line per run."""

import os
from collections.abc import Mapping, Sequence
from statistics import fmean

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from psp.figures.canvas import INK, PALETTE, save
from psp.text import for_picture

MARKERS = "osD^vPX*"
GAP = 0.07
"""The smallest distance between two names, as a share of the height of the axes."""

PALE = 0.3

Curves = Mapping[str, Sequence[tuple[int, float]]]


def draw_learning_curves(path: str | os.PathLike[str], curves: Curves, *, ylabel: str, smooth: bool = False) -> None:
    """Draw (step, value) pairs as lines and save the figure as PNG, SVG or PDF.

    With `smooth` the lines are running means, with the values themselves pale behind them.
    """
    figure = Figure(figsize=(7, 4), layout="constrained")
    plot_learning_curves(figure.add_subplot(), curves, ylabel=ylabel, smooth=smooth)
    save(figure, path)


def smoothed(curves: Curves) -> Curves:
    """Return running means over a tenth of each line; the window shrinks towards both ends."""
    return {name: _running_mean(points, len(points) // 20) for name, points in curves.items()}


def plot_learning_curves(axes: Axes, curves: Curves, *, ylabel: str, smooth: bool = False) -> None:
    """Plot one line per run, with its name at its end instead of a legend.

    Lines differ in colour and marker, so that the figure is readable without colour. A run without points is
    left out.
    """
    shown = smoothed(curves) if smooth else curves
    drawn = {name: list(zip(*points, strict=True)) for name, points in shown.items() if points}
    styles = [(PALETTE[number % len(PALETTE)], MARKERS[number % len(MARKERS)]) for number in range(len(drawn))]
    for (steps, values), (colour, marker) in zip(drawn.values(), styles, strict=True):
        every = max(1, len(steps) // 12)
        axes.plot(steps, values, color=colour, marker=marker, markersize=5, markevery=every, linewidth=1.8)
    for points, (colour, _) in zip(filter(None, curves.values()), styles, strict=True) if smooth else ():
        axes.plot(*zip(*points, strict=True), color=colour, alpha=PALE, linewidth=0.8, zorder=1)
    axes.set_xlabel("training step")
    axes.set_ylabel(ylabel)
    axes.grid(axis="y", color="#DDDDDD", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    _name_lines(axes, {name: values[-1] for name, (_, values) in drawn.items()}, [colour for colour, _ in styles])


def _running_mean(points: Sequence[tuple[int, float]], reach: int) -> list[tuple[int, float]]:
    values, last = [value for _, value in points], len(points) - 1
    reaches = (min(reach, at, last - at) for at in range(len(points)))
    means = [fmean(values[at - own : at + own + 1]) for at, own in enumerate(reaches)]
    return [(step, mean) for (step, _), mean in zip(points, means, strict=True)]


def _name_lines(axes: Axes, ends: Mapping[str, float], colours: Sequence[str]) -> None:
    low, high = axes.get_ylim()
    heights = kept_apart([(end - low) / (high - low) for end in ends.values()], GAP)
    for (name, end), height, colour in zip(ends.items(), heights, colours, strict=True):
        axes.text(1.06, height, for_picture(name), color=INK, va="center", transform=axes.transAxes)
        start = (1.01, (end - low) / (high - low))
        axes.annotate(
            "", xy=(1.05, height), xytext=start, xycoords=axes.transAxes, textcoords=axes.transAxes,
            arrowprops={"arrowstyle": "-", "color": colour, "shrinkA": 0, "shrinkB": 0, "linewidth": 1.8},
        )  # fmt: skip


def kept_apart(heights: Sequence[float], gap: float) -> list[float]:
    """Return the nearest heights (least squares) in the same order whose neighbours differ by at least `gap`.

    After n gaps are subtracted from the n-th height this is isotonic regression, solved by pooling adjacent
    violators.
    """
    order = np.argsort(heights, kind="stable")
    pools: list[list[float]] = []
    for rank, index in enumerate(order):
        pools.append([heights[index] - rank * gap])
        while len(pools) > 1 and np.mean(pools[-2]) >= np.mean(pools[-1]):
            pools[-2:] = [pools[-2] + pools[-1]]
    moved = [float(np.mean(pool)) for pool in pools for _ in pool]
    result = dict(zip(order.tolist(), (value + rank * gap for rank, value in enumerate(moved)), strict=True))
    return [result[index] for index in range(len(heights))]
