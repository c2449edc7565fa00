"""Kinetics-skeleton's JSON; frame 3 is missing."""

import json

import numpy as np

from format_examples import Example, skeletons


def example(draw: np.random.Generator) -> Example:
    files, joints, scores = {}, [], []
    for name, persons in (("kinetics_train/a", 2), ("kinetics_val/b", 1)):
        points = np.round(skeletons(draw, persons, 5, 18, 2) / 500, 3)
        points[:, 2] = np.nan
        score = np.where(np.isnan(points[..., 0]), 0, np.round(draw.uniform(0.1, 1, points.shape[:3]), 3))
        frames = [
            {
                "frame_index": frame + 1,
                "skeleton": [
                    {"pose": np.nan_to_num(points[m, frame]).ravel().tolist(), "score": score[m, frame].tolist()}
                    for m in range(persons)
                ],
            }
            for frame in (0, 1, 3, 4)
        ]
        files[f"{name}.json"] = json.dumps(
            {"data": frames, "label": f"class {persons}", "label_index": persons}
        ).encode()
        joints.append(points)
        scores.append(score)
    return Example(files, joints, scores, ["class 2", "class 1"])
