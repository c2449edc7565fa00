"""NWB: two animals by the names of points, and two animals by groups, with a gap in the timestamps."""

import io

import h5py
import numpy as np

from format_examples import Example, skeletons

POINTS = ("earL", "earR", "nose")


def example(draw: np.random.Generator) -> Example:
    joints = [skeletons(draw, 2, 6, 3, 2), skeletons(draw, 2, 6, 3, 2)]
    scores = [np.round(draw.uniform(0.1, 1, each.shape[:3]), 3) for each in joints]
    joints[1][:, 2] = np.nan
    files = {"run/a.nwb": nwb(joints[0], scores[0], groups=False), "walk/b.nwb": nwb(joints[1], scores[1], groups=True)}
    return Example(files, joints, scores, ["run", "walk"])


def nwb(joints: np.ndarray, scores: np.ndarray, *, groups: bool) -> bytes:
    """Return a file; the third frame is missing where each animal has a group."""
    there = [0, 1, 3, 4, 5] if groups else range(6)
    with h5py.File(io.BytesIO(), "w") as file:
        for animal in range(len(joints)):
            group = file.require_group(f"processing/behavior/{f'mouse{animal}' if groups else 'PoseEstimation'}")
            group.attrs["neurodata_type"] = "PoseEstimation"
            for number, point in enumerate(POINTS):
                each = group.create_group(point if groups else f"mouse{animal}_{point}")
                each.attrs["neurodata_type"] = "PoseEstimationSeries"
                each["data"], each["confidence"] = joints[animal, there, number], scores[animal, there, number]
                each["data"].attrs["unit"] = "pixels"
                if groups:
                    each["timestamps"] = np.array(there) / 25
                else:
                    each["starting_time"] = 0.0
                    each["starting_time"].attrs["rate"] = 25.0
            if groups:
                group["nodes"], group["edges"] = np.array(POINTS, "S"), np.array([[0, 1], [0, 2]], "u1")
        file.flush()
        return file.id.get_file_image()
