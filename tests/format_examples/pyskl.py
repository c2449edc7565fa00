"""Annotations of PYSKL."""

import pickle

import numpy as np

from format_examples import Example, skeletons


def example(draw: np.random.Generator) -> Example:
    names = ["a", "b", "c"]
    joints = [skeletons(draw, 2, 4 + n, 17, 2, lost=0.05) for n in range(3)]
    scores = [np.round(draw.uniform(0.1, 1, each.shape[:3]), 3) for each in joints]
    annotations = [
        {
            "frame_dir": name,
            "label": label,
            "img_shape": (480, 640),
            "total_frames": points.shape[1],
            "keypoint": np.nan_to_num(points),
            "keypoint_score": score,
        }
        for name, label, points, score in zip(names, (3, 10, 3), joints, scores, strict=True)
    ]
    content = {"split": {"xsub_train": ["a", "c"], "xsub_val": ["b"]}, "annotations": annotations}
    return Example({"data.pkl": pickle.dumps(content)}, joints, scores, ["3", "10", "3"])
