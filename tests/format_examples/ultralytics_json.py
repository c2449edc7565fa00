"""Ultralytics' results as JSON: a file with all frames, and one file per frame."""

import json

import numpy as np

from format_examples import Example, skeletons


def example(draw: np.random.Generator) -> Example:
    joints = [skeletons(draw, 2, 3, 17, 2), skeletons(draw, 1, 3, 17, 2)]
    scores = [np.where(np.isnan(p[..., 0]), 0, np.round(draw.uniform(0.1, 1, p.shape[:3]), 3)) for p in joints]
    frames = [
        [
            [
                {
                    "name": "person",
                    "class": 0,
                    "box": {"x1": 1, "y1": 2, "x2": 3, "y2": 4},
                    "keypoints": {
                        "x": np.nan_to_num(p[m, t, :, 0]).tolist(),
                        "y": np.nan_to_num(p[m, t, :, 1]).tolist(),
                        "visible": s[m, t].tolist(),
                    },
                }
                for m in range(len(p))
            ]
            for t in range(p.shape[1])
        ]
        for p, s in zip(joints, scores, strict=True)
    ]
    files = {"run/a.json": json.dumps(frames[0]).encode()}
    files |= {f"walk/b_{t}.json": json.dumps(frames[1][t]).encode() for t in range(3)}
    return Example(files, joints, scores, ["run", "walk"])
