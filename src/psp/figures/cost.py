"""Accuracy against training cost: one point for each system."""

from collections.abc import Iterable, Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from psp.figures.canvas import INK, PALETTE

Point = tuple[float, float]
"""Minutes of the fastest training, and accuracy in per cent."""

SIDES = (
    ((4, 0), "left", "center"), ((-4, 0), "right", "center"), ((0, 4), "center", "bottom"), ((0, -4), "center", "top"),
    ((4, 4), "left", "bottom"), ((4, -4), "left", "top"), ((-4, 4), "right", "bottom"), ((-4, -4), "right", "top"),
    ((0, 12), "center", "bottom"), ((0, -12), "center", "top"),
)  # fmt: skip
"""Where the name of a point may stand: offset in points, horizontal and vertical alignment."""


def cost_figure(points: Mapping[str, Point], title: str = "") -> Figure:
    """Return a figure of named points with a panel for each protocol, which precedes the first hyphen of the names.

    The axis of the minutes is logarithmic. Points that no other one of the panel beats in both respects are joined by a
    line.
    """
    groups: dict[str, dict[str, Point]] = {}
    for name, point in points.items():
        group, _, own = name.partition("-")
        groups.setdefault(group, {})[own or name] = point
    figure = Figure(figsize=(6.5 * len(groups), 7.0), layout="constrained")
    for number, (group, found) in enumerate(groups.items()):
        axes, colour = figure.add_subplot(1, len(groups), number + 1), PALETTE[number % len(PALETTE)]
        front = undominated(found.values())
        axes.plot([each[0] for each in front], [each[1] for each in front], color=INK, linewidth=1, alpha=0.6)
        axes.scatter(*zip(*found.values(), strict=True), color=colour, zorder=3)
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("minutes of the fastest training")
        axes.set_ylabel("top-1 accuracy, %")
        axes.set_title(group)
        axes.spines[["top", "right"]].set_visible(False)
        axes.margins(x=0.15)
    figure.suptitle(title)
    figure.canvas.draw()
    for axes, found in zip(figure.axes, groups.values(), strict=True):
        _write_names(axes, found)
    return figure


def _write_names(axes: Axes, points: Mapping[str, Point]) -> None:
    """Write the name of each point at the side where it covers the least of other names and points and stays inside."""
    taken = [Bbox.from_bounds(x - 3, y - 3, 6, 6) for x, y in axes.transData.transform(list(points.values()))]
    for name, point in points.items():
        tried = list[tuple[float, int, Annotation, Bbox]]()
        for number, (offset, side, height) in enumerate(SIDES):
            text = axes.annotate(
                name, point, offset, textcoords="offset points", fontsize=7, ha=side, va=height, zorder=4
            )
            box = text.get_window_extent()
            outside = box.width * box.height - _overlap(box, axes.bbox)
            tried.append((outside + sum(_overlap(box, other) for other in taken), number, text, box))
        best = min(tried, key=lambda each: each[:2])
        taken.append(best[3])
        for each in tried:
            if each is not best:
                each[2].remove()


def _overlap(one: Bbox, other: Bbox) -> float:
    shared = Bbox.intersection(one, other)
    return shared.width * shared.height if shared else 0.0


def undominated(points: Iterable[Point]) -> list[Point]:
    """Return the points to which no other one is both cheaper and as accurate, by ascending minutes."""
    front: list[Point] = []
    for minutes, accuracy in sorted(points, key=lambda point: (point[0], -point[1])):
        if not front or accuracy > front[-1][1]:
            front.append((minutes, accuracy))
    return front
