"""Pickles of DD-Net: clips of two coordinates in a list."""

import pickle

import numpy as np

from format_examples import Example, skeletons


def example(draw: np.random.Generator) -> Example:
    joints = [skeletons(draw, 1, length, 15, 2) for length in (4, 6)]
    content = {"pose": [each[0] for each in joints], "label": ["wave", "clap"]}
    return Example({"GT_train_1.pkl": pickle.dumps(content, protocol=3)}, joints, labels=["wave", "clap"])
