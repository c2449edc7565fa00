"""What a finished run says of single clips: of its test clips or, without a test set, of clips of the training part."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int64

from psp.evaluate.evaluate import known_labels
from psp.evaluate.predictions import ClipPredictions, predict_clips, read_predictions, write_predictions
from psp.evaluate.trained import TrainedRun
from psp.train.device import process_settings
from psp.train.run_files import read_estimate

UNTESTED = 600
"""The most clips of the training part that are examined where there are no test clips."""

PER_CONFUSION = 2
"""The most examples of one confusion of two classes."""


@dataclass(frozen=True, eq=False)
class Judged:
    """Clips with their labels (-1: not labelled, or a class the model does not know) and predictions.

    `index` are clip indices of the store. `is_test` says whether the model was never trained on these clips.
    `features` is None where only probabilities are known, `probabilities` NaN where only that of the most probable
    class is.
    """

    index: Int64[np.ndarray, "s"]
    labels: Int64[np.ndarray, "s"]
    probabilities: Float[np.ndarray, "s k"]
    features: Float[np.ndarray, "s d"] | None
    is_test: bool

    @property
    def likely(self) -> Int64[np.ndarray, "s"]:
        """The most probable class of each clip."""
        return np.nanargmax(self.probabilities, axis=1)

    @property
    def margin(self) -> Float[np.ndarray, "s"]:
        """The difference of the two largest probabilities of each clip."""
        best = np.sort(self.probabilities, axis=1)[:, -2:]
        return best[:, -1] - best[:, 0] if best.shape[1] > 1 else best[:, -1]


def judge(run: TrainedRun) -> Judged:
    """Return the predictions of a run for its first test set, or for clips of the training part if it has none."""
    tests = list(run.task.split.tests)
    index = run.test_index(tests[0]) if tests else _some(run)
    found = _predictions(run, index, bool(tests))
    return Judged(index, _labels(run)[index], found.probabilities, found.features, bool(tests))


def estimated(run: TrainedRun) -> Judged | None:
    """Return the predictions of `psp train --estimate`, by models that were not trained on these clips."""
    path, classes = run.stored.folder.estimate, run.model.interface.classes
    if not path.exists():
        return None
    clips = read_estimate(path)["clips"]
    number = {name: position for position, name in enumerate(classes)}
    probabilities = np.full((len(clips), len(classes)), np.nan)
    for row, clip in zip(probabilities, clips, strict=True):
        row[number[clip["recognised"]]] = clip["probability"]
    labels = np.array([number[clip["class"]] for clip in clips])
    index = run.store.clips.indices_of([clip["id"] for clip in clips])
    return Judged(index, labels, probabilities, None, True)


def confident_mistakes(found: Judged, most: int = 12) -> list[int]:
    """Return positions of wrong predictions, the most probable first, of one confusion only some."""
    wrong = np.flatnonzero((found.labels >= 0) & (found.likely != found.labels))
    order = wrong[np.argsort(-np.nanmax(found.probabilities[wrong], axis=1), kind="stable")] if len(wrong) else wrong
    taken: dict[tuple[int, int], int] = {}
    chosen = []
    for position in order.tolist():
        pair = (int(found.labels[position]), int(found.likely[position]))
        taken[pair] = taken.get(pair, 0) + 1
        if taken[pair] <= PER_CONFUSION:
            chosen.append(position)
    return chosen[:most]


def least_certain(found: Judged, most: int = 12) -> list[int]:
    """Return positions of the predictions whose two most probable classes are closest."""
    return np.argsort(found.margin, kind="stable")[:most].tolist()


def right_ones(found: Judged, most: int = 12) -> list[int]:
    """Return positions of right predictions of different classes, of median probability in their class."""
    right, chosen = found.labels == found.likely, []
    for label in np.unique(found.labels[right]).tolist():
        own = np.flatnonzero(right & (found.labels == label))
        order = own[np.argsort(found.probabilities[own, label], kind="stable")]
        chosen.append(int(order[len(order) // 2]))
    return chosen[:: max(1, -(-len(chosen) // most))]


def _labels(run: TrainedRun) -> Int64[np.ndarray, "clips"]:
    """Return the labels of all clips as `known_labels` does, those of the budget instead of those of the data set."""
    labels = known_labels(run.store, run.model.interface.classes)
    index, own = run.task.labels.resolve(run.store, run.task.split)
    labels[index] = np.unique(own, return_inverse=True)[1]
    return labels


def _predictions(run: TrainedRun, index: Int64[np.ndarray, "s"], is_kept: bool) -> ClipPredictions:
    """Return predictions of the averaged weights, from the run folder if they are there."""
    stored, ids = run.stored, run.store.clips.id[index].tolist()
    kept = read_predictions(stored.folder.predictions, stored.config.hash)
    known = None if kept is None else kept.of(ids)
    if known is not None:
        return known
    with process_settings(stored.config.runtime.precision), torch.no_grad():
        found = predict_clips(run.model, run.maker, index)
    if is_kept:
        write_predictions(stored.folder.predictions, found, stored.config.hash)
    return found


def _some(run: TrainedRun) -> Int64[np.ndarray, "s"]:
    """Return clips of the training part: those with labels of the budget, and others drawn at random."""
    labelled, _ = run.task.labels.resolve(run.store, run.task.split)
    rest = np.setdiff1d(run.task.split.train_index(run.store), labelled)
    drawn = np.random.default_rng(0).permutation(rest)[: max(0, UNTESTED - len(labelled))]
    return np.sort(np.concatenate([labelled[:UNTESTED], drawn]))
