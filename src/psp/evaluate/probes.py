"""Probes: simple classifiers of the frozen features of a run, the usual evaluation of self-supervised methods.

A run whose last stage is frozen (`psp train STORE --method moco --method.frozen true`) keeps the pre-trained encoder;
of any other run the features are those of the fine-tuned encoder.
"""

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float, Int64
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from psp.errors import ConfigError
from psp.evaluate.accuracy import Accuracy, accuracy
from psp.evaluate.embed import embed_clips, unit
from psp.evaluate.evaluate import known_labels
from psp.evaluate.trained import TrainedRun, open_trained
from psp.train.device import process_settings

Probe = Literal["linear", "knn"]


def probe_run(
    path: Path | str, kind: Probe, store_path: Path | str | None = None, device: str = "auto"
) -> dict[str, Accuracy]:
    """Return the accuracy of a probe of a finished run on every test set of its split.

    The probe is fitted on the labels of the run: `linear` is logistic regression of standardised features, `knn` the
    class of the nearest labelled clip by the cosine. ConfigError if the split has no test set.
    """
    run = open_trained(path, store_path, device=device)
    if not run.task.split.tests:
        raise ConfigError("the split has no test set.", where=str(path), remedy="Train with a split that has one.")
    known, labels = run.task.labels.resolve(run.store, run.task.split)
    names = [run.store.classes[number] for number in labels]
    numbers = np.array([run.model.interface.classes.index(name) for name in names])
    fitted = _Fitted(kind, _features(run, known), numbers)
    found = {}
    for name in run.task.split.tests:
        index = run.test_index(name)
        wanted = known_labels(run.store, run.model.interface.classes)[index]
        scores = fitted.scores(_features(run, index), len(run.model.interface.classes))
        found[name] = accuracy(torch.from_numpy(scores), torch.from_numpy(wanted))
    return found


class _Fitted:
    """A fitted probe."""

    def __init__(self, kind: Probe, features: Float[np.ndarray, "l d"], labels: Int64[np.ndarray, "l"]) -> None:
        linear = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
        self.model = linear if kind == "linear" else KNeighborsClassifier(1)
        self.directions = kind == "knn"
        self.model.fit(self._prepared(features), labels)

    def scores(self, features: Float[np.ndarray, "s d"], classes: int) -> Float[np.ndarray, "s k"]:
        """Return the probability of every class, 0 for those without a label."""
        found = np.zeros((len(features), classes))
        found[:, self.model.classes_] = self.model.predict_proba(self._prepared(features))
        return found

    def _prepared(self, features: Float[np.ndarray, "s d"]) -> Float[np.ndarray, "s d"]:
        return unit(features) if self.directions else features


def _features(run: TrainedRun, index: Int64[np.ndarray, "s"]) -> Float[np.ndarray, "s d"]:
    with process_settings(run.stored.config.runtime.precision):
        embedding = embed_clips(run.model.predictor, run.maker, index)
    return embedding.fused().astype(np.float64)
