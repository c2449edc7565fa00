"""Ultralytics labels: with confidence of joints and box and a track, and plain; a frame with nobody has no file."""

import numpy as np

from format_examples import Example, skeletons


def example(draw: np.random.Generator) -> Example:
    joints = [np.round(skeletons(draw, 2, 4, 17, 2) / 500, 4), np.round(skeletons(draw, 1, 3, 17, 2) / 500, 4)]
    joints[0][:, 2] = np.nan
    scores = np.where(np.isnan(joints[0][..., 0]), 0, np.round(draw.uniform(0.1, 1, joints[0].shape[:3]), 3))
    files = {}
    for frame in (0, 1, 3):
        lines = []
        for person in range(2):
            points = np.column_stack([np.nan_to_num(joints[0][person, frame]), scores[person, frame]]).ravel()
            lines.append(" ".join(f"{value:g}" for value in (0, 0.5, 0.5, 0.2, 0.4, *points, 0.9, 3 + person)))
        files[f"run/labels/a_{frame + 1}.txt"] = "\n".join(lines).encode()
    for frame in range(3):
        points = np.nan_to_num(joints[1][0, frame]).ravel()
        files[f"walk/labels/b_{frame + 1}.txt"] = " ".join(f"{v:g}" for v in (0, 0.5, 0.5, 0.2, 0.4, *points)).encode()
    return Example(files, joints, [scores, None], ["run", "walk"])
