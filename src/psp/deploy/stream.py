"""Online recognition: one frame in at a time, probabilities of the latest window out."""

from pathlib import Path

import numpy as np
from jaxtyping import Float, Float32

from psp.deploy.clips import ClipRecogniser, padded
from psp.deploy.load import load
from psp.errors import ConfigError
from psp.evaluate.arrays import cleaning


class Window:
    """The latest frames in order, as one piece of memory: a ring that is written twice, so that no frame ever moves."""

    def __init__(self, length: int) -> None:
        self.length, self.count = length, 0
        self._ring: Float32[np.ndarray, "m t2 v c"] | None = None

    def push(self, frame: Float[np.ndarray, "m v c"]) -> None:
        """Take in a frame; the oldest falls out of a full window."""
        if self._ring is None:
            self._ring = np.zeros((len(frame), 2 * self.length, *frame.shape[1:]), dtype=np.float32)
        if frame.shape != (len(self._ring), *self._ring.shape[2:]):
            what = f"a frame of shape {frame.shape} follows frames of shape {(len(self._ring), *self._ring.shape[2:])}."
            raise ConfigError(what, remedy="Keep the slots of absent persons and fill them with NaN.")
        slot = self.count % self.length
        self._ring[:, slot] = self._ring[:, slot + self.length] = frame
        self.count += 1

    @property
    def joints(self) -> Float32[np.ndarray, "m t v c"]:
        """The window, without copying it."""
        if self._ring is None:
            raise ConfigError("the window is empty.", remedy="Push a frame first.")
        if self.count <= self.length:
            return self._ring[:, : self.count]
        oldest = self.count % self.length
        return self._ring[:, oldest : oldest + self.length]


class StreamingPredictor:
    """Predicts after every `every`-th frame what the last `window` frames show.

    The prediction equals that for a clip of these frames, to rounding: the window is normalised, resampled and encoded
    as a whole. Only the window itself is kept up to date frame by frame. The rest cannot be, exactly: the window's
    first frame is the origin and its mean spine the unit, so every coordinate changes with every frame, and attention
    among joints sums over all frames of the window.
    """

    def __init__(self, recogniser: ClipRecogniser, window: int | None = None, every: int = 1) -> None:
        self.window = Window(recogniser.frames if window is None else window)
        if self.window.length < 1 or every < 1:
            raise ConfigError("window and every count frames.", remedy="Use whole numbers from 1.")
        self.recogniser, self.every = recogniser, every

    @classmethod
    def open(cls, path: str | Path, window: int | None = None, every: int = 1) -> "StreamingPredictor":
        """Return one for a run folder, a model.safetensors or an .onnx file.

        `window` is by default the number of frames that the model takes, so that nothing is interpolated.
        """
        return cls(load(path), window, every)

    def push(self, frame: Float[np.ndarray, "m v c"]) -> Float32[np.ndarray, "k"] | None:
        """Take in one recorded frame; persons keep their slots and are NaN where they are not observed.

        Returns probabilities after every `every`-th frame, None in between and while nobody is in the window. Until the
        window is full, the frames so far are the clip.
        """
        self.window.push(frame)
        return None if self.window.count % self.every else self.predict()

    def predict(self) -> Float32[np.ndarray, "k"] | None:
        """Return the probabilities of the present window; None if nobody was observed in it."""
        joints = self.window.joints
        observed = ~np.isnan(joints).any(axis=3)
        persons, frames = observed.any(axis=(1, 2)), observed.any(axis=(0, 2))
        if not persons.any():
            return None
        if not cleaning(self.recogniser.interface).drop_empty_frames:
            frames[:] = True
        chosen = np.ix_(persons, frames)
        body = (joints[chosen], observed[chosen].astype(np.float32))
        return self.recogniser.compute(padded([body], self.recogniser))[0]
