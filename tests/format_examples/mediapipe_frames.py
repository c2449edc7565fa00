"""Landmarks as JSON, one file per frame, with nobody in one of them and a number missing."""

import json

import numpy as np

from format_examples import Example
from format_examples.mediapipe import points


def example(draw: np.random.Generator) -> Example:
    joints, score = draw.uniform(0, 1, (1, 5, 33, 3)).round(4), draw.uniform(0.1, 1, (1, 5, 33)).round(3)
    joints[0, 2:4] = np.nan
    frames = [{"pose_landmarks": points(frame, seen)} for frame, seen in zip(joints[0], score[0], strict=True)]
    files = {f"clap/a_{t + 9}.json": json.dumps(frames[t]).encode() for t in (0, 1, 2, 4)}
    files |= {f"wave/3/{t}.json": json.dumps(frames[t]["pose_landmarks"]).encode() for t in range(2)}
    return Example(files, [joints, joints[:, :2]], [score, score[:, :2]], ["clap", "wave"])
