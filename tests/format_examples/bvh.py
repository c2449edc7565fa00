"""BVH: a bent chain with a branch; the expected positions are worked out with SciPy's rotations."""

import numpy as np
from scipy.spatial.transform import Rotation

from format_examples import Example

NAMES, PARENTS = ("Hips", "Chest", "LeftHand", "RightHand"), (-1, 0, 1, 1)
ORDERS = ("ZXY", "ZYX", "XYZ", "YZX")


def example(draw: np.random.Generator) -> Example:
    made = [bvh(draw, 5), bvh(draw, 3)]
    files = {"run/0.bvh": made[0][0], "walk/1.bvh": made[1][0]}
    return Example(files, [joints for _, joints in made], labels=["run", "walk"], tolerance=1e-6)


def bvh(draw: np.random.Generator, frames: int) -> tuple[bytes, np.ndarray]:
    """Return a file and the joints (1, t, 4, 3) that it means."""
    offsets = np.round(draw.normal(size=(4, 3)), 3)
    angles = np.round(draw.uniform(-180, 180, (frames, 4, 3)), 3)
    roots = np.round(draw.normal(size=(frames, 3)), 3) + 1
    turned, places = list[Rotation](), list[np.ndarray]()
    for joint, parent in enumerate(PARENTS):
        own = Rotation.from_euler(ORDERS[joint], angles[:, joint], degrees=True)
        places.append(roots if parent < 0 else places[parent] + turned[parent].apply(offsets[joint]))
        turned.append(own if parent < 0 else turned[parent] * own)
    text = ["HIERARCHY", *_joint(0, offsets), "MOTION", f"Frames: {frames}", "Frame Time: 0.04"]
    rows = np.concatenate([roots, angles.reshape(frames, 12)], axis=1)
    text += [" ".join(f"{value:.3f}" for value in row) for row in rows]
    return "\n".join(text).encode(), np.stack(places, axis=1)[None]


def _joint(number: int, offsets: np.ndarray) -> list[str]:
    rotations = " ".join(f"{axis}rotation" for axis in ORDERS[number])
    channels = f"CHANNELS 3 {rotations}" if number else f"CHANNELS 6 Xposition Yposition Zposition {rotations}"
    inner = [line for child, parent in enumerate(PARENTS) if parent == number for line in _joint(child, offsets)]
    inner = inner or ["End Site", "{", "OFFSET 0 1 0", "}"]
    offset = " ".join(f"{value:.3f}" for value in offsets[number])
    return [f"{'JOINT' if number else 'ROOT'} {NAMES[number]}", "{", f"OFFSET {offset}", channels, *inner, "}"]
