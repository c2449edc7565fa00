"""Accuracy against training cost: one point for each system."""

from collections.abc import Iterable, Mapping

from matplotlib.figure import Figure

from psp.figures.canvas import INK, PALETTE

Point = tuple[float, float]
"""Minutes of a training, and accuracy in per cent."""


def cost_figure(points: Mapping[str, Point], title: str = "") -> Figure:
    """Return a figure of named points; names up to their first hyphen, the protocol, have one colour each.

    The axis of the minutes is logarithmic. Points that no other one beats in both respects are joined by a line.
    """
    figure = Figure(figsize=(9.0, 6.0), layout="constrained")
    axes = figure.add_subplot()
    groups = list(dict.fromkeys(name.partition("-")[0] for name in points))
    for number, group in enumerate(groups):
        own = {name: point for name, point in points.items() if name.partition("-")[0] == group}
        colour = PALETTE[number % len(PALETTE)]
        axes.scatter(*zip(*own.values(), strict=True), color=colour, label=group, zorder=3)
        for name, (minutes, accuracy) in own.items():
            axes.annotate(
                name.partition("-")[2] or name, (minutes, accuracy), (4, 3), textcoords="offset points", fontsize=7
            )
    front = undominated(points.values())
    axes.plot([each[0] for each in front], [each[1] for each in front], color=INK, linewidth=1, alpha=0.6, zorder=2)
    axes.set_xscale("log")
    axes.set_xlabel("minutes of a training")
    axes.set_ylabel("top-1 accuracy, %")
    axes.set_title(title)
    axes.spines[["top", "right"]].set_visible(False)
    if len(groups) > 1:
        axes.legend(frameon=False)
    return figure


def undominated(points: Iterable[Point]) -> list[Point]:
    """Return the points to which no other one is both cheaper and as accurate, by ascending minutes."""
    front: list[Point] = []
    for minutes, accuracy in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or accuracy > front[-1][1]:
            front.append((minutes, accuracy))
    return front
