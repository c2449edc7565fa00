"""NumPy arrays."""

import io

import numpy as np

from format_examples import Example, skeletons


def example(draw: np.random.Generator) -> Example:
    joints = [skeletons(draw, 2, 5, 17, 3), skeletons(draw, 1, 3, 17, 3)]
    confidence = np.round(draw.uniform(0.1, 1, joints[1].shape[:3]), 3)
    both = [skeletons(draw, 1, 4, 17, 3), skeletons(draw, 1, 6, 17, 3)]
    first, second, third = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.save(first, joints[0])
    np.savez(second, joints=joints[1][0], confidence=confidence[0])
    np.savez(third, a=both[0], b=both[1])
    files = {"run/0.npy": first.getvalue(), "walk/1.npz": second.getvalue(), "walk/2.npz": third.getvalue()}
    labels, scores = ["run", "walk", "walk", "walk"], [None, confidence, None, None]
    return Example(files, [*joints, *both], scores, labels, {"layout": "coco17"})
