"""The choice of the frames of a clip to draw, and of the side from which they are drawn."""

import numpy as np
from jaxtyping import Float

from psp.skeleton.layout import Layout


def in_space(joints: Float[np.ndarray, "t v c"]) -> Float[np.ndarray, "t v 3"]:
    """Return joints in three dimensions; two-dimensional ones get z = 0."""
    return np.pad(joints, ((0, 0), (0, 0), (0, 3 - joints.shape[2])))


def mover(joints: Float[np.ndarray, "m t v c"]) -> int:
    """Return the person who moves most."""
    seen = np.any(joints, axis=(2, 3))
    both = seen[:, 1:] & seen[:, :-1]
    lengths = np.linalg.norm(np.diff(joints, axis=1), axis=3).sum(axis=2)
    return int((lengths * both).sum(axis=1).argmax())


def telling_frames(joints: Float[np.ndarray, "t v 3"], centre: int) -> tuple[int, int]:
    """Return two frames with very different poses, among those in which the person is observed.

    One differs most from the median pose, the other most from that one. The wider pose, such as bending, sitting or an
    arm held out, is the second.
    """
    seen = np.flatnonzero(joints.any(axis=(1, 2)))
    poses = (joints - joints[:, [centre]])[seen]
    telling = poses[_distances(poses, np.median(poses, axis=0)).argmax()]
    distances = _distances(poses, telling)
    extremes = (int(distances.argmax()), int(distances.argmin()))
    first, second = sorted(extremes, key=lambda frame: _width(poses[frame]))
    return int(seen[first]), int(seen[second])


def flat(poses: Float[np.ndarray, "t v 3"], layout: Layout) -> Float[np.ndarray, "t v 2"]:
    """Return poses of a person seen from the side on which they are widest, with all centres above the same point.

    Up is the long axis of the most stretched pose, so that tilted cameras have no influence. If the layout has
    shoulders, the left one is on the right, as for a person who faces the reader.
    """
    centred = poses - poses[:, [layout.centre]]
    up = _upwards(centred, layout)
    height = (poses - poses[0, layout.centre]) @ up
    level = centred - (centred @ up)[..., None] * up
    across = _axes(level.reshape(-1, 3))[0]
    facing = 1.0
    if layout.shoulders is not None:
        left, right = layout.shoulders
        facing = np.sign((level[-1, left] - level[-1, right]) @ across) or 1.0
    return np.stack([facing * level @ across, height], axis=-1)


def _distances(poses: Float[np.ndarray, "t v 3"], pose: Float[np.ndarray, "v 3"]) -> Float[np.ndarray, "t"]:
    return np.linalg.norm(poses - pose, axis=2).sum(axis=1)


def _width(pose: Float[np.ndarray, "v 3"]) -> float:
    """Return the width of a pose divided by its length."""
    length, *widths = np.linalg.svd(pose - pose.mean(axis=0), compute_uv=False)
    return float(sum(widths) / length)


def _upwards(centred: Float[np.ndarray, "t v 3"], layout: Layout) -> Float[np.ndarray, "3"]:
    stretched = centred[np.linalg.norm(centred, axis=2).sum(axis=1).argmax()]
    axis = _axes(stretched - stretched.mean(axis=0))[0]
    if layout.spine is None:
        return axis if axis[np.abs(axis).argmax()] >= 0 else -axis
    low, high = layout.spine
    return axis if (stretched[high] - stretched[low]) @ axis >= 0 else -axis


def _axes(points: Float[np.ndarray, "w 3"]) -> Float[np.ndarray, "a 3"]:
    """Return the principal axes of points, the one with the largest variance first."""
    return np.linalg.svd(points, full_matrices=False)[2]
