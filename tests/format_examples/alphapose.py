"""AlphaPose: a list with tracks, and the object by image that PoseFlow writes."""

import json

import numpy as np

from format_examples import Example, skeletons


def example(draw: np.random.Generator) -> Example:
    joints = [skeletons(draw, 2, 4, 17, 2), skeletons(draw, 1, 3, 17, 2)]
    scores = [np.where(np.isnan(p[..., 0]), 0, np.round(draw.uniform(0.1, 1, p.shape[:3]), 3)) for p in joints]
    flat = [
        np.nan_to_num(np.concatenate([p, s[..., None]], axis=3)).reshape(*p.shape[:2], -1).tolist()
        for p, s in zip(joints, scores, strict=True)
    ]
    persons = [
        {"image_id": f"{t}.jpg", "category_id": 1, "keypoints": flat[0][m][t], "score": 2.5, "idx": 1 + m}
        for t in range(4)
        for m in range(2)
    ]
    by_image = {f"frames/{t:05}.jpg": [{"keypoints": flat[1][0][t], "score": 1.5}] for t in range(3)}
    files = {
        "run/a/alphapose-results.json": json.dumps(persons).encode(),
        "walk/b/alphapose-results.json": json.dumps(by_image).encode(),
    }
    return Example(files, joints, scores, ["run", "walk"])
