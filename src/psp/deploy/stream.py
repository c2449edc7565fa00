"""Recognising while somebody moves: frames in one at a time, probabilities of the latest window out."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32

from psp.deploy.clips import Recognises, padded
from psp.deploy.onnx_runtime import OnnxRecogniser
from psp.deploy.recogniser import recogniser_of
from psp.errors import ConfigError
from psp.train.run import open_run


class Window:
    """The latest frames in order, as one piece of memory: a ring that is written twice, so that no frame ever moves."""

    def __init__(self, length: int) -> None:
        self.length, self.count = length, 0
        self._ring: Float32[np.ndarray, "m t2 v 3"] | None = None

    def push(self, frame: Float[np.ndarray, "m v 3"]) -> None:
        """Take in a frame; the oldest falls out of a full window."""
        if self._ring is None:
            self._ring = np.zeros((len(frame), 2 * self.length, *frame.shape[1:]), dtype=np.float32)
        if frame.shape != (len(self._ring), *self._ring.shape[2:]):
            what = f"a frame of shape {frame.shape} follows frames of shape {(len(self._ring), *self._ring.shape[2:])}."
            raise ConfigError(what, remedy="Keep a place for every person; fill it with zeros where nobody is seen.")
        place = self.count % self.length
        self._ring[:, place] = self._ring[:, place + self.length] = frame
        self.count += 1

    @property
    def joints(self) -> Float32[np.ndarray, "m t v 3"]:
        """The window, without copying it."""
        if self._ring is None:
            raise ConfigError("the window is empty.", remedy="Push a frame first.")
        if self.count <= self.length:
            return self._ring[:, : self.count]
        oldest = self.count % self.length
        return self._ring[:, oldest : oldest + self.length]


class StreamingPredictor:
    """Says after every `every`-th frame what the last `window` frames show.

    The answer equals that for a clip made of these frames, to rounding: the window is normalised, resampled and
    encoded as a whole. Only the window itself is kept up to date frame by frame. The rest cannot be, exactly: the
    window's first frame is the origin and, with its mean spine, the unit of all others, so every coordinate changes
    with every push, and attention among joints sums over all frames of the window.
    """

    def __init__(self, recogniser: Recognises, window: int | None = None, every: int = 1) -> None:
        self.window = Window(recogniser.frames if window is None else window)
        if self.window.length < 1 or every < 1:
            raise ConfigError("window and every count frames.", remedy="Use whole numbers from 1.")
        self.recogniser, self.every = recogniser, every

    @classmethod
    def open(cls, path: str | Path, window: int | None = None, every: int = 1) -> "StreamingPredictor":
        """Make one of a run folder, computed by PyTorch, or of an exported .onnx file, by onnxruntime.

        `window` is by default the number of frames that the network takes, so that nothing is interpolated.
        """
        source = Path(path)
        recogniser = OnnxRecogniser(source) if source.suffix == ".onnx" else recogniser_of(open_run(source))
        return cls(recogniser, window, every)

    def push(self, frame: Float[np.ndarray, "m v 3"]) -> Float32[np.ndarray, "k"] | None:
        """Take in one frame as recorded; persons keep their place and are zeros where they are not seen.

        Returns probabilities after every `every`-th frame, None in between and while nobody is in the window. Until the
        window is full, the frames so far are the clip.
        """
        self.window.push(frame)
        return None if self.window.count % self.every else self.answer()

    def answer(self) -> Float32[np.ndarray, "k"] | None:
        """What the window shows now; None if it shows nobody."""
        joints = self.window.joints
        present = np.any(joints, axis=(1, 2, 3))
        if not present.any():
            return None
        return self.recogniser.predict(*padded([joints[present]], self.recogniser))[0]
