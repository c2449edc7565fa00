"""Features of clips for selection: of the joints before there is a recogniser, of the recogniser afterwards."""

from dataclasses import dataclass
from math import prod

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from sklearn.decomposition import PCA

from psp.batches.loader import SampleMaker
from psp.dataset.store import Store
from psp.evaluate.embed import unit
from psp.free_space import require_memory
from psp.model.model_file import TrainedModel
from psp.train.config import Precision
from psp.train.device import process_settings

FRAMES, DIMENSIONS, SIZE = 16, 64, 128
"""Frames that clips are resampled to, principal components that are kept, and clips of a batch."""


@dataclass(frozen=True, eq=False)
class Recognised:
    """What a network says of clips: unit features, and the probabilities of its classes."""

    features: Float[np.ndarray, "n d"]
    probabilities: Float[np.ndarray, "n k"]
    classes: tuple[str, ...]


def joint_features(store: Store, index: Int64[np.ndarray, "n"]) -> Float32[np.ndarray, "n d"]:
    """Return unit features of clips without a network: principal components of joints and their motion over time."""
    rows = np.zeros(_shape(store, index), dtype=np.float32)
    for row, number in zip(rows, index, strict=True):
        joints = store.clip(int(number)).joints
        row[: len(joints)] = joints[:, np.linspace(0, joints.shape[1] - 1, FRAMES).round().astype(int)]
    motion = np.diff(rows, axis=2)
    return reduced(np.hstack([_equal(rows), _equal(motion)]))


def require_memory_of_features(store: Store, index: Int64[np.ndarray, "n"]) -> None:
    """Raise ConfigError if `joint_features` of these clips cannot be held."""
    size = 3 * 4 * prod(_shape(store, index))
    require_memory(size, "the choice of clips by their joints", "Prepare and label a part of the clips.")


def _shape(store: Store, index: Int64[np.ndarray, "n"]) -> tuple[int, ...]:
    persons = int(store.clips.persons[index].max())
    return len(index), persons, FRAMES, len(store.layout.joints), store.channels


@torch.no_grad()
def recognise(
    model: TrainedModel, maker: SampleMaker, index: Int64[np.ndarray, "n"], precision: Precision = "float32"
) -> Recognised:
    """Return what a model says of stored clips, from whole clips and all modalities in one pass."""
    predictor, features, logits = model.predictor.eval(), [], []
    with process_settings(precision):
        for batch in maker.in_order(index, predictor.modalities, SIZE):
            encoded = {name: parts[0] for name, parts in predictor.encode([batch.sample]).items()}
            pooled = [each.pooled().float().cpu().numpy() for each in encoded.values()]
            features.append(np.hstack([unit(each) for each in pooled]))
            logits.append(predictor.classify(encoded).sum(0).float().cpu())
    probabilities = predictor.probabilities(torch.cat(logits)).numpy()
    return Recognised(reduced(np.concatenate(features)), probabilities, model.interface.classes)


def reduced(features: Float[np.ndarray, "n d"]) -> Float32[np.ndarray, "n d2"]:
    """Return unit features of at most 64 dimensions: the first principal components."""
    size = min(DIMENSIONS, *features.shape)
    found = PCA(size, svd_solver="randomized", random_state=0).fit_transform(features) if size > 1 else features
    return unit(found).astype(np.float32)


def _equal(values: Float32[np.ndarray, "n ..."]) -> Float32[np.ndarray, "n d"]:
    """Return one row per clip, scaled so that the mean square of all rows is 1."""
    flat = values.reshape(len(values), -1)
    centred = flat - flat.mean(axis=0)
    return centred / max(float(np.sqrt((centred**2).sum(axis=1).mean())), 1e-12)
