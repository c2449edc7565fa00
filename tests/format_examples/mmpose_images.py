"""MMPose's Inferencer on the images of a video."""

import json

import numpy as np

from format_examples import Example, skeletons
from format_examples.mmpose import instances


def example(draw: np.random.Generator) -> Example:
    joints = skeletons(draw, 2, 4, 26, 2, lost=0)
    scores = np.round(draw.uniform(0.1, 1, joints.shape[:3]), 3)
    files = {f"run/a_{t:05}.json": json.dumps(instances(joints[:, t], scores[:, t])).encode() for t in range(4)}
    return Example(files, [joints], [scores], ["run"])
