"""A simulated depth camera: its viewpoint, noise, hidden limbs and lost frames.

Camera coordinates are those of Kinect: metres, y up, z away from the camera, x to the camera's own left, so
that the left shoulder of a person who faces the camera has the smaller x.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Bool, Float, Float32

from psp.synthetic.body import body
from psp.synthetic.kinematics import turn_about_vertical

JITTER = 0.003
"""Standard deviation of a trunk joint's error in metres, 3 m away; it grows with the distance squared."""

GUESS = 0.05
"""Standard deviation in metres of the slow error of a hidden joint."""

TORSO_RADIUS = 0.13
"""A joint is hidden when a torso nearer to the camera covers it; this is the torso's half width in metres."""

UNSTEADY = {
    "elbow": 1.8, "wrist": 2.4, "hand": 3.2, "hand tip": 4.2, "thumb": 4.2,
    "knee": 1.6, "ankle": 2.6, "foot": 3.8,
}  # fmt: skip
"""The error of the joints of the limbs as a multiple of that of the trunk."""

FOCAL_LENGTH = 1000.0
"""Focal length of the camera's image, in pixels."""

TORSO = ("spine base", "spine middle", "spine shoulder", "head")


@dataclass(frozen=True)
class Camera:
    """A camera at `azimuth` degrees, `distance` and `height` metres from the middle of the floor.

    `pitch` says how far it is tilted, in degrees.
    """

    azimuth: float
    distance: float
    height: float
    pitch: float

    def view(self, room: Float[np.ndarray, "m t v 3"]) -> Float[np.ndarray, "m t v 3"]:
        """Return camera coordinates, a rigid motion: pitch, distance and height, azimuth."""
        cosine, sine = np.cos(np.radians(self.pitch)), np.sin(np.radians(self.pitch))
        nod = np.array([[1, 0, 0], [0, cosine, -sine], [0, sine, cosine]])
        return (room @ turn_about_vertical(self.azimuth).T + (0, -self.height, self.distance)) @ nod.T


def draw_camera(number: int, cameras: int, rng: np.random.Generator) -> Camera:
    """Draw camera `number` (from 1) of an arc from -45 to 45 degrees; a single one stands in front."""
    azimuth = 0.0 if cameras == 1 else -45 + 90 * (number - 1) / (cameras - 1)
    return Camera(azimuth, rng.uniform(3.0, 3.8), rng.uniform(0.8, 1.4), rng.uniform(-4, 8))


def measure(
    seen: Float[np.ndarray, "m t v 3"], noise: float, occlusion: float, rng: np.random.Generator
) -> Float[np.ndarray, "m t v 3"]:
    """Return the joints as the camera reports them: with noise, and wrong or frozen where they are hidden."""
    covered = hidden(seen) if occlusion else np.zeros(seen.shape[:3], dtype=bool)
    steady = _slow_noise(seen.shape, rng) * (occlusion * GUESS) * covered[..., None]
    jitter = rng.standard_normal(seen.shape, dtype=np.float32)
    scale = noise * JITTER * (seen[..., 2:] / 3) ** 2 * _unsteadiness()[:, None]
    frozen = covered & (rng.random((seen.shape[0], 1, seen.shape[2])) < 0.5 * occlusion)
    return _hold(seen + steady + jitter * scale, frozen)


def hidden(seen: Float[np.ndarray, "m t v 3"]) -> Bool[np.ndarray, "m t v"]:
    """Return which joints lie behind a person's torso, as seen from the camera."""
    depth = seen[..., 2]
    across, upward = seen[..., 0] / depth, seen[..., 1] / depth
    covered = np.zeros(depth.shape, dtype=bool)
    for person in range(len(seen)):
        for joint in _torso():
            aside, above = across - across[person, :, joint, None], upward - upward[person, :, joint, None]
            front = depth[person, :, joint, None]
            covered |= (aside**2 + above**2 < (TORSO_RADIUS / front) ** 2) & (depth > front + 0.1)
    return covered


def in_image(seen: Float[np.ndarray, "m t v 3"]) -> Float[np.ndarray, "m t v 2"]:
    """Return the perspective projection of joints in camera coordinates, in pixels from the middle of the image.

    x points to the right and y down; a joint at the origin, which is not observed, stays there.
    """
    depth = np.where(seen[..., 2:] > 0, seen[..., 2:], 1.0)
    projected: np.ndarray = -FOCAL_LENGTH * seen[..., :2] / depth
    return projected


def lost_frames(frames: int, dropout: float, rng: np.random.Generator) -> Bool[np.ndarray, "t"]:
    """Return at random which frames are lost: single ones and, in some clips, five in a row."""
    lost = rng.random(frames) < 0.02 * dropout
    burst, start = rng.random() < 0.15 * dropout, rng.integers(frames - 8)
    lost[start : start + 5] |= burst
    return lost


def tracked(persons: int, frames: int, dropout: float, rng: np.random.Generator) -> Bool[np.ndarray, "m t"]:
    """Return at random in which frames each person is seen: in a few clips one person is lost for 2 to 5 frames."""
    seen = np.ones((persons, frames), dtype=bool)
    person, start, length = rng.integers(persons), rng.integers(frames - 5), rng.integers(2, 6)
    if rng.random() < 0.04 * dropout:
        seen[person, start : start + length] = False
    return seen


def _hold(joints: Float[np.ndarray, "m t v 3"], frozen: Bool[np.ndarray, "m t v"]) -> Float[np.ndarray, "m t v 3"]:
    """Return the joints with frozen ones at their last value before."""
    frames = np.arange(joints.shape[1])[None, :, None]
    source = np.maximum.accumulate(np.where(frozen, 0, frames), axis=1)
    return np.take_along_axis(joints, source[..., None], axis=1)


def _slow_noise(shape: tuple[int, ...], rng: np.random.Generator) -> Float32[np.ndarray, "m t v 3"]:
    """Unit noise that changes over about a third of a second."""
    persons, frames, joints, axes = shape
    knots = rng.standard_normal((persons, frames // 10 + 2, joints, axes), dtype=np.float32)
    at = np.arange(frames) / 10
    before, part = at.astype(int), (at % 1).astype(np.float32)[None, :, None, None]
    return knots[:, before] * (1 - part) + knots[:, before + 1] * part


@cache
def _torso() -> list[int]:
    return [body().joints.index(name) for name in TORSO]


@cache
def _unsteadiness() -> Float[np.ndarray, "v"]:
    names = [name.removeprefix("left ").removeprefix("right ") for name in body().joints]
    return np.array([UNSTEADY.get(name, 1.0) for name in names])
