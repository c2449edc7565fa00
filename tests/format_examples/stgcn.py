"""Arrays of 2s-AGCN with their labels."""

import io
import pickle

import numpy as np

from format_examples import Example, skeletons


def example(draw: np.random.Generator) -> Example:
    joints = [skeletons(draw, persons, frames, 25, 3, lost=0) for persons, frames in ((2, 5), (1, 7), (2, 3))]
    joints[0][1, 2], joints[1][0, 3] = np.nan, np.nan
    joints[1][0, 4, 1] = 0
    filled = np.zeros((3, 3, 8, 25, 2))
    for array, points in zip(filled, joints, strict=True):
        array[:, : points.shape[1], :, : points.shape[0]] = np.nan_to_num(points).transpose(3, 1, 2, 0)
    file, names = io.BytesIO(), [f"S001C001P00{number}R001A011.skeleton" for number in (1, 2, 3)]
    np.save(file, filled)
    files = {"xsub/train_data_joint.npy": file.getvalue(), "xsub/train_label.pkl": pickle.dumps((names, [3, 10, 3]))}
    return Example(files, joints, labels=["3", "10", "3"])
