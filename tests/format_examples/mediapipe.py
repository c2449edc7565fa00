"""Landmarks as JSON: a list of frames with somebody missing, and image landmarks of a body and a hand."""

import json
from typing import Any

import numpy as np

from format_examples import Example


def example(draw: np.random.Generator) -> Example:
    body, both = draw.uniform(0, 1, (1, 4, 33, 3)).round(4), draw.uniform(0, 1, (1, 3, 75, 3)).round(4)
    body[0, 2] = np.nan
    both[0, :, 54:] = np.nan
    score = draw.uniform(0.1, 1, body.shape[:3]).round(3)
    first = [points(frame, seen) for frame, seen in zip(body[0], score[0], strict=True)]
    second = [
        {"pose_landmarks": points(frame[:33]), "leftHandLandmarks": points(frame[33:54]), "rightHandLandmarks": None}
        for frame in both[0]
    ]
    files = {
        "clap/a.json": json.dumps(first).encode(),
        "wave/b.json": json.dumps({"fps": 30, "frames": second}).encode(),
    }
    options = {"layout": "mediapipe33"}
    return Example(files, [body, both[:, :, :33]], [score, None], ["clap", "wave"], options)


def points(joints: np.ndarray, visibility: np.ndarray | None = None) -> list[dict[str, Any]]:
    if np.isnan(joints).any():
        return []
    found = [dict(zip("xyz", joint, strict=True)) for joint in joints.tolist()]
    return (
        found
        if visibility is None
        else [p | {"visibility": v} for p, v in zip(found, visibility.tolist(), strict=True)]
    )
