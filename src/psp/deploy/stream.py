"""Online recognition: frames are pushed one at a time, and the latest window is predicted."""

from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, Float64

from psp.config.ranges import require
from psp.deploy.clips import ClipRecogniser, padded
from psp.deploy.load import load
from psp.errors import ConfigError
from psp.evaluate.arrays import InputError, cleaning
from psp.skeleton.recording import LARGEST

LONGEST = 100_000
"""The most frames of a window; at 30 frames a second it lasts 56 minutes."""


class Window:
    """The latest frames in order, in contiguous memory: every frame is written twice into a ring buffer."""

    def __init__(self, length: int) -> None:
        self.length, self.count = length, 0
        self._ring: Float32[np.ndarray, "m t2 v c"] | None = None

    def push(self, frame: Float[np.ndarray, "m v c"]) -> None:
        """Append a frame; a full window drops its oldest frame."""
        if self._ring is None:
            self._ring = np.zeros((len(frame), 2 * self.length, *frame.shape[1:]), dtype=np.float32)
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
    """An online recogniser that predicts the class of the last `window` frames after every `every`-th frame.

    The prediction equals that for a clip of these frames and persons, within rounding: the window is filled,
    normalised, resampled and encoded as a whole. Rules that choose persons among bodies (`clean.bodies`) are not
    applied. The prediction cannot be updated incrementally, because the first frame of the window is the origin and its
    mean spine the unit, so that every coordinate changes with every frame.

    A joint was not observed if a coordinate is NaN or masked, if its confidence is 0 or, as sensors mark it, if all its
    coordinates are exactly 0. `zero_is_missing=False` switches the last rule off, for recordings whose origin is a
    joint. While nobody is observed the last prediction is kept: after n such frames it is multiplied by
    1 - n / window, so that its sum is less than 1, and after a whole window there is none.
    """

    def __init__(
        self, recogniser: ClipRecogniser, window: int | None = None, every: int = 1, zero_is_missing: bool = True
    ) -> None:
        length, allowed = recogniser.frames if window is None else window, "a whole number of frames from 1"
        require(isinstance(length, Integral) and 1 <= length <= LONGEST, "window", length, f"{allowed} to {LONGEST:,}")
        require(isinstance(every, Integral) and every >= 1, "every", every, allowed)
        self.window = Window(length)
        self.recogniser, self.every, self.zero_is_missing = recogniser, every, zero_is_missing
        self.probabilities: np.ndarray | None = None
        self._latest: np.ndarray | None = None
        self._absent = 0

    @classmethod
    def open(
        cls, path: str | Path, window: int | None = None, every: int = 1, zero_is_missing: bool = True
    ) -> "StreamingPredictor":
        """Return a predictor with the model of a run folder, a model.safetensors or an .onnx file.

        `window` is by default the number of input frames of the model, so that nothing is interpolated.
        """
        return cls(load(path), window, every, zero_is_missing)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the probabilities."""
        return self.recogniser.classes

    @property
    def ranked(self) -> list[tuple[str, float]]:
        """The classes with their last probabilities, the most probable first; empty without a prediction."""
        if self.probabilities is None:
            return []
        return sorted(zip(self.classes, self.probabilities.tolist(), strict=True), key=lambda each: -each[1])

    def push(self, frame: Any, confidence: Any = None) -> Float32[np.ndarray, "k"] | None:
        """Append one recorded frame (v, c) or (m, v, c), with a confidence (v) or (m, v) if it is known.

        Returns probabilities after every `every`-th frame, and None in between and while nobody is in the window;
        `probabilities` and `ranked` keep the last ones. Until the window is full, the frames so far are the clip.
        Persons keep their index; absent persons are NaN or, after the last present one, left out. The frame None has
        no person. A frame of another shape or with infinite numbers raises InputError and is not appended.
        """
        joints = self._checked(frame, confidence)
        self.window.push(joints)
        if np.isnan(joints).all():
            self._absent += 1
        else:
            self._absent, self._latest = 0, None
        if self.window.count % self.every:
            return None
        self.probabilities = self.predict()
        return self.probabilities

    def predict(self) -> Float32[np.ndarray, "k"] | None:
        """Return the probabilities of the present window; None if nobody was observed in it."""
        if self._latest is None:
            self._latest = self._of_window()
        held = 1 - self._absent / self.window.length
        return None if self._latest is None or held <= 0 else self._latest * np.float32(held)

    def _of_window(self) -> Float32[np.ndarray, "k"] | None:
        """Return the probabilities of the window, not reduced for frames without anybody."""
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

    def _checked(self, frame: Any, confidence: Any) -> Float64[np.ndarray, "m v c"]:
        """Return a frame with all person slots, NaN where a joint was not observed."""
        interface = self.recogniser.interface
        size, slots = (len(interface.layout.joints), interface.channels), interface.persons
        joints = np.zeros((0, *size)) if frame is None else _numbers(frame, "frame")
        joints = joints[None] if joints.ndim == 2 else joints
        if joints.ndim != 3 or joints.shape[1:] != size or len(joints) > slots:
            expected = f"{size} or, with persons, (1 to {slots}, {size[0]}, {size[1]})"
            remedy = "Give the joints and coordinates of the model's layout, of at most so many persons."
            raise InputError(f"a frame has the shape {np.shape(frame)}, not {expected}.", where="frame", remedy=remedy)
        if (np.abs(joints) > LARGEST).any():
            raise InputError(
                f"a coordinate exceeds {LARGEST:g}.", where="frame", remedy="Use NaN for a joint not observed."
            )
        missing = np.any(np.isnan(joints), axis=2)
        if self.zero_is_missing:
            missing |= ~np.any(joints, axis=2)
        if confidence is not None:
            given, least = (
                _confidence(confidence, joints.shape[:2]),
                cleaning(self.recogniser.interface).least_confidence,
            )
            missing |= ~((given > 0) & (given >= np.float32(least)))
        found = np.full((slots, *size), np.nan)
        found[: len(joints)] = np.where(missing[..., None], np.nan, joints)
        return found


def _confidence(given: Any, shape: tuple[int, ...]) -> Float64[np.ndarray, "m v"]:
    confidence = _numbers(given, "confidence")
    confidence = confidence[None] if confidence.ndim == 1 else confidence
    if confidence.shape != shape:
        what = f"the confidence has the shape {np.shape(given)}, the frame has (persons, joints) = {shape}."
        raise InputError(what, where="confidence", remedy="Give one number per joint.")
    return confidence


def _numbers(given: Any, where: str) -> Float64[np.ndarray, "..."]:
    try:
        array = np.asanyarray(given)
        if array.dtype.kind not in "fiub":
            raise TypeError
        return np.asarray(np.ma.filled(array.astype(np.float64), np.nan))
    except (TypeError, ValueError):
        remedy = "Give numbers, NaN for missing ones."
        raise InputError("this is not an array of numbers.", where=where, remedy=remedy) from None
