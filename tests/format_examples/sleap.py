"""SLEAP: one analysis file of two tracks with scores, one of one track as sleap-io orders the axes."""

import io
import json

import h5py
import numpy as np

from format_examples import Example, skeletons

NODES, EDGES = ("head", "thorax", "wingL", "wingR"), ((1, 0), (1, 2), (1, 3))


def example(draw: np.random.Generator) -> Example:
    joints = [skeletons(draw, 2, 6, 4, 2), skeletons(draw, 1, 5, 4, 2)]
    scores = np.round(draw.uniform(0.1, 1, joints[0].shape[:3]), 3)
    files = {"a/run.analysis.h5": hdf5(joints[0], scores), "b/walk.h5": hdf5(joints[1], None, standard=True)}
    return Example(files, joints, [scores, None], ["a", "b"])


def hdf5(joints: np.ndarray, scores: np.ndarray | None, *, standard: bool = False) -> bytes:
    with h5py.File(io.BytesIO(), "w") as file:
        tracks = joints.transpose(1, 0, 2, 3) if standard else joints.transpose(0, 3, 2, 1)
        file.create_dataset("tracks", data=tracks, compression="gzip")
        file["node_names"] = np.array(NODES, "S")
        file["edge_inds"] = np.array(EDGES)
        file["track_occupancy"] = np.ones(joints.shape[1::-1], "u1")
        if standard:
            file["tracks"].attrs["dims"] = json.dumps(["frame", "track", "node", "xy"])
        if scores is not None:
            file["point_scores"] = scores.transpose(0, 2, 1)
        file.flush()
        return file.id.get_file_image()
