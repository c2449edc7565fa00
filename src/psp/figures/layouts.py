"""Skeleton layouts as stick figures: numbered joints, bones, parts and bodies."""

import os
from collections.abc import Iterator, Sequence
from itertools import count

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from psp.figures.canvas import INK, save
from psp.figures.neutral_pose import NEUTRAL_POSE
from psp.skeleton.layout import Layout
from psp.synthetic.body import usual_name
from psp.text import for_picture

PART_COLOURS = (
    "#332288", "#DDCC77", "#117733", "#88CCEE", "#882255",
    "#CC6677", "#44AA99", "#999933", "#AA4499", "#666666",
)  # fmt: skip
"""Tol's muted colours, which colour-blind readers can distinguish."""

DARK_COLOURS = {"#332288", "#117733", "#882255", "#AA4499", "#666666"}
BODY_MARKERS = "osDhp8"
HALO = "#EBEBEB"


def draw_layouts(path: str | os.PathLike[str], layouts: Sequence[Layout]) -> None:
    """Draw layouts in rows of at most four and save the figure as PNG, SVG or PDF."""
    columns = min(4, len(layouts))
    rows = -(-len(layouts) // columns)
    figure = Figure(figsize=(7.5 * columns, 6.5 * rows), layout="constrained")
    for number, layout in enumerate(layouts):
        plot_layout(figure.add_subplot(rows, columns, number + 1), layout)
    save(figure, path)


def plot_layout(axes: Axes, layout: Layout) -> None:
    """Plot one layout: colours are parts; marker shapes and grey areas are bodies; dotted edges close loops.

    The person faces the reader, so that left joints are on the right. A layout with joints that are not in
    the neutral pose is drawn as a tree.
    """
    points = positions(layout)
    parts, bodies = layout.part_of_joint.tolist(), layout.body_of_part[layout.part_of_joint].tolist()
    for child, parent in ((joint, int(layout.parents[joint])) for joint in range(len(layout.joints))):
        ends = points[[child, parent] if bodies[child] == bodies[parent] else [child, child]]
        axes.plot(*ends.T, color=HALO, linewidth=30, solid_capstyle="round", zorder=0)
        colour = part_colour(parts[child]) if parts[child] == parts[parent] else "#AAAAAA"
        axes.plot(*points[[child, parent]].T, color=colour, linewidth=3, zorder=1)
        _plot_joint(axes, points[child], child, parts[child], bodies[child])
    for one, other in set(layout.edges) - {(min(bone), max(bone)) for bone in layout.bones}:
        axes.plot(*points[[one, other]].T, color="#AAAAAA", linewidth=1.5, linestyle=":", zorder=1)
    sizes = f"{len(layout.joints)} joints, {len(layout.parts)} parts, {len(layout.bodies)} bodies"
    axes.set_title(f"{for_picture(layout.name)}: {sizes}", color=INK)
    axes.set_aspect("equal", anchor="N")
    axes.margins(0.08)
    axes.set_axis_off()
    _add_legend(axes, layout)


def positions(layout: Layout) -> Float[np.ndarray, "v 2"]:
    """Return the position of each joint in the drawing: in the neutral pose, or in a tree if a joint is not in it."""
    names = [usual_name(name) for name in layout.joints]
    if len(set(names)) == len(names) and NEUTRAL_POSE.keys() >= set(names):
        return np.array([NEUTRAL_POSE[str(name)] for name in names], dtype=float)
    return _tree(layout)


def part_colour(part: int) -> str:
    """Return the colour of a part by its number; colours repeat after ten parts."""
    return PART_COLOURS[part % len(PART_COLOURS)]


def body_marker(body: int) -> str:
    """Return the marker shape of a body by its number; shapes repeat after six bodies."""
    return BODY_MARKERS[body % len(BODY_MARKERS)]


def _tree(layout: Layout) -> Float[np.ndarray, "v 2"]:
    found = _subtree(layout, layout.centre, 0, count())
    points = np.array([found[joint] for joint in range(len(layout.joints))], dtype=float)
    return 14 * points / np.maximum(1, np.ptp(points, axis=0))


def _subtree(layout: Layout, joint: int, depth: int, columns: Iterator[int]) -> dict[int, tuple[float, float]]:
    """Return the positions of a joint and all below it: leaves side by side, others above their children."""
    points: dict[int, tuple[float, float]] = {}
    children = [child for child, parent in layout.bones if parent == joint]
    for child in children:
        points |= _subtree(layout, child, depth + 1, columns)
    column = sum(points[child][0] for child in children) / len(children) if children else next(columns)
    return points | {joint: (column, -depth)}


def _plot_joint(axes: Axes, point: Float[np.ndarray, "2"], joint: int, part: int, body: int) -> None:
    (x, y), colour = point, part_colour(part)
    axes.plot(x, y, marker=body_marker(body), markersize=17, color=colour, markeredgecolor="white", zorder=2)
    ink = "white" if colour in DARK_COLOURS else INK
    axes.text(x, y, str(joint), color=ink, fontsize=8.5, ha="center", va="center_baseline", zorder=3)


def _add_legend(axes: Axes, layout: Layout) -> None:
    """Add a legend with each body in bold above its parts."""
    numbers = {name: part for part, name in enumerate(layout.parts)}
    entries: list[Line2D] = []
    for body, (name, parts) in enumerate(layout.bodies.items()):
        entries.append(Line2D([], [], linestyle="none", label=for_picture(name)))
        entries += [_legend_entry(part, numbers[part], body) for part in parts]
    legend = axes.legend(handles=entries, loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    bodies = set(map(for_picture, layout.bodies))
    for text in legend.get_texts():
        text.set_fontweight("bold" if text.get_text() in bodies else "normal")


def _legend_entry(name: str, part: int, body: int) -> Line2D:
    marker, colour = BODY_MARKERS[body % len(BODY_MARKERS)], part_colour(part)
    return Line2D([], [], linestyle="none", marker=marker, markersize=10, color=colour, label=for_picture(name))
