"""movement: a data set as xarray saves it, written with h5py's dimension scales."""

import io

import h5py
import numpy as np

from format_examples import Example, skeletons

NAMES = ("snout", "left_ear", "right_ear", "tail")


def example(draw: np.random.Generator) -> Example:
    joints = [skeletons(draw, 2, 6, 4, 2), skeletons(draw, 1, 5, 4, 2)]
    scores = np.round(draw.uniform(0.1, 1, joints[0].shape[:3]), 3)
    return Example(
        {"a/x.nc": netcdf(joints[0], scores), "b/y.nc": netcdf(joints[1], None)}, joints, [scores, None], ["a", "b"]
    )


def netcdf(joints: np.ndarray, scores: np.ndarray | None) -> bytes:
    dims = {"time": np.arange(joints.shape[1]) / 30, "space": np.array([b"x", b"y"]), "keypoints": np.array(NAMES, "S")}
    dims["individuals"] = np.array([f"id_{number}" for number in range(len(joints))], "S")
    with h5py.File(io.BytesIO(), "w") as file:
        file.attrs["fps"] = 30.0
        for name, values in dims.items():
            file[name] = values
            file[name].make_scale(name)
        variables = {"position": (joints.transpose(1, 3, 2, 0), tuple(dims))}
        if scores is not None:
            variables["confidence"] = scores.transpose(1, 2, 0), ("time", "keypoints", "individuals")
        for name, (values, axes) in variables.items():
            file[name] = values
            for place, axis in enumerate(axes):
                file[name].dims[place].attach_scale(file[axis])
        file.flush()
        return file.id.get_file_image()
