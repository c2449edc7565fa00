"""Features of a trained run for stored clips, and measures of how well they separate the classes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int64
from sklearn.metrics import silhouette_score
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor

from psp.batches.batch import Batch
from psp.batches.loader import SampleMaker
from psp.evaluate.trained import Weights, index_of_ids, open_trained
from psp.model.predictor import Predictor
from psp.model.pyramid_head import PyramidHead

ENCODER = "encoder"
NEIGHBOURS = 5

Features = dict[str, dict[str, Float[np.ndarray, "s _"]]]
"""Features by modality (joint, motion, ...), then by kind: `encoder` or a contrasted level (body, part, joint)."""


@dataclass(frozen=True, eq=False)
class Embedding:
    """Features of clips by modality and kind; `index` are the clip indices, `labels` is -1 for unlabelled clips.

    `encoder` is AP(f) of eq. 14; the levels are the contrastive features z^p, h^p, g^p of table 1, of contrasted
    modalities only. `networks` says whether all modalities share one network or each has its own.
    """

    index: Int64[np.ndarray, "s"]
    labels: Int64[np.ndarray, "s"]
    features: Features
    networks: Literal["shared", "own"] = "shared"

    def fused(self, kind: str = ENCODER) -> Float[np.ndarray, "s d"]:
        """Return one feature per clip: of a shared network the mean over the modalities, else unit features joined.

        The logits FC(AP(f_j)) + FC(AP(f_m)) of a shared network are a linear function of the mean of `encoder`.
        """
        found = [kinds[kind] for kinds in self.features.values() if kind in kinds]
        return np.mean(found, axis=0) if self.networks == "shared" else np.hstack([unit(each) for each in found])

    def of_classes(self, classes: Sequence[int]) -> "Embedding":
        """Return the embedding of the clips of some classes only."""
        chosen = np.isin(self.labels, list(classes))
        kept = {name: {kind: each[chosen] for kind, each in kinds.items()} for name, kinds in self.features.items()}
        return replace(self, index=self.index[chosen], labels=self.labels[chosen], features=kept)


def embed_run(
    path: Path | str,
    clips: Sequence[str] | None = None,
    store_path: Path | str | None = None,
    weights: Weights = "average",
    device: str = "auto",
) -> Embedding:
    """Return the features of a finished run for clips given by id, by default for the full test set."""
    run = open_trained(path, store_path, weights, device)
    index = run.test_index() if clips is None else index_of_ids(run.store, clips)
    return embed_clips(run.model.predictor, run.maker, index, run.heads)


@torch.no_grad()
def embed_clips(
    predictor: Predictor,
    maker: SampleMaker,
    index: Int64[np.ndarray, "s"],
    heads: Mapping[str, PyramidHead] | None = None,
    size: int = 128,
) -> Embedding:
    """Return the features of whole clips in the order of `index`, of every modality of the predictor."""
    predictor.eval()
    batches = maker.in_order(index, predictor.modalities, size)
    chunks = [_embed_batch(predictor, batch, heads or {}) for batch in batches]
    features = {
        name: {kind: torch.cat([chunk[name][kind] for chunk in chunks]).numpy() for kind in kinds}
        for name, kinds in chunks[0].items()
    }
    labels = np.array(maker.store.clips.label[index])
    return Embedding(index, labels, features, predictor.backbone.config.networks)


def _embed_batch(
    predictor: Predictor, batch: Batch, heads: Mapping[str, PyramidHead]
) -> dict[str, dict[str, Float[Tensor, "n _"]]]:
    found = {}
    for name, (encoded,) in predictor.encode([batch.sample]).items():
        kinds = {ENCODER: encoded.pooled()} | (heads[name](encoded) if name in heads else {})
        found[name] = {kind: each.float().cpu() for kind, each in kinds.items()}
    return found


@dataclass(frozen=True)
class Separability:
    """Measures of how well features separate the classes, by the cosine distance in all dimensions.

    `silhouette`, from -1 to 1, is the mean over clips of (b - a) / max(a, b): a is the mean distance to the clips of
    the same class, b to those of the nearest other class. `neighbours`, in per cent, is the share of clips whose class
    is the most frequent one among the five nearest other clips.
    """

    silhouette: float
    neighbours: float


def separability(features: Float[np.ndarray, "s d"], labels: Int64[np.ndarray, "s"]) -> Separability:
    """Return the separability of features of labelled clips of at least two classes."""
    directions = unit(features.astype(np.float64))
    silhouette = float(silhouette_score(directions, labels, metric="cosine"))
    nearest = KNeighborsClassifier(min(NEIGHBOURS, len(labels) - 1)).fit(directions, labels)
    others = nearest.predict(None)  # no clip is its own neighbour
    return Separability(silhouette, 100 * float((others == labels).mean()))


def unit(features: Float[np.ndarray, "s d"]) -> Float[np.ndarray, "s d"]:
    """Return every feature divided by its length."""
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
