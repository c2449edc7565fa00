"""Into common coordinates: where the origin lies, how long a metre is, and which way the first person faces.

All persons of a clip are moved, scaled and turned alike, so that their distances keep their meaning.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float64

from psp.errors import ConfigError
from psp.skeleton.layout import Layout

Up = Literal["y", "z"]
"""The vertical axis."""

TINY = 1e-6
"""A spine or shoulder line shorter than this (metres) gives neither scale nor direction."""


@dataclass(frozen=True)
class NormaliseConfig:
    """What is made equal for all clips; "none" leaves it as recorded. The reference is the first person.

    centre: the layout's centre in the first frame becomes the origin, or that of every frame, which takes the way
    through the room out of the clip. scale: divide by the length of the spine, of the first frame or the mean over
    everybody and all frames. upright: turn the first frame's spine to z by the shortest rotation; z is then the
    vertical, else it is the sensor's y. facing: turn about the vertical until the first frame's line from the left to
    the right shoulder points along x and has no depth, as it is with somebody who faces a Kinect. `shoulder_line`,
    two joints, replaces the layout's shoulders.
    """

    centre: Literal["none", "first-frame", "every-frame"] = "first-frame"
    scale: Literal["none", "first-spine", "mean-spine"] = "mean-spine"
    upright: Literal["none", "first-frame"] = "none"
    facing: Literal["none", "first-frame"] = "none"
    shoulder_line: tuple[int, int] | None = None

    @property
    def vertical(self) -> Up:
        """The axis that points up afterwards."""
        return "y" if self.upright == "none" else "z"


NORMALISATIONS = {
    "default": NormaliseConfig(),
    "published": NormaliseConfig("first-frame", "first-spine", "first-frame", "first-frame", (20, 5)),
    "none": NormaliseConfig("none", "none"),
}
"""Presets. `published` is what PSP's program does with NTU RGB+D: its line goes from the spine to the left elbow."""


def normalise(
    joints: Float64[np.ndarray, "m t v 3"], layout: Layout, config: NormaliseConfig
) -> Float64[np.ndarray, "m t v 3"]:
    """Move, scale and turn a clip; joints at zero were not seen and stay zero.

    A clip whose first spine or shoulder line is degenerate keeps its scale or direction.
    """
    _check(layout, config)
    present = np.any(joints, axis=(2, 3))
    if not present.any():
        return joints
    person = int(present.any(axis=1).argmax())
    first = int(present[person].argmax())
    seen = joints.any(axis=3, keepdims=True)
    moved = joints - _origin(joints[person, :, layout.centre], present[person], config.centre)
    moved /= _length(moved, present, (person, first), layout, config.scale)
    pose = moved[person, first]
    if config.upright == "first-frame":
        rotation = _turn_to_z(pose[layout.spine[1]] - pose[layout.spine[0]])
        moved, pose = moved @ rotation.T, pose @ rotation.T
    if config.facing == "first-frame":
        start, end = config.shoulder_line or layout.shoulders
        moved = moved @ _turn_to_x(pose[end] - pose[start], config.vertical).T
    return np.where(seen, moved, 0.0)


def _check(layout: Layout, config: NormaliseConfig) -> None:
    absent = [joint for joint in config.shoulder_line or () if not 0 <= joint < len(layout.joints)]
    if absent:
        remedy = f"Use joints 0 to {len(layout.joints) - 1}, or the default normalisation."
        where = f"normalise.shoulder_line, layout {layout.name!r}"
        raise ConfigError(f"joint {absent[0]} does not exist.", where=where, remedy=remedy)


def _origin(
    centre: Float64[np.ndarray, "t 3"], present: Bool[np.ndarray, "t"], kind: str
) -> Float64[np.ndarray, "#t 1 3"]:
    """The point to subtract; in frames without the first person every-frame takes the last one with it."""
    if kind == "none":
        return np.zeros((1, 1, 3))
    first = int(present.argmax())
    if kind == "first-frame":
        return centre[first][None, None]
    latest = np.maximum.accumulate(np.where(present, np.arange(len(present)), first))
    return centre[latest][:, None]


def _length(
    joints: Float64[np.ndarray, "m t v 3"],
    present: Bool[np.ndarray, "m t"],
    first: tuple[int, int],
    layout: Layout,
    kind: str,
) -> float:
    """The length that becomes 1."""
    lower, upper = layout.spine
    lengths = np.linalg.norm(joints[:, :, upper] - joints[:, :, lower], axis=2)
    length = {"none": 1.0, "first-spine": lengths[first], "mean-spine": lengths[present].mean()}[kind]
    return float(length) if length > TINY else 1.0


def _turn_to_z(direction: Float64[np.ndarray, "3"]) -> Float64[np.ndarray, "3 3"]:
    """The shortest rotation of a direction d to z: R = I + K + K^2 / (1 + d_z), K the cross product with d x z."""
    length = np.linalg.norm(direction)
    if length < TINY:
        return np.eye(3)
    x, y, z = direction / length
    if z < TINY - 1:
        return np.diag([1.0, -1.0, -1.0])
    cross = np.array([[0.0, 0.0, -x], [0.0, 0.0, -y], [x, y, 0.0]])
    return np.eye(3) + cross + cross @ cross / (1 + z)


def _turn_to_x(direction: Float64[np.ndarray, "3"], vertical: str) -> Float64[np.ndarray, "3 3"]:
    """The rotation about the vertical that leaves of a direction only x > 0 and its height."""
    depth = 2 if vertical == "y" else 1
    length = float(np.hypot(direction[0], direction[depth]))
    rotation = np.eye(3)
    if length > TINY:
        cosine, sine = direction[[0, depth]] / length
        rotation[np.ix_([0, depth], [0, depth])] = [[cosine, sine], [-sine, cosine]]
    return rotation
