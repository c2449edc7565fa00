"""Azure Kinect's JSON; frame 12 has nobody, and the second body comes late."""

import json

import numpy as np

from format_examples import Example, skeletons
from psp.skeleton.catalogue import layout_by_name


def example(draw: np.random.Generator) -> Example:
    joints = skeletons(draw, 2, 5, 32, 3, lost=0)
    joints[:, 2], joints[1, :2] = np.nan, np.nan
    frames = []
    for frame in range(5):
        bodies = [
            {"body_id": 7 + m, "joint_positions": joints[m, frame].tolist(), "joint_orientations": [[1, 0, 0, 0]] * 32}
            for m in range(2)
            if not np.isnan(joints[m, frame]).any()
        ]
        frames.append(
            {"frame_id": 10 + frame, "timestamp_usec": 33333 * frame, "num_bodies": len(bodies), "bodies": bodies}
        )
    names = [name.upper() for name in layout_by_name("kinect32").joints]
    content = {"k4abt_sdk_version": "1.1.2", "source_file": "a.mkv", "joint_names": names, "frames": frames}
    return Example({"walk/a.json": json.dumps(content).encode()}, [joints], labels=["walk"])
