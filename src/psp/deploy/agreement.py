"""Comparison of an exported model with preparation, batches and predictor in PyTorch."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from psp.dataset.store import Store
from psp.deploy.clips import ClipRecogniser
from psp.evaluate.arrays import recordings_of, store_of
from psp.evaluate.predict import maker_for, predict_logits, predict_store
from psp.model.model_file import Interface, TrainedModel

RANDOM, STORED, LONGEST = 24, 16, 150
"""The number of random and of stored clips that are compared, and the frames of the longest random clip."""


@dataclass(frozen=True)
class Agreement:
    """The number of random and stored clips that were compared, and the largest difference of a probability."""

    random_clips: int
    stored_clips: int
    largest_difference: float


def agreement(model: TrainedModel, recogniser: ClipRecogniser, store: Store | None = None, seed: int = 0) -> Agreement:
    """Return the agreement of a recogniser with the model applied to prepared, stored clips.

    Random clips have 1 to 150 frames and 1 to all persons. Of `store`, if given, evenly spaced clips are used.
    """
    draw, interface = np.random.default_rng(seed), model.interface
    clips = [random_clip(draw, interface) for _ in range(RANDOM)]
    prepared = store_of(recordings_of(clips, interface.layout, interface.up, interface.channels), interface)
    differences = [np.abs(recogniser.predict(clips) - predict_store(model, prepared).numpy()).max()]
    index = np.empty(0, dtype=np.int64)
    if store is not None:
        model.require_prepared_alike(store)
        index = np.unique(np.linspace(0, len(store) - 1, STORED).astype(np.int64))
        expected = model.predictor.probabilities(predict_logits(model.predictor, maker_for(model, store), index))
        differences.append(np.abs(recogniser.predict_store(store, index) - expected.numpy()).max())
    return Agreement(len(clips), len(index), float(max(differences)))


def random_clip(draw: np.random.Generator, interface: Interface) -> Float64[np.ndarray, "m t v c"]:
    """Return a random recording of moving persons, in which some joints and persons are not observed (NaN)."""
    persons, frames = int(draw.integers(1, interface.persons + 1)), int(draw.integers(1, LONGEST + 1))
    shape = (persons, frames, len(interface.layout.joints))
    pose = draw.normal(0, 0.4, (persons, 1, shape[2], interface.channels))
    path = draw.normal(0, 0.05, (persons, frames, 1, interface.channels)).cumsum(axis=1)
    joints = (
        pose
        + path
        + draw.normal(0, 0.02, (*shape, interface.channels))
        + np.array([0.2, 0.1, 3.0])[: interface.channels]
    )
    joints[draw.random(shape) < 0.02] = np.nan
    joints[1:, draw.random(frames) < 0.1] = np.nan
    return joints
