"""Recognise built-in recordings frame by frame, as a sensor would deliver them.

python examples/stream.py RUN, where RUN is a folder written by `psp train` or a file written by `psp export`.
"""

import sys
import time
from pathlib import Path

import numpy as np

from psp import OnnxRecogniser, StreamingPredictor, SyntheticConfig
from psp.synthetic import synthetic_clips
from psp.train.run import open_run


def main(run: str) -> None:
    """Show three recordings to a stream and print what it takes them for."""
    classes = OnnxRecogniser(run).classes if run.endswith(".onnx") else open_run(Path(run)).store_facts["classes"]
    for clip in synthetic_clips(SyntheticConfig(clips=9, seed=1)):
        if clip.camera != 1:
            continue
        stream = StreamingPredictor.open(run, window=clip.frames, every=10)
        begun = time.perf_counter()
        for number, frame in enumerate(clip.joints.swapaxes(0, 1), 1):
            probabilities = stream.push(frame)
            if probabilities is not None:
                best = int(np.argmax(probabilities))
                print(f"{clip.id} frame {number:3}: {classes[best]} ({100 * probabilities[best]:.0f} %)")
        print(f"{1000 * (time.perf_counter() - begun) / clip.frames:.2f} ms a frame")


if __name__ == "__main__":
    main(sys.argv[1])
