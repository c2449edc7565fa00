"""Figure 5: the attention maps A_z, A_hz and A_ghz of clips, each beside the skeleton."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure

from psp.evaluate.attention import ClipAttention, Importance
from psp.figures.canvas import INK, save
from psp.figures.pose import flat, in_space, mover, telling_frames
from psp.skeleton.layout import Layout
from psp.text import for_picture

TITLES = {"body": "bodies, $A_z$", "part": "parts, $A_{h,z}$", "joint": "joints, $A_{g,h,z}$"}
BONE, GHOST, CIRCLE = "#777777", "#DDDDDD", "#D55E00"
SMALLEST, LARGEST = 5.0, 190.0
"""Areas, in square points, of the circles of the least and the most important node."""

MEASURES: dict[Importance, str] = {
    "row": "the mean of its row: the darker the row, the more important (the paper's measure)",
    "apart": "how far its row is from the mean of all rows (mean absolute difference)",
}
CAPTION = (
    "A row of a map holds the weights ({heads}) of all nodes (columns, in the same order) in the weighted sum for the "
    "node named beside it.\nImportance of a node: {measure}. The area of a joint's circle shows the importance of its "
    "body, its part or itself;\nthe numbers below are those of the least and the most important node. Dark and grey "
    "figure: two extreme poses of the clip. Modality: {modality}."
)


@dataclass(frozen=True)
class _Style:
    layout: Layout
    measure: Importance
    head: int | None
    limits: dict[str, tuple[float, float]]


def draw_attention_maps(
    path: str | os.PathLike[str],
    clips: Sequence[ClipAttention],
    layout: Layout,
    *,
    measure: Importance = "row",
    head: int | None = None,
    modality: str = "joint",
    note: str = "",
) -> None:
    """Save `attention_figure` as PNG, SVG or PDF."""
    save(attention_figure(clips, layout, measure=measure, head=head, modality=modality, note=note), path)


def attention_figure(
    clips: Sequence[ClipAttention],
    layout: Layout,
    *,
    measure: Importance = "row",
    head: int | None = None,
    modality: str = "joint",
    note: str = "",
) -> Figure:
    """Return a figure with one row per clip: the map of every level and the skeleton beside it.

    Maps and skeleton are those of the person who moves most. `head` counts from 0; None averages all heads. `measure`
    is the measure of importance; `modality` and `note` appear in the caption.
    """
    levels = list(clips[0].maps)
    figure = Figure(figsize=(5.3 * len(levels), 3.2 * len(clips) + 0.8), layout="constrained")
    rows = figure.subfigures(len(clips), 1, squeeze=False, hspace=0.03)[:, 0]
    limits = {level: _limits(clips, level, head) for level in levels}
    for row, clip in zip(rows, clips, strict=True):
        _plot_clip(row, clip, levels, _Style(layout, measure, head, limits))
    heads = "mean over heads" if head is None else f"head {head}"
    caption = CAPTION.format(heads=heads, measure=MEASURES[measure], modality=modality)
    figure.supxlabel(f"{caption}\n{note}".rstrip(), fontsize=9.5, color=INK)
    return figure


def order_of(level: str, layout: Layout) -> tuple[Int[np.ndarray, "w"], list[str], Int[np.ndarray, "w"]]:
    """Return the order of a level's nodes, sorted by body, their names and the body of each."""
    body_of_joint = layout.body_of_part[layout.part_of_joint]
    names, part, body = {
        "body": (list(layout.bodies), np.arange(len(layout.bodies)), np.arange(len(layout.bodies))),
        "part": (list(layout.parts), np.arange(len(layout.parts)), layout.body_of_part),
        "joint": (list(layout.joints), layout.part_of_joint, body_of_joint),
    }[level]
    order = np.lexsort((np.arange(len(names)), part, body))
    return order, [names[node] for node in order], body[order]


def node_of_joint(level: str, layout: Layout) -> Int[np.ndarray, "v"]:
    """Return the node of a level to which each joint belongs."""
    return {
        "body": layout.body_of_part[layout.part_of_joint],
        "part": layout.part_of_joint,
        "joint": np.arange(len(layout.joints)),
    }[level]


def areas(importance: Float[np.ndarray, "w"]) -> Float[np.ndarray, "w"]:
    """Return the area of each node's circle, linear in its importance; the largest for all if they are equal."""
    low, high = importance.min(), importance.max()
    share = (importance - low) / (high - low) if high > low else np.ones_like(importance)
    return SMALLEST + (LARGEST - SMALLEST) * share


def plot_map(
    axes: Axes, weights: Float[np.ndarray, "w w"], level: str, layout: Layout, limits: tuple[float, float]
) -> None:
    """Plot a map with named rows, from white to blue between `limits`; white lines separate the bodies."""
    low, high = limits
    order, names, body = order_of(level, layout)
    image = axes.imshow(weights[np.ix_(order, order)], cmap="Blues", vmin=low, vmax=high, interpolation="nearest")
    bar = axes.figure.colorbar(image, ax=axes, fraction=0.045, pad=0.03)
    bar.ax.tick_params(labelsize=7, length=2)
    bar.outline.set_visible(False)
    axes.set_yticks(
        np.arange(len(names)), list(map(for_picture, names)), fontsize={"body": 8.5, "part": 8}.get(level, 6.2)
    )
    axes.set_xticks([])
    axes.tick_params(length=0, pad=2)
    for edge in np.flatnonzero(np.diff(body)) + 0.5:
        axes.axhline(edge, color="white", linewidth=1.2)
        axes.axvline(edge, color="white", linewidth=1.2)
    axes.spines[:].set_color("#BBBBBB")


def plot_pose(axes: Axes, poses: Float[np.ndarray, "2 v 2"], sizes: Float[np.ndarray, "v"], layout: Layout) -> None:
    """Plot the first pose in grey and the second with a circle of the given area at every joint."""
    for pose, colour, width in zip(poses, (GHOST, BONE), (1.6, 2.2), strict=True):
        for bone in layout.bones:
            axes.plot(*pose[list(bone)].T, color=colour, linewidth=width, solid_capstyle="round", zorder=1)
    axes.scatter(
        poses[1, :, 0], poses[1, :, 1], s=sizes, color=CIRCLE, alpha=0.85, edgecolors="white", linewidths=0.4, zorder=2
    )
    axes.set_aspect("equal")
    axes.margins(0.1)
    axes.set_axis_off()


def _limits(clips: Sequence[ClipAttention], level: str, head: int | None) -> tuple[float, float]:
    """Return the smallest and the largest weight of all clips, so that colours mean the same in all of them."""
    maps = [clip.map_of(level, mover(clip.clip.joints), head) for clip in clips]
    return float(np.min(maps)), float(np.max(maps))


def _plot_clip(figure: SubFigure, clip: ClipAttention, levels: Sequence[str], how: _Style) -> None:
    figure.suptitle(
        f"{for_picture(clip.action)}  (clip {for_picture(clip.clip.id)})", fontsize=12, fontweight="bold", color=INK
    )
    person, layout = mover(clip.clip.joints), how.layout
    joints = in_space(clip.clip.joints[person].astype(np.float64))
    poses = flat(joints[list(telling_frames(joints, layout.centre))], layout)
    panels = figure.subplots(1, 2 * len(levels), width_ratios=[1.2, 1.0] * len(levels))
    for level, left, right in zip(levels, panels[::2], panels[1::2], strict=True):
        if clip.is_saturated(level, person, how.head):
            _say_saturated(left, right, float(clip.map_of(level, person, how.head).mean()), level)
            continue
        importance = clip.importance(level, person, how.head, how.measure)
        plot_map(left, clip.map_of(level, person, how.head), level, layout, how.limits[level])
        left.set_title(TITLES[level], fontsize=10.5, color=INK)
        plot_pose(right, poses, areas(importance)[node_of_joint(level, layout)], layout)
        right.text(
            0.5, -0.02, f"{importance.min():.3f} to {importance.max():.3f}",
            transform=right.transAxes, ha="center", va="top", fontsize=8.5, color=INK,
        )  # fmt: skip


def _say_saturated(left: Axes, right: Axes, weight: float, level: str) -> None:
    """Write in the place of a map that all its entries are equal; such a map distinguishes no node."""
    left.set_title(TITLES[level], fontsize=10.5, color=INK)
    said = f"saturated:\nevery entry is {weight:.2f}"
    left.text(0.5, 0.5, said, transform=left.transAxes, ha="center", va="center", fontsize=10.5, color=INK)
    for axes in (left, right):
        axes.set_axis_off()
