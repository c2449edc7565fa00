"""From a trained network and stored clips to the features that it learnt, and how well they keep classes apart."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int64
from sklearn.metrics import silhouette_score
from sklearn.neighbors import KNeighborsClassifier
from torch import Tensor

from psp.batches.loader import Batch, Batches
from psp.evaluate.trained import open_trained, rows_of
from psp.model.streams import Network

ENCODER = "encoder"
NEIGHBOURS = 5

Features = dict[str, dict[str, Float[np.ndarray, "s _"]]]
"""By view (joint, motion, ...), then by kind: `encoder` or a contrasted level (body, part, joint)."""


@dataclass(frozen=True, eq=False)
class Embedding:
    """Features of clips by view and kind; `clips` are their rows in the store, `labels` -1 where there is none.

    `encoder` is AP(f) of eq. 14; the levels are the contrasting features z^p, h^p, g^p of table 1. A network that was
    trained without contrast has levels too, but nothing taught them anything. `networks` says whether one network
    made the features of all views, or each view has its own.
    """

    clips: Int64[np.ndarray, "s"]
    labels: Int64[np.ndarray, "s"]
    features: Features
    networks: Literal["shared", "own"] = "shared"

    def fused(self, kind: str = ENCODER) -> Float[np.ndarray, "s d"]:
        """One feature a clip: the mean over the views; of networks that each have features of their own, side by side.

        For `encoder` the mean is just what the classifier judges, FC(AP(f_j)) + FC(AP(f_m)). Side by side stand unit
        features, so that all views count alike.
        """
        views = [view[kind] for view in self.features.values()]
        return np.mean(views, axis=0) if self.networks == "shared" else np.hstack([unit(each) for each in views])

    def of_classes(self, classes: Sequence[int]) -> "Embedding":
        """Only the clips of some classes."""
        chosen = np.isin(self.labels, list(classes))
        kept = {view: {kind: rows[chosen] for kind, rows in kinds.items()} for view, kinds in self.features.items()}
        return replace(self, clips=self.clips[chosen], labels=self.labels[chosen], features=kept)


def embed_run(
    path: Path | str,
    clips: Sequence[str] | None = None,
    store_path: Path | str | None = None,
    weights: str = "average",
    device: str = "auto",
) -> Embedding:
    """Features that a finished run's network gives to clips named by id, by default to the full test set."""
    trained = open_trained(path, store_path, weights, device)
    rows = trained.tests() if clips is None else rows_of(trained.store, list(clips))
    return embed_clips(trained.network, trained.batches, rows)


@torch.no_grad()
def embed_clips(network: Network, batches: Batches, clips: Int64[np.ndarray, "s"], size: int = 128) -> Embedding:
    """Features of whole clips in the order of `clips`, of every view of the batches."""
    network.eval()
    chunks = [_embed_batch(network, batch) for batch in batches.in_order(clips, size)]
    features = {
        view: {kind: torch.cat([chunk[view][kind] for chunk in chunks]).numpy() for kind in kinds}
        for view, kinds in chunks[0].items()
    }
    labels = batches.label[torch.from_numpy(clips)].cpu().numpy()
    return Embedding(clips, labels, features, network.config.networks)


def _embed_batch(network: Network, batch: Batch) -> dict[str, dict[str, Float[Tensor, "n _"]]]:
    found = {}
    for number, (view, values) in enumerate(batch.views.items()):
        own = network.of_view(number)
        encoded = own.encode(values, batch.persons)
        kinds = {ENCODER: encoded.pooled()} | own.project(own.polymerise(encoded))
        found[view] = {kind: rows.float().cpu() for kind, rows in kinds.items()}
    return found


@dataclass(frozen=True)
class Separability:
    """How well features keep classes apart, measured in all their dimensions by the cosine.

    `silhouette`, from -1 to 1, is the mean over clips of (b - a) / max(a, b): a is the mean distance to the clips of
    its class, b to those of the nearest other class. `neighbours`, in per cent, is the share of clips whose class is
    that of most of the five nearest others.
    """

    silhouette: float
    neighbours: float


def separability(features: Float[np.ndarray, "s d"], labels: Int64[np.ndarray, "s"]) -> Separability:
    """Measure features of labelled clips of at least two classes."""
    directions = unit(features.astype(np.float64))
    silhouette = float(silhouette_score(directions, labels, metric="cosine"))
    nearest = KNeighborsClassifier(min(NEIGHBOURS, len(labels) - 1)).fit(directions, labels)
    others = nearest.predict(None)  # no clip is its own neighbour
    return Separability(silhouette, 100 * float((others == labels).mean()))


def unit(features: Float[np.ndarray, "s d"]) -> Float[np.ndarray, "s d"]:
    """Every feature divided by its length."""
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
