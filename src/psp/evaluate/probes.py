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
    fitted = _features(run, known)
    score = linear_scores if kind == "linear" else nearest_scores
    found = {}
    for name in run.task.split.tests:
        index = run.test_index(name)
        wanted = known_labels(run.store, run.model.interface.classes)[index]
        scores = score(fitted, numbers, _features(run, index), len(run.model.interface.classes))
        found[name] = accuracy(torch.from_numpy(scores), torch.from_numpy(wanted))
    return found


def linear_scores(
    known: Float[np.ndarray, "l d"], labels: Int64[np.ndarray, "l"], tested: Float[np.ndarray, "s d"], classes: int
) -> Float[np.ndarray, "s k"]:
    """Return the probability of every class by logistic regression, -1 for classes without a label."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000)).fit(known, labels)
    found = np.full((len(tested), classes), -1.0)
    found[:, model.classes_] = model.predict_proba(tested)
    return found


def nearest_scores(
    known: Float[np.ndarray, "l d"], labels: Int64[np.ndarray, "l"], tested: Float[np.ndarray, "s d"], classes: int
) -> Float[np.ndarray, "s k"]:
    """Return the cosine to the nearest labelled clip of every class, -2 for classes without a label."""
    cosines, found = unit(tested) @ unit(known).T, np.full((len(tested), classes), -2.0)
    for label in np.unique(labels):
        found[:, label] = cosines[:, labels == label].max(axis=1)
    return found


def _features(run: TrainedRun, index: Int64[np.ndarray, "s"]) -> Float[np.ndarray, "s d"]:
    with process_settings(run.stored.config.runtime.precision):
        embedding = embed_clips(run.model.predictor, run.maker, index)
    return embedding.fused().astype(np.float64)
