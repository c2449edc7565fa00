"""Whether more labels would probably help: how much a simple classifier gains from the labels that exist."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from psp.dataset.store import Store
from psp.errors import BudgetError
from psp.evaluate.accuracy import is_above_guessing, wilson
from psp.evaluate.estimate import fold_numbers
from psp.train.run_folder import Task

FRAMES, FOLDS, MOST = 16, 5, 600
"""Frames that clips are resampled to, parts of the cross-validation, and the most labels that are used."""

SHARES = (4, 2, 1)
"""A quarter, half and all of the labels."""

WORTHWHILE = 2.0
"""The gain in points from which a doubling of the labels is worth its cost."""

ALPHAS = np.logspace(0, 6, 7)


@dataclass(frozen=True)
class LabelGain:
    """The accuracies in percent of a ridge classifier of joint positions with these numbers of labels, fewest first.

    `error` is the standard error, in points, of the gain from the last doubling.
    """

    labels: tuple[int, ...]
    accuracies: tuple[float, ...]
    error: float

    @property
    def last_doubling(self) -> float:
        """The gain in points from the last doubling of the labels."""
        return self.accuracies[-1] - self.accuracies[-2]

    @property
    def helps(self) -> bool | None:
        """Whether more labels would help, by two standard errors; None if that cannot be decided."""
        low, high = (self.last_doubling + side * 2 * self.error for side in (-1, 1))
        return True if low > 0 else False if high < WORTHWHILE else None


def label_gain(task: Task, seed: int = 0) -> LabelGain | None:
    """Return the cross-validated accuracies of a simple classifier with a quarter, half and all of the labels.

    The classifier is no network, so this takes seconds and shows how the accuracy grows, not what a network reaches.
    Clips of a subject are held out together. Numbers of labels are means over the parts; those with fewer labels than
    classes in a part are left out. None if fewer than two are left, or if the accuracy with all labels is not above
    guessing.
    """
    index, labels = task.labels.resolve(task.store, task.split)
    try:
        fold, _ = fold_numbers(task, FOLDS, seed)
    except BudgetError:
        return None
    order = np.random.default_rng(seed).permutation(len(index))[:MOST]
    labels, series = labels[order], _series(task.store, index[order])
    fold = np.unique(fold[order], return_inverse=True)[1]
    held_out = np.bincount(fold)
    fewest, mean = len(order) - held_out.max(), len(order) - held_out.mean()
    shares = [share for share in SHARES if fewest // share >= len(np.unique(labels))]
    if len(shares) < 2:
        return None
    found = [np.concatenate(list(_hits(series, labels, fold, share))) for share in shares]
    if not is_above_guessing(wilson(int(found[-1].sum()), len(found[-1])), np.bincount(labels).tolist()):
        return None
    change = 100.0 * (found[-1].astype(float) - found[-2])
    error = float(change.std() / np.sqrt(len(change)))
    numbers, accuracies = (int(mean // share) for share in shares), (100 * float(hits.mean()) for hits in found)
    return LabelGain(tuple(numbers), tuple(accuracies), error)


def _hits(
    series: Float64[np.ndarray, "l d"], labels: Int64[np.ndarray, "l"], fold: Int64[np.ndarray, "l"], share: int
) -> Iterator[np.ndarray]:
    """Yield, for each fold, which of its clips a classifier fitted to a share of the other labels recognises."""
    for held_out in range(int(fold.max()) + 1):
        train = np.flatnonzero(fold != held_out)
        by_class = train[np.argsort(labels[train], kind="stable")]
        own, test = by_class[share // 2 :: share], fold == held_out
        model = make_pipeline(StandardScaler(), RidgeClassifierCV(ALPHAS))
        few = np.unique(labels[own])
        predicted = model.fit(series[own], labels[own]).predict(series[test]) if len(few) > 1 else few[0]
        yield predicted == labels[test]


def _series(store: Store, index: Int64[np.ndarray, "l"]) -> Float64[np.ndarray, "l d"]:
    """Return the joints of clips, resampled to the same number of frames, as one row each."""
    persons = int(store.clips.persons[index].max())
    rows = np.zeros((len(index), persons, FRAMES, len(store.layout.joints), store.channels))
    for row, number in zip(rows, index, strict=True):
        joints = store.clip(int(number)).joints
        at = np.linspace(0, joints.shape[1] - 1, FRAMES).round().astype(int)
        row[: len(joints)] = joints[:, at]
    return rows.reshape(len(index), -1)
