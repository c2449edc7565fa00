"""Recognise built-in recordings frame by frame, as a sensor would deliver them.

python examples/stream.py MODEL, where MODEL is a run folder, a model.safetensors or a file written by `psp export`,
trained on the built-in data.
"""

import sys
import time

import numpy as np

from psp.deploy.stream import StreamingPredictor
from psp.synthetic import SyntheticConfig, synthetic_clips


def main(model: str) -> None:
    """Push the frames of three recordings and print the predictions."""
    for clip in synthetic_clips(SyntheticConfig(clips=9, seed=1)):
        if clip.info.columns["camera"] != 1:
            continue
        stream = StreamingPredictor.open(model, window=clip.frames, every=10)
        joints = clip.joints
        if clip.confidence is not None:
            joints = np.where(clip.confidence[..., None] > 0, joints, np.nan)
        begun = time.perf_counter()
        for number, frame in enumerate(joints.swapaxes(0, 1), 1):
            probabilities = stream.push(frame)
            if probabilities is not None:
                best = int(np.argmax(probabilities))
                label = stream.recogniser.classes[best]
                print(f"{clip.id} frame {number:3}: {label} ({100 * probabilities[best]:.0f} %)")
        print(f"{1000 * (time.perf_counter() - begun) / clip.frames:.2f} ms a frame")


if __name__ == "__main__":
    main(sys.argv[1])
