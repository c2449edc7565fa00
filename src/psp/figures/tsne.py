"""t-SNE pictures of features, one panel for each variant of the method (figures 6 and 8)."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int64
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from sklearn.manifold import TSNE

from psp.figures.canvas import INK, save
from psp.figures.layouts import PART_COLOURS
from psp.text import for_picture

MARKERS = "osD^vPX*<p"
SIZES = {"*": 1.7, "D": 0.8, "s": 0.9}
"""Factors that make markers of different shapes look equally large."""

PERPLEXITY, SEED = 30.0, 0
CAPTION = (
    "t-SNE of {clips} clips of {classes} classes (cosine distance, perplexity {perplexity:g}, the same seed in every "
    "panel). The axes have no meaning.\nMeasured on the features, not on the picture: silhouette, the compactness of "
    "classes (-1 to 1),\nand 5 neighbours, the share of clips whose class is the most frequent one among the five "
    "nearest others."
)


@dataclass(frozen=True, eq=False)
class Cloud:
    """The features of the clips by one variant, and the text `figures` under its name."""

    features: Float[np.ndarray, "s d"]
    figures: str = ""


def draw_tsne(
    path: str | os.PathLike[str],
    clouds: Mapping[str, Cloud],
    labels: Int64[np.ndarray, "s"],
    classes: Sequence[str],
    columns: int = 4,
) -> None:
    """Save `tsne_figure` as PNG, SVG or PDF."""
    save(tsne_figure(clouds, labels, classes, columns), path)


def tsne_figure(
    clouds: Mapping[str, Cloud], labels: Int64[np.ndarray, "s"], classes: Sequence[str], columns: int = 4
) -> Figure:
    """Return a figure with one panel for each variant's features of the same clips.

    Up to a hundred classes differ in colour and marker.
    """
    columns = min(columns, len(clouds))
    rows = -(-len(clouds) // columns)
    present = np.unique(labels).tolist()
    figure = Figure(figsize=(max(7.0, 3.4 * columns), 3.9 * rows + 1.4), layout=ConstrainedLayoutEngine(h_pad=0.12))
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, (name, cloud) in zip(panels, clouds.items(), strict=False):
        plot_cloud(axes, plane(cloud.features), labels)
        axes.set_title(f"{for_picture(name)}\n{cloud.figures}".rstrip(), fontsize=10.5, color=INK)
    for axes in panels[len(clouds) :]:
        axes.set_axis_off()
    entries = [legend_entry(number, classes[label]) for number, label in enumerate(present)]
    caption = CAPTION.format(clips=len(labels), classes=len(present), perplexity=perplexity_for(len(labels)))
    figure.legend(
        handles=entries, loc="outside lower center", ncols=min(5, len(entries)), frameon=False, fontsize=10,
        title=caption, title_fontsize=9,
    )  # fmt: skip
    return figure


def plane(features: Float[np.ndarray, "s d"]) -> Float[np.ndarray, "s 2"]:
    """Return the t-SNE of features in the plane, with a fixed seed and perplexity."""
    start = "pca" if features.shape[1] > 1 else "random"
    tsne = TSNE(perplexity=perplexity_for(len(features)), metric="cosine", init=start, random_state=SEED)
    return tsne.fit_transform(features.astype(np.float64)).astype(np.float64)


def perplexity_for(clips: int) -> float:
    """Return the perplexity for a number of clips: 30, or less for fewer than 91 clips."""
    return min(PERPLEXITY, max(1.0, (clips - 1) / 3))


def plot_cloud(axes: Axes, points: Float[np.ndarray, "s 2"], labels: Int64[np.ndarray, "s"]) -> None:
    """Plot clips as points, with one colour and marker per class, by the order of the labels."""
    for number, label in enumerate(np.unique(labels)):
        colour, marker = style_of(number)
        own = points[labels == label]
        size = 22 * SIZES.get(marker, 1.0)
        axes.scatter(
            own[:, 0], own[:, 1], s=size, c=colour, marker=marker, linewidths=0.4, edgecolors="white", alpha=0.9
        )
    axes.set_xticks([])
    axes.set_yticks([])
    axes.margins(0.05)
    axes.set_box_aspect(1)
    axes.spines[:].set_color("#BBBBBB")


def style_of(number: int) -> tuple[str, str]:
    """Return colour and marker of a class by its number; the pairs repeat after a hundred classes."""
    turn, colour = divmod(number, len(PART_COLOURS))
    return PART_COLOURS[colour], MARKERS[(colour + turn) % len(MARKERS)]


def legend_entry(number: int, name: str) -> Line2D:
    """Return the legend entry of a class: its name and marker."""
    colour, marker = style_of(number)
    return Line2D([], [], linestyle="none", marker=marker, markersize=7, color=colour, label=for_picture(name))
