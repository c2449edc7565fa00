"""The predictions of a finished run for single clips, kept in its folder: probabilities and features."""

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Float32, Int64
from torch import Tensor

from psp.batches.batch import Sample
from psp.batches.loader import SampleMaker
from psp.dataset.store import Store
from psp.evaluate.predict import SIZE
from psp.files import write_atomically
from psp.model.model_file import TrainedModel
from psp.model.predictor import Predictor


@dataclass(frozen=True, eq=False)
class ClipPredictions:
    """The class probabilities of clips given by id, and one feature of each clip.

    The feature is AP(f) of eq. 14, the modalities of one shared network averaged, those of several networks joined.
    """

    ids: tuple[str, ...]
    probabilities: Float32[np.ndarray, "s k"]
    features: Float32[np.ndarray, "s d"]

    def of(self, ids: Sequence[str]) -> "ClipPredictions | None":
        """Return the predictions of some clips in another order, None if one of them is missing."""
        at = {name: position for position, name in enumerate(self.ids)}
        if not all(name in at for name in ids):
            return None
        chosen = [at[name] for name in ids]
        return ClipPredictions(tuple(ids), self.probabilities[chosen], self.features[chosen])


@torch.no_grad()
def logits_and_features(
    predictor: Predictor, maker: SampleMaker, index: Int64[np.ndarray, "s"], size: int = SIZE
) -> tuple[Float[Tensor, "s k"], Float[Tensor, "s d"]]:
    """Return the logits of `predict_logits`, and the features of the same clips, on the CPU.

    The features are those of the first of the test crops.
    """
    predictor.eval()
    logits, features = list[Tensor](), list[Tensor]()
    for crop in maker.config.resample.test_crops:
        parts = [_forward(predictor, batch.sample) for batch in maker.in_order(index, predictor.modalities, size, crop)]
        logits.append(torch.cat([own for own, _ in parts]))
        if not features:
            features = [each for _, each in parts]
    return torch.stack(logits).mean(0), torch.cat(features)


def predict_clips(model: TrainedModel, maker: SampleMaker, index: Int64[np.ndarray, "s"]) -> ClipPredictions:
    """Return the predictions of a model for clips of the maker's store."""
    return predictions_of(model.predictor, maker.store, index, *logits_and_features(model.predictor, maker, index))


def predictions_of(
    predictor: Predictor,
    store: Store,
    index: Int64[np.ndarray, "s"],
    logits: Float[Tensor, "s k"],
    features: Float[Tensor, "s d"],
) -> ClipPredictions:
    """Return the predictions of clips of a store whose logits and features are known."""
    ids = tuple(store.clips.id[index].tolist())
    return ClipPredictions(ids, predictor.probabilities(logits).float().numpy(), features.float().numpy())


def write_predictions(path: Path, found: ClipPredictions, model: str) -> None:
    """Write predictions as an .npz file; `model` is the hash of the model that made them."""
    ids, owner, features = np.array(found.ids, dtype=str), np.array(model), found.features.astype(np.float16)

    def write(temporary: Path) -> None:
        with temporary.open("wb") as file:
            np.savez(file, ids=ids, model=owner, probabilities=found.probabilities, features=features)

    write_atomically(path, write)


def read_predictions(path: Path, model: str) -> ClipPredictions | None:
    """Return the predictions of an .npz file; None if it does not exist, is damaged or is of another model."""
    try:
        with np.load(path) as arrays:
            if str(arrays["model"]) != model:
                return None
            return ClipPredictions(
                tuple(arrays["ids"].tolist()), arrays["probabilities"], arrays["features"].astype(np.float32)
            )
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return None


def _forward(predictor: Predictor, sample: Sample) -> tuple[Float[Tensor, "n k"], Float[Tensor, "n d"]]:
    encoded = {name: parts[0] for name, parts in predictor.encode([sample]).items()}
    pooled = torch.stack([each.pooled() for each in encoded.values()])
    shared = predictor.backbone.config.networks == "shared"
    joined = pooled.mean(0) if shared else torch.cat(list(torch.nn.functional.normalize(pooled, dim=-1)), dim=1)
    return predictor.classify(encoded).sum(0).cpu(), joined.float().cpu()
