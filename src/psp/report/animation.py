"""A moving picture of clips and of what a recogniser makes of them frame by frame, as one animated SVG file.

The drawing is that of the skeleton player: floor, left and right in their colours, seen from the same side. The file
needs no script and follows the colour scheme of the reader.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float, Int64

from psp.files import write_atomically
from psp.report.destination import MARK
from psp.report.player import FPS, skeleton_for_player
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Clip, Up
from psp.text import printable, shortened

FRAMES, BARS = 36, 4
"""Frames that are drawn of each clip, and classes whose probabilities are shown."""

WIDTH, HEIGHT, BAR, PAUSE = 220, 230, 17, 1.2
"""Size of a panel and height of a bar in pixels, and seconds between two repetitions."""

PITCH, SLANT = 0.16, 0.4
"""Radians by which the view looks down, and by which a person turns away from the reader (as in player.js)."""

AXES: dict[str, tuple[tuple[int, int], ...]] = {
    "x": ((1, 1), (0, 1), (2, -1)), "-x": ((1, -1), (0, -1), (2, -1)), "y": ((0, -1), (1, 1), (2, -1)),
    "-y": ((0, 1), (1, -1), (2, -1)), "z": ((0, 1), (2, 1), (1, -1)), "-z": ((0, 1), (2, -1), (1, 1)),
}  # fmt: skip
"""The axes, number and sign, that point to the right, up and towards the reader, by the vertical axis."""

STYLE = """
text{font:11px system-ui,sans-serif;fill:#333}.name{font-weight:600;font-size:12px}
path{fill:none;stroke-width:3.4;stroke-linecap:round;stroke-linejoin:round}
.s0{stroke:#4a4a4a}.s1{stroke:#0072b2}.s2{stroke:#d55e00}.head{fill:#4a4a4a}.floor{stroke:#dedede;stroke-width:1}
.true{fill:#009e73}.false{fill:#b8b8b8}
@media (prefers-color-scheme:dark){text{fill:#ddd}.s0{stroke:#d0d0d0}.s1{stroke:#56b4e9}.s2{stroke:#f0a030}
.head{fill:#d0d0d0}.floor{stroke:#3a4047}.true{fill:#4cc79f}.false{fill:#6a727a}}
"""

Recognise = Callable[[Sequence[Clip]], Float[np.ndarray, "n k"]]
"""A function from clips to class probabilities."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A clip with the class probabilities after each drawn frame; `shown` are the numbers of these frames."""

    clip: Clip
    label: int
    shown: Int64[np.ndarray, "t"]
    probabilities: Float[np.ndarray, "t k"]


def scene_of(clip: Clip, label: int, recognise: Recognise) -> Scene:
    """Return a clip with the probabilities of the part that was seen up to each drawn frame."""
    shown = np.linspace(0, clip.frames - 1, FRAMES).round().astype(np.int64)
    return Scene(clip, label, shown, recognise([_first(clip, int(frame) + 1) for frame in shown]))


def _first(clip: Clip, frames: int) -> Clip:
    confidence = None if clip.confidence is None else clip.confidence[:, :frames]
    return replace(clip, joints=clip.joints[:, :frames], confidence=confidence)


def write_animation(path: Path, scenes: Sequence[Scene], layout: Layout, up: Up, classes: Sequence[str]) -> None:
    """Write an animated SVG file of the scenes side by side; they begin together and last as long as they were."""
    seconds = max(max(scene.clip.frames for scene in scenes) / FPS, 1.0)
    panels = []
    for number, scene in enumerate(scenes):
        drawn = _panel(scene, layout, up, seconds) + _bars(scene, classes, seconds)
        panels.append(f'<g transform="translate({number * WIDTH} 0)">{drawn}</g>')
    width, height = WIDTH * len(scenes), HEIGHT + BAR * BARS + 30
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}">'
    title = "<title>Recordings and the class probabilities after each frame</title>"
    text = f"{head}{MARK}{title}<style>{STYLE}</style>{''.join(panels)}</svg>\n"
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _panel(scene: Scene, layout: Layout, up: Up, seconds: float) -> str:
    """Return the floor and the persons of a scene."""
    points, floor = projected(scene, layout, up)
    seen: np.ndarray = np.any(_observed(scene)[:, scene.shown], axis=2)
    skeleton = skeleton_for_player(layout, up, 3)
    drawn = [f'<path class="floor" d="{"".join(_line(*line) for line in floor)}"/>']
    for person in range(len(points)):
        parts = []
        for side in (0, 1, 2):
            edges = [(a, b) for a, b in skeleton["edges"] if (skeleton["sides"][a] or skeleton["sides"][b]) == side]
            frames = ["".join(_line(pose[a], pose[b]) for a, b in edges) for pose in points[person]]
            parts.append(f'<path class="s{side}" d="{frames[-1]}">{_moved("d", frames, seconds)}</path>')
        if skeleton["head"] is not None:
            parts.append(_circle(points[person, :, skeleton["head"]], seconds))
        shown = [str(int(each)) for each in seen[person]]
        hidden = "" if seen[person].all() else _moved("opacity", shown, seconds, discrete=True)
        drawn.append(f"<g>{hidden}{''.join(parts)}</g>")
    return "".join(drawn)


def projected(scene: Scene, layout: Layout, up: Up) -> tuple[Float[np.ndarray, "m t v 2"], Float[np.ndarray, "l 2 2"]]:
    """Return the joints in pixels of a panel, as the player sees them, and the lines of the floor (none if flat)."""
    joints, seen = scene.clip.joints[:, scene.shown], _observed(scene)[:, scene.shown]
    is_flat = joints.shape[3] == 2
    axes = ((0, 1), (1, 1 if up == "y" else -1), (2, 1)) if is_flat else AXES.get(up, AXES["y"])
    space = np.pad(joints.astype(np.float64), ((0, 0),) * 3 + ((0, 3 - joints.shape[3]),))
    view = np.stack([sign * space[..., axis] for axis, sign in axes], axis=-1)
    view = np.where(seen[..., None], view, np.nan)
    low, high = np.nanmin(view, axis=(0, 1, 2)), np.nanmax(view, axis=(0, 1, 2))
    middle = (low + high) / 2
    turned = _turned(view - middle, 0.0 if is_flat else _facing(view, layout), 0.0 if is_flat else PITCH)
    radius = float(np.nanmax(np.hypot(view[..., 0] - middle[0], view[..., 2] - middle[2])))
    tall = (high[1] - low[1]) / 2
    scale = 0.9 * min(WIDTH / 2 / max(radius, tall / 2), HEIGHT / 2 / (tall + radius * np.sin(PITCH)))
    pixels = _filled(np.stack([WIDTH / 2 + scale * turned[..., 0], HEIGHT / 2 - scale * turned[..., 1]], axis=-1))
    lines = np.zeros((0, 2, 3)) if is_flat else _grid(max(radius, tall), low[1] - middle[1])
    ground = _turned(lines, 0.0 if is_flat else _facing(view, layout), PITCH)
    return pixels, np.stack([WIDTH / 2 + scale * ground[..., 0], HEIGHT / 2 - scale * ground[..., 1]], axis=-1)


def _observed(scene: Scene) -> Bool[np.ndarray, "m t v"]:
    clip = scene.clip
    return np.ones(clip.joints.shape[:3], dtype=bool) if clip.confidence is None else clip.confidence > 0


def _facing(view: Float[np.ndarray, "m t v 3"], layout: Layout) -> float:
    """Return the angle from which the first person faces the reader, or two persons stand side by side."""
    if len(view) > 1:
        across, slant = np.nansum(view[1, :, layout.centre] - view[0, :, layout.centre], axis=0), 0.0
    elif layout.shoulders is not None:
        left, right = layout.shoulders
        across, slant = np.nansum(view[0, :, left] - view[0, :, right], axis=0), SLANT
    else:
        return SLANT
    return float(np.arctan2(across[2], across[0])) + slant


def _turned(points: Float[np.ndarray, "*n 3"], yaw: float, pitch: float) -> Float[np.ndarray, "*n 2"]:
    side = points[..., 0] * np.cos(yaw) + points[..., 2] * np.sin(yaw)
    near = points[..., 2] * np.cos(yaw) - points[..., 0] * np.sin(yaw)
    return np.stack([side, points[..., 1] * np.cos(pitch) - near * np.sin(pitch)], axis=-1)


def _grid(radius: float, height: float) -> Float[np.ndarray, "l 2 3"]:
    """Return the lines of the floor, clipped to a circle."""
    at = np.linspace(-radius, radius, 9)[1:-1]
    half = np.sqrt(radius**2 - at**2)
    ends = np.stack([np.stack([at, -half], axis=1), np.stack([at, half], axis=1)], axis=1)
    both = np.concatenate([ends, ends[..., ::-1]])
    return np.stack([both[..., 0], np.full(both.shape[:2], height), both[..., 1]], axis=-1)


def _filled(pixels: Float[np.ndarray, "m t v 2"]) -> Float[np.ndarray, "m t v 2"]:
    """Return positions in which those that were not observed are interpolated, and 0 if a joint never was."""
    found, frames = pixels.copy(), np.arange(pixels.shape[1])
    for person, joint, axis in np.ndindex(found.shape[0], found.shape[2], 2):
        own = found[person, :, joint, axis]
        known = np.isfinite(own)
        own[:] = np.interp(frames, frames[known], own[known]) if known.any() else 0
    return found


def _bars(scene: Scene, classes: Sequence[str], seconds: float) -> str:
    """Return the bars of the classes that are most probable over all frames, the true one in green."""
    order = np.argsort(-scene.probabilities.mean(axis=0), kind="stable")[:BARS]
    parts, left = [f'<text class="name" x="{WIDTH / 2}" y="{HEIGHT + 14}" text-anchor="middle">'], WIDTH * 0.44
    parts[0] += f"{_name(classes[scene.label])}</text>"
    for row, label in enumerate(order.tolist()):
        top, kind = HEIGHT + 24 + row * BAR, "true" if label == scene.label else "false"
        widths = [f"{WIDTH * 0.5 * value:.0f}" for value in scene.probabilities[:, label]]
        parts.append(f'<text x="{left - 6:.0f}" y="{top + 10}" text-anchor="end">{_name(classes[label])}</text>')
        parts.append(f'<rect class="{kind}" x="{left:.0f}" y="{top}" height="{BAR - 5}" width="{widths[-1]}">')
        parts.append(f"{_moved('width', widths, seconds)}</rect>")
    return "".join(parts)


def _name(text: str) -> str:
    return escape(printable(shortened(text, 16)))


def _line(one: Float[np.ndarray, "2"], other: Float[np.ndarray, "2"]) -> str:
    return f"M{one[0]:.1f} {one[1]:.1f}L{other[0]:.1f} {other[1]:.1f}"


def _circle(path: Float[np.ndarray, "t 2"], seconds: float) -> str:
    moves = [_moved(name, [f"{each:.0f}" for each in path[:, k]], seconds) for k, name in enumerate(("cx", "cy"))]
    return f'<circle class="head" r="8" cx="{path[-1, 0]:.0f}" cy="{path[-1, 1]:.0f}">{"".join(moves)}</circle>'


def _moved(name: str, values: Sequence[str], seconds: float, discrete: bool = False) -> str:
    """Return the animation of an attribute, with a pause at the end."""
    whole = seconds + PAUSE
    times = [f"{each:.3f}".rstrip("0").rstrip(".") for each in np.linspace(0, seconds / whole, len(values))]
    mode = ' calcMode="discrete"' if discrete else ""
    return (
        f'<animate attributeName="{name}" dur="{whole:.2f}s" repeatCount="indefinite"{mode} '
        f'keyTimes="{";".join([*times, "1"])}" values="{";".join([*values, values[-1]])}"/>'
    )
