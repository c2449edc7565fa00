"""Recognisers of clips given as arrays, and the padded batches that they compute."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from psp.dataset.store import Store
from psp.evaluate.arrays import cleaning, recordings_of
from psp.model.model_file import Interface
from psp.preprocess.clean import CleanConfig
from psp.preprocess.prepare import cleaned_recording
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Recording

SIZE, MOST = 64, 20_000
"""The largest number of clips in a batch, and of frames in a batch of several clips, with padding."""

Body = tuple[Float[np.ndarray, "_ _ v c"], Float[np.ndarray, "_ _ v"]]
"""The joints of a clip and their confidence."""


@dataclass(frozen=True, eq=False)
class Padded:
    """Clips of different lengths in arrays of one shape: the inputs of an exported model.

    Of clip i the first `frames[i]` frames and the persons with True in `persons[i]` are used. Joints with confidence 0
    or a NaN coordinate were not observed and have no influence.
    """

    joints: Float32[np.ndarray, "n m t v c"]
    frames: Int64[np.ndarray, "n"]
    persons: Bool[np.ndarray, "n m"]
    confidence: Float32[np.ndarray, "n m t v"]


class ClipRecogniser:
    """The interface of `Recogniser` (PyTorch) and `OnnxRecogniser`.

    `any_persons` says whether clips may have any number of person slots; otherwise it is `interface.persons`.
    """

    interface: Interface
    any_persons: bool

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes, in the order of the probabilities."""
        return self.interface.classes

    @property
    def layout(self) -> Layout:
        """The layout of the joints."""
        return self.interface.layout

    @property
    def frames(self) -> int:
        """The number of frames to which clips are resampled."""
        return self.interface.data.resample.frames

    def compute(self, batch: Padded) -> Float32[np.ndarray, "n k"]:
        """Return the class probabilities of padded clips."""
        raise NotImplementedError

    def predict(self, clips: Any) -> Float32[np.ndarray, "n k"]:
        """Return the class probabilities of clips in the coordinates of the training recordings.

        `clips` is a list of arrays (t, v, c) or (m, t, v, c) of any length, or one array of clips of equal length; NaN
        means that a joint was not observed. InputError as in `psp.evaluate.arrays.recordings_of`.
        """
        return self.predict_recordings(recordings_of(clips, self.layout, self.interface.up, self.interface.channels))

    def predict_recordings(
        self, recordings: Sequence[Recording], clean_config: CleanConfig | None = None
    ) -> Float32[np.ndarray, "n k"]:
        """Return the class probabilities of recordings, by default cleaned like the training data.

        RecordingError if no person is observed in one of them after cleaning.
        """
        config = replace(clean_config or cleaning(self.interface), fill_gaps=False)
        cleaned = (cleaned_recording(recording, self.layout, config).recording for recording in recordings)
        return self._predict([(each.joints, each.confidence) for each in cleaned])

    def predict_store(self, store: Store, index: Int64[np.ndarray, "s"] | None = None) -> Float32[np.ndarray, "s k"]:
        """Return the class probabilities of stored clips, which a second normalisation does not change."""
        clips = (store.clip(int(number)) for number in (range(len(store)) if index is None else index))
        is_filled = store.clean is not None and store.clean.fill_gaps
        bodies = [
            (clip.joints, np.ones(clip.joints.shape[:3]) if clip.confidence is None or is_filled else clip.confidence)
            for clip in clips
        ]
        return self._predict(bodies)

    def _predict(self, bodies: Sequence[Body]) -> Float32[np.ndarray, "n k"]:
        spans = _batches([joints.shape[1] for joints, _ in bodies])
        found = [self.compute(padded(bodies[start:end], self)) for start, end in spans]
        return np.concatenate([np.empty((0, len(self.classes)), dtype=np.float32), *found])


def _batches(frames: Sequence[int]) -> list[tuple[int, int]]:
    """Return (start, end) of each batch of clips; the end is not part of it."""
    spans, start, longest = list[tuple[int, int]](), 0, 0
    for number, length in enumerate(frames):
        longest, clips = max(longest, length), number - start + 1
        if clips > 1 and (clips > SIZE or clips * longest > MOST):
            spans.append((start, number))
            start, longest = number, length
    return [*spans, (start, len(frames))] if frames else []


def padded(bodies: Sequence[Body], recogniser: ClipRecogniser) -> Padded:
    """Return clips as one batch; of a clip with more persons than slots the first ones are used."""
    slots = recogniser.interface.persons
    if recogniser.any_persons:
        slots = min(slots, max(len(joints) for joints, _ in bodies))
    frames = np.array([joints.shape[1] for joints, _ in bodies], dtype=np.int64)
    shape = (len(bodies), slots, int(frames.max()), *bodies[0][0].shape[2:])
    batch = Padded(
        np.zeros(shape, dtype=np.float32),
        frames,
        np.arange(slots) < np.array([[len(joints)] for joints, _ in bodies]),
        np.zeros(shape[:-1], dtype=np.float32),
    )
    for number, (joints, confidence) in enumerate(bodies):
        batch.joints[number, : len(joints), : joints.shape[1]] = joints[:slots]
        batch.confidence[number, : len(joints), : joints.shape[1]] = confidence[:slots]
    return batch
