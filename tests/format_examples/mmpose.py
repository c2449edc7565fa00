"""MMPose: a video of the Inferencer, and one of a demo with names and arrays of json_tricks."""

import json

import numpy as np

from format_examples import Example, skeletons
from psp.skeleton.catalogue import layout_by_name


def instances(points: np.ndarray, score: np.ndarray) -> list[dict]:
    """Return the instances of one frame."""
    return [
        {"keypoints": p.tolist(), "keypoint_scores": s.tolist(), "bbox": [[0, 0, 9, 9]], "bbox_score": 0.9}
        for p, s in zip(points, score, strict=True)
    ]


def example(draw: np.random.Generator) -> Example:
    joints = [skeletons(draw, 2, 4, 17, 2, lost=0), skeletons(draw, 1, 3, 17, 2, lost=0)]
    scores = [np.round(draw.uniform(0.1, 1, each.shape[:3]), 3) for each in joints]
    frames = [
        [{"frame_id": first + t, "instances": instances(p[:, t], s[:, t])} for t in range(p.shape[1])]
        for first, p, s in zip((0, 1), joints, scores, strict=True)
    ]
    layout = layout_by_name("coco17")
    meta = {
        "keypoint_id2name": {str(number): name for number, name in enumerate(layout.joints)},
        "skeleton_links": {"__ndarray__": [list(pair) for pair in layout.edges], "dtype": "int64"},
    }
    files = {
        "run/a.json": json.dumps(frames[0]).encode(),
        "walk/b.json": json.dumps({"meta_info": meta, "instance_info": frames[1]}).encode(),
    }
    return Example(files, joints, scores, ["run", "walk"])
