"""OpenPose's frames: two recordings in one folder, one in another."""

import json

import numpy as np

from format_examples import Example, skeletons


def example(draw: np.random.Generator) -> Example:
    files, joints, scores = {}, [], []
    for name, persons, frames in (("run/a", 1, 3), ("run/b_1", 2, 4), ("walk/c", 2, 2)):
        points = skeletons(draw, persons, frames, 25, 2)
        points[:, 0, 0] = 400.5, 300.25
        score = np.where(np.isnan(points[..., 0]), 0, np.round(draw.uniform(0.1, 1, points.shape[:3]), 3))
        points[0, 1], score[0, 1] = (np.nan, 0) if persons == 1 else (points[0, 1], score[0, 1])
        for frame in range(frames):
            people = [
                {
                    "person_id": [-1],
                    "pose_keypoints_2d": np.nan_to_num(np.column_stack([points[m, frame], score[m, frame]]))
                    .ravel()
                    .tolist(),
                    "hand_left_keypoints_2d": [],
                }
                for m in range(persons)
                if score[m, frame].any()
            ]
            files[f"{name}_{frame:012}_keypoints.json"] = json.dumps({"version": 1.3, "people": people}).encode()
        joints.append(points)
        scores.append(score)
    return Example(files, joints, scores, ["run", "run", "walk"])
