"""Pictures of the clips of findings: stored poses in the order of their frames."""

import os
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from psp.dataset.checks.report import Finding
from psp.dataset.store import Store
from psp.figures.canvas import INK, PALETTE, save
from psp.figures.pose import in_space
from psp.skeleton.layout import Layout
from psp.skeleton.names import side
from psp.skeleton.recording import Up
from psp.text import for_picture

POSES, CLIPS = 6, 3
"""How many poses of a clip are drawn, and how many clips of a finding."""

COLOURS = {"left": PALETTE[0], "right": PALETTE[1], "": "#777777"}
CAPTION = "blue: left, orange: right, grey: middle; the numbers count frames"


def draw_finding(path: str | os.PathLike[str], store: Store, finding: Finding) -> None:
    """Save a picture of a finding's first clips as PNG, SVG or PDF, one row per clip, with its sentence above."""
    index = store.clips.indices_of(finding.clips[:CLIPS])
    figure = Figure(figsize=(1.9 * POSES, 2.2 * len(index) + 0.7), layout="constrained")
    panels = figure.subplots(len(index), POSES, squeeze=False)
    for row, number in zip(panels, index.tolist(), strict=True):
        joints = store.clip(number).joints.astype(np.float64)
        _plot_clip(list(row), joints, store, frames_to_draw(joints.shape[1], finding.frame))
        label = store.clips.label[number]
        action = "" if label < 0 else f"\n{for_picture(store.classes[label])}"
        row[0].text(
            -0.02, 0.5, f"{for_picture(str(store.clips.id[number]))}{action}", transform=row[0].transAxes, rotation=90,
            ha="right", va="center", fontsize=8, color=INK,
        )  # fmt: skip
    figure.suptitle(for_picture(f"{finding.kind}: {finding.sentence}", 400), fontsize=10, color=INK, wrap=True)
    figure.supxlabel(CAPTION, fontsize=8, color=INK)
    save(figure, path)


def frames_to_draw(frames: int, around: int | None) -> list[int]:
    """Return the frames to draw: neighbours of the frame `around`, or for None some at equal distances."""
    if around is None:
        return np.unique(np.linspace(0, frames - 1, POSES).round().astype(int)).tolist()
    first = min(max(around - POSES // 2, 0), max(frames - POSES, 0))
    return list(range(first, min(first + POSES, frames)))


def upright(joints: Float[np.ndarray, "m t v c"], up: Up) -> Float[np.ndarray, "m t v 2"]:
    """Return the joints seen from the side on which they are widest, with the vertical axis upwards.

    Poses are not centred or turned upright, which would hide faults. Without a vertical axis the second axis is used.
    """
    space = np.stack([in_space(person) for person in joints])
    axis = 1 if up == "none" else "xyz".index(up[-1])
    level = np.delete(space, axis, axis=3)
    level = level - level.mean(axis=(0, 1, 2))
    across = np.linalg.svd(level.reshape(-1, 2), full_matrices=False)[2][0]
    across = across if across[np.abs(across).argmax()] > 0 else -across
    return np.stack([level @ across, space[..., axis] * (-1 if up.startswith("-") else 1)], axis=-1)


def _plot_clip(panels: Sequence[Axes], joints: Float[np.ndarray, "m t v c"], store: Store, frames: list[int]) -> None:
    poses = upright(joints, store.up)
    drawn = poses[:, frames]
    seen = drawn[np.any(joints[:, frames], axis=(2, 3))]
    low, high = (seen.min(axis=(0, 1)), seen.max(axis=(0, 1))) if len(seen) else (np.zeros(2), np.ones(2))
    margin = 0.05 * max(high - low)
    for number, panel in enumerate(panels):
        panel.set_axis_off()
        if number < len(frames):
            for person in range(len(joints)):
                if joints[person, frames[number]].any():
                    _plot_pose(panel, poses[person, frames[number]], store.layout)
            panel.set_title(str(frames[number]), fontsize=8, color=INK)
        panel.set(xlim=(low[0] - margin, high[0] + margin), ylim=(low[1] - margin, high[1] + margin), aspect="equal")


def _plot_pose(axes: Axes, pose: Float[np.ndarray, "v 2"], layout: Layout) -> None:
    for bone in layout.bones:
        colour = COLOURS[side(layout.joints[bone[0]])]
        axes.plot(*pose[list(bone)].T, color=colour, linewidth=1.6, solid_capstyle="round")
