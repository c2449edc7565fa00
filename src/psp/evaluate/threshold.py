"""The probability below which a model should answer no class, chosen on clips whose labels its training did not use."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from psp.errors import ConfigError
from psp.evaluate.evaluate import known_labels
from psp.evaluate.predict import predict_logits
from psp.evaluate.trained import open_trained
from psp.train.device import process_settings
from psp.train.run_files import read_estimate

KEPT, FEWEST = 0.95, 20
"""The share of the correctly recognised clips that keep their class, and the smallest number of such clips."""


@dataclass(frozen=True)
class Threshold:
    """A probability, and how many of the `clips` on which it was chosen were recognised correctly."""

    probability: float
    clips: int
    right: int


def threshold_of_run(path: Path | str, device: str = "auto") -> Threshold:
    """Return the probability that 95 % of the correctly recognised held-out clips of a finished run reach.

    Held out are the labelled training and validation clips outside the label budget. If fewer than 20 of them are
    recognised correctly, those of the cross-validation of `psp train --estimate` are used instead. Test clips are not
    used. ConfigError if there are too few of both, or if `path` is not a run folder.
    """
    if not Path(path).is_dir():
        remedy = "Name the run folder, or give a probability."
        raise ConfigError("a model file holds no clips to choose it on.", where=str(path), remedy=remedy)
    probability, right = _held_out(path, device)
    if right.sum() < FEWEST:
        probability, right = _cross_validated(Path(path), int(right.sum()))
    chosen = float(np.quantile(probability[right], 1 - KEPT, method="lower"))
    return Threshold(chosen, len(right), int(right.sum()))


def _held_out(path: Path | str, device: str) -> tuple[Float[np.ndarray, "n"], Bool[np.ndarray, "n"]]:
    """Return the probability of the best class of each held-out clip, and whether it is the right one."""
    run = open_trained(path, device=device)
    labels = known_labels(run.store, run.model.interface.classes)
    labels[run.task.labels.resolve(run.store, run.task.split)[0]] = -1
    split = run.task.split
    every = np.concatenate([split.train_index(run.store), split.validation_index(run.store)])
    index = every[labels[every] >= 0]
    if not len(index):
        return np.zeros(0), np.zeros(0, dtype=bool)
    with process_settings(run.stored.config.runtime.precision):
        logits = predict_logits(run.model.predictor, run.maker, index)
    found = run.model.predictor.probabilities(logits).numpy().astype(np.float64)
    return found.max(axis=1), found.argmax(axis=1) == labels[index]


def _cross_validated(path: Path, right: int) -> tuple[Float[np.ndarray, "n"], Bool[np.ndarray, "n"]]:
    """Return the same for the clips of the estimated accuracy of a run."""
    file = path / "estimate.json"
    clips = read_estimate(file)["clips"] if file.exists() else []
    found = np.array([each["class"] == each["recognised"] for each in clips], dtype=bool)
    if found.sum() < FEWEST:
        what = f"{right} clips whose labels were not used for training are recognised correctly, {FEWEST} are needed."
        remedy = "Give a probability, or train with --estimate, which holds out every clip once."
        raise ConfigError(what, where="--none-below auto", remedy=remedy)
    return np.array([each["probability"] for each in clips], dtype=np.float64), found
