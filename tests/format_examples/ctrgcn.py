"""CTR-GCN's archives."""

import io

import numpy as np

from format_examples import Example, skeletons


def example(draw: np.random.Generator) -> Example:
    joints = [skeletons(draw, persons, frames, 25, 3, lost=0) for persons, frames in ((2, 5), (1, 7), (1, 3))]
    joints[0][1, 2], joints[1][0, 3] = np.nan, np.nan
    joints[1][0, 4, 1] = 0
    filled = np.zeros((3, 8, 2, 25, 3), dtype=np.float64)
    for array, points in zip(filled, joints, strict=True):
        array[: points.shape[1], : points.shape[0]] = np.nan_to_num(points).transpose(1, 0, 2, 3)
    flat, classes = filled.reshape(3, 8, 150), np.eye(12)[[3, 10, 3]]
    file = io.BytesIO()
    np.savez(file, x_train=flat[1:], y_train=classes[1:], x_test=flat[:1], y_test=classes[:1])
    return Example({"data.npz": file.getvalue()}, joints, labels=["3", "10", "3"])
