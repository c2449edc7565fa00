"""Ultralytics' results as JSON, one file per video; the numbers in the names are not those of frames."""

import json

import numpy as np

from format_examples import Example
from format_examples.ultralytics_json import made


def example(draw: np.random.Generator) -> Example:
    joints, scores, videos = made(draw)
    files = {f"{name}_2.json": json.dumps(frames).encode() for name, frames in videos.items()}
    files["walk/b_10.json"] = files["run/a_2.json"]
    return Example(files, [joints[0], joints[0], joints[1]], [scores[0], scores[0], scores[1]], ["run", "walk", "walk"])
