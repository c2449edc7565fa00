"""Ultralytics' results as JSON, one file per frame."""

import json
from typing import Any

import numpy as np

from format_examples import Example, skeletons


def example(draw: np.random.Generator) -> Example:
    joints, scores, videos = made(draw)
    files = {f"{name}_{t}.json": json.dumps(frame).encode() for name, video in videos.items()
             for t, frame in enumerate(video)}  # fmt: skip
    return Example(files, joints, scores, ["run", "walk"])


def made(draw: np.random.Generator) -> tuple[list[np.ndarray], list[np.ndarray], dict[str, list[list[dict[str, Any]]]]]:
    """Return joints and scores of two recordings, and their frames by the name of the recording."""
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
    return joints, scores, dict(zip(("run/a", "walk/b"), frames, strict=True))
