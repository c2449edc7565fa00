"""Draw docs/demo.gif: built-in recordings and what a trained recogniser makes of them, frame by frame.

python docs/make_animation.py MODEL, where MODEL is a run folder or a model file. The clips are those of `psp demo`, of
persons that were not seen in training: in the built-in benchmark the even subjects are for testing.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

import psp
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Clip
from psp.synthetic import SYNTHETIC_CLASSES, SyntheticConfig, synthetic_clips

SHOWN = ("throw", "sit down", "kick", "shake hands")
FRAMES, BARS, MILLISECONDS, PAUSE = 32, 4, 90, 1500
LEFT, RIGHT, MIDDLE, TRUE, FALSE = "#0072b2", "#d55e00", "#444444", "#009e73", "#b8b8b8"

Recognise = Callable[[Sequence[np.ndarray]], np.ndarray]
"""From joints (m, t, v, 3) of n clips to probabilities (n, k)."""


@dataclass(frozen=True)
class Scene:
    """The frames of a clip that are shown (m, t, v, 3), who is seen in them (m, t), class and probabilities (t, k)."""

    joints: np.ndarray
    seen: np.ndarray
    label: int
    probabilities: np.ndarray


def scene_of(clip: Clip, recognise: Recognise) -> Scene:
    """Return a clip with the probabilities of the part that was seen up to each shown frame."""
    assert clip.label is not None
    shown = np.linspace(0, clip.frames - 1, FRAMES).round().astype(int)
    confidence = np.ones(clip.joints.shape[:3]) if clip.confidence is None else clip.confidence
    joints = np.where(confidence[..., None] > 0, clip.joints, np.nan)
    found = recognise([joints[:, : frame + 1] for frame in shown])
    return Scene(clip.joints[:, shown], confidence[:, shown].any(axis=2), clip.label, found)


def choose(clips: int = 1200) -> list[Clip]:
    """Return one clip of each shown class: the first one of an even subject that the first camera took."""
    found: dict[str, Clip] = {}
    for clip in synthetic_clips(SyntheticConfig(clips=clips)):
        assert clip.label is not None
        name, columns = SYNTHETIC_CLASSES[clip.label], clip.info.columns
        if name in SHOWN and int(columns["subject"]) % 2 == 0 and columns["camera"] == 1:
            found.setdefault(name, clip)
    return [found[name] for name in SHOWN]


def draw_person(axes: Axes, joints: np.ndarray, layout: Layout) -> None:
    """Draw a person's bones, (v, 3) seen from the front, left and right in different colours."""
    left = {one for one, _ in layout.mirror_pairs}
    right = {other for _, other in layout.mirror_pairs}
    for child, parent in layout.bones:
        colour = LEFT if child in left else RIGHT if child in right else MIDDLE
        axes.plot(*joints[[child, parent], :2].T, color=colour, linewidth=2.4, solid_capstyle="round")
    axes.plot(*joints[layout.joints.index("head"), :2], "o", color=MIDDLE, markersize=10)


def draw_bars(axes: Axes, scene: Scene, frame: int) -> None:
    """Draw the probabilities of the classes that are most probable over all frames, the true one in green."""
    order = np.argsort(-scene.probabilities.mean(axis=0), kind="stable")[:BARS]
    for row, label in enumerate(order):
        colour = TRUE if label == scene.label else FALSE
        axes.barh(-row, scene.probabilities[frame, label], color=colour, height=0.62)
        axes.text(-0.03, -row, SYNTHETIC_CLASSES[label], ha="right", va="center", fontsize=8.5)
    axes.set(xlim=(0, 1), ylim=(-BARS + 0.4, 0.6), yticks=[], xticks=[])
    axes.spines[:].set_visible(False)
    axes.axvline(0, color=MIDDLE, linewidth=0.8)


def draw_frame(scenes: Sequence[Scene], layout: Layout, frame: int) -> Image.Image:
    """Return the picture of one frame."""
    figure = Figure(figsize=(8.4, 3.1), dpi=100, facecolor="white")
    for number, scene in enumerate(scenes):
        left, width = number / len(scenes), 1 / len(scenes)
        axes = figure.add_axes((left, 0.27, width, 0.72))
        points = scene.joints[scene.seen][..., :2].reshape(-1, 2)
        low, high = points.min(0), points.max(0)
        middle, reach = (low + high) / 2, 0.56 * (high - low).max()
        axes.set(xlim=(middle[0] - reach, middle[0] + reach), ylim=(middle[1] - reach, middle[1] + reach))
        axes.set_aspect("equal")
        axes.axis("off")
        for person in np.flatnonzero(scene.seen[:, frame]):
            draw_person(axes, scene.joints[person, frame], layout)
        draw_bars(figure.add_axes((left + 0.42 * width, 0.03, 0.52 * width, 0.24)), scene, frame)
    buffer = BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)
    return Image.open(buffer).convert("RGB")


def write_animation(out: Path, scenes: Sequence[Scene], layout: Layout) -> None:
    """Write a GIF that repeats, with a pause after the last frame."""
    frames = [draw_frame(scenes, layout, frame) for frame in range(FRAMES)]
    palette = frames[0].quantize(32)
    small = [each.quantize(palette=palette, dither=Image.Dither.NONE) for each in frames]
    durations = [MILLISECONDS] * (FRAMES - 1) + [PAUSE]
    small[0].save(out, save_all=True, append_images=small[1:], duration=durations, loop=0, optimize=True)


def main(model: str) -> None:
    """Recognise the clips and write the animation."""
    recogniser = psp.load(model)
    scenes = [scene_of(clip, recogniser.predict) for clip in choose()]
    write_animation(Path(__file__).parent / "demo.gif", scenes, recogniser.layout)


if __name__ == "__main__":
    main(sys.argv[1])
