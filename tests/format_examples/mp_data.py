"""Frames of MediaPipe Holistic: body with visibility, both hands; a hand that is lost, and a frame that is."""

import io

import numpy as np

from format_examples import Example


def example(draw: np.random.Generator) -> Example:
    files, joints, confidence = {}, [], []
    for sequence in ("1", "0"):
        points = draw.uniform(0.05, 0.95, (4, 75, 3))
        visible = np.ones((4, 75))
        visible[:, :33] = draw.uniform(0.1, 1, (4, 33))
        points[1, 33:54] = np.nan
        points[2] = np.nan
        for frame in (0, 1, 3):
            body = np.concatenate([points[frame, :33], visible[frame, :33, None]], axis=1).reshape(-1)
            face = draw.uniform(0, 1, 1404)
            row = np.concatenate([body, face, np.nan_to_num(points[frame, 33:]).reshape(-1)])
            saved = io.BytesIO()
            np.save(saved, row)
            files[f"MP_Data/hello/{sequence}/{frame + 1}.npy"] = saved.getvalue()
        joints.insert(0, points[None])
        confidence.insert(0, visible[None])
    return Example(files, joints, confidence, ["hello", "hello"])
