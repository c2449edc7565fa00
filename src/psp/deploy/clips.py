"""Clips of different lengths and numbers of persons as the padded arrays that a recogniser takes."""

from collections.abc import Iterator, Sequence
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64

from psp.dataset.store import Store

Padded = tuple[Float32[np.ndarray, "n m t v 3"], Int64[np.ndarray, "n"], Bool[np.ndarray, "n m"]]


@runtime_checkable
class Recognises(Protocol):
    """What `Recogniser` (PyTorch) and `OnnxRecogniser` have in common; `persons` are the slots in training."""

    frames: int
    persons: int

    @property
    def any_persons(self) -> bool:
        """Whether clips may have any number of person slots."""

    def predict(
        self,
        joints: Float32[np.ndarray, "n m t v 3"],
        frames: Int64[np.ndarray, "n"],
        persons: Bool[np.ndarray, "n m"],
    ) -> Float32[np.ndarray, "n k"]:
        """Class probabilities of padded clips."""


def padded(clips: Sequence[Float[np.ndarray, "_ _ v 3"]], recogniser: Recognises) -> Padded:
    """Joints, numbers of frames and present persons; of a clip with more persons than slots the first ones are used."""
    slots = recogniser.persons
    if recogniser.any_persons:
        slots = min(slots, max(len(clip) for clip in clips))
    frames = np.array([clip.shape[1] for clip in clips], dtype=np.int64)
    joints = np.zeros((len(clips), slots, frames.max(), *clips[0].shape[2:]), dtype=np.float32)
    for place, clip in zip(joints, clips, strict=True):
        place[: len(clip), : clip.shape[1]] = clip[:slots]
    return joints, frames, np.arange(slots) < np.array([[len(clip)] for clip in clips])


def predict_store(recogniser: Recognises, store: Store, size: int = 64) -> Iterator[Float32[np.ndarray, "n k"]]:
    """Probabilities of all clips of a store in order, `size` clips at a time."""
    for start in range(0, len(store), size):
        rows = range(start, min(start + size, len(store)))
        yield recogniser.predict(*padded([store.clip(row).joints for row in rows], recogniser))
