"""Estimation of the accuracy of a model without test clips, by cross-validation of the labelled clips."""

import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from sklearn.model_selection import StratifiedGroupKFold

from psp.dataset.split import FULL, SUBJECT, Split, has_subjects
from psp.errors import BudgetError, ConfigError
from psp.evaluate.accuracy import Accuracy, accuracy
from psp.evaluate.predict import predict_logits
from psp.train.config import TrainConfig
from psp.train.interrupt import Interrupted
from psp.train.run import Run
from psp.train.run_folder import Task, seen_before
from psp.train.trainer import Progress

OnFold = Callable[[int, int, Progress], None]
"""A function called after every step with the number of the fold from 1, the number of folds, and the progress."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """The predictions of `folds` models for the labelled clips that each of them was not trained on.

    `probabilities` are those of the classes of the task, for the clips of `ids`. `groups` is the column whose values
    are kept together in one fold, None if there is none.
    """

    accuracy: Accuracy
    folds: int
    groups: str | None
    ids: tuple[str, ...]
    labels: Int64[np.ndarray, "l"]
    probabilities: Float[np.ndarray, "l k"]


def estimate_accuracy(
    task: Task, config: TrainConfig, folds: int = 5, device: str = "auto", on_step: OnFold | None = None
) -> Estimate:
    """Return the accuracy estimated by cross-validation: each model is trained on all but one of `folds` parts.

    The parts are stratified by class. If there are several subjects, all clips of a subject, the unlabelled ones too,
    are held out together, and so are those without a subject. There are fewer folds if there are fewer subjects, or
    fewer clips in every class. BudgetError if there cannot be two, or if no model would know a class it is tested on;
    ConfigError if training starts from a model that knows the labels.
    """
    require_unknown_labels(task, config)
    index, labels = task.labels.resolve(task.store, task.split)
    number, groups = fold_numbers(task, folds, config.seed)
    count, known = int(number.max()) + 1, np.unique(labels, return_inverse=True)[1]
    found = np.zeros((len(index), len(task.classes)))
    for fold, (part, held_out) in enumerate(_parts(task, index, number, groups), start=1):
        run = Run(part, config, None, device)
        stopped = run.train(partial(on_step, fold, count) if on_step else None)
        if stopped is not None:
            raise Interrupted(stopped)
        model = run.model()
        logits = predict_logits(model.predictor, run.data.maker, index[held_out])
        columns = np.isin(task.classes, model.interface.classes)
        found[np.ix_(held_out, columns)] = model.predictor.probabilities(logits).numpy()
    result = accuracy(torch.from_numpy(found), torch.from_numpy(known))
    return Estimate(result, count, groups, task.labels.ids, known, found)


def require_unknown_labels(task: Task, config: TrainConfig) -> None:
    """Raise ConfigError if training starts from a model that was trained on labels of the task."""
    if known := seen_before(config, task.store.dataset)[1] & {*task.labels.ids}:
        what = f"training starts from a model that knows {len(known)} of the labels, so these cannot be held out."
        raise ConfigError(what, where="--estimate", remedy="Leave it out, or train from --init none.")


def estimate_as_plain(found: Estimate, task: Task) -> dict[str, Any]:
    """Return an estimate as JSON values, with the class recognised in every clip."""
    best = found.probabilities.argmax(axis=1)
    clips = [
        {
            "id": name,
            "class": task.classes[label],
            "recognised": task.classes[likely],
            "probability": float(row[likely]),
        }
        for name, label, likely, row in zip(found.ids, found.labels, best, found.probabilities, strict=True)
    ]
    facts = {"folds": found.folds, "kept together": found.groups, "classes": task.classes}
    return {**facts, "accuracy": asdict(found.accuracy), "clips": clips}


def fold_numbers(task: Task, folds: int, seed: int = 0) -> tuple[Int64[np.ndarray, "l"], str | None]:
    """Return the fold of every labelled clip, and the column whose values are kept together, None without one."""
    index, labels = task.labels.resolve(task.store, task.split)
    is_grouped = has_subjects(task.store, index)
    groups = task.store.clips.column(SUBJECT)[index] if is_grouped else np.arange(len(index))
    folds = min(folds, int(np.bincount(labels).max()), len(np.unique(groups)))
    if folds < 2:
        what = f"{len(index)} labelled clips of {len(task.classes)} classes cannot be divided into two folds or more."
        raise BudgetError(what, remedy="Label at least two clips of a class, and use 2 folds or more.")
    number = np.empty(len(index), dtype=np.int64)
    if not is_grouped:
        number[np.lexsort((np.random.default_rng(seed).random(len(index)), labels))] = np.arange(len(index)) % folds
        return number, None
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # classes with fewer clips than folds
        for fold, (_, held_out) in enumerate(StratifiedGroupKFold(folds).split(index, labels, groups)):
            number[held_out] = fold
    number = np.unique(number, return_inverse=True)[1]  # a fold may have got no clips
    if len(_in_one_fold(labels, number)) == len(np.unique(labels)):
        what = f"the clips of each class are in one part, by {SUBJECT}: no model would know a class it is tested on."
        raise BudgetError(what, remedy="Label clips of the same class by several subjects.")
    return number, SUBJECT


def classes_in_one_fold(task: Task, number: Int64[np.ndarray, "l"]) -> list[str]:
    """Return the classes whose labelled clips are all in one fold: no model that judges these clips knows the class."""
    labels = task.labels.resolve(task.store, task.split)[1]
    names = dict(zip(np.unique(labels).tolist(), task.classes, strict=True))
    return [names[label] for label in _in_one_fold(labels, number)]


def _in_one_fold(labels: Int64[np.ndarray, "l"], number: Int64[np.ndarray, "l"]) -> list[int]:
    return [label for label in np.unique(labels).tolist() if len(np.unique(number[labels == label])) == 1]


def _parts(
    task: Task, index: Int64[np.ndarray, "l"], number: Int64[np.ndarray, "l"], groups: str | None
) -> Iterator[tuple[Task, Bool[np.ndarray, "l"]]]:
    """Yield the task of every fold, and a mask of the labelled clips that it holds out."""
    clips, train, ids = task.store.clips, np.array(task.split.train), np.array(task.labels.ids)
    for fold in range(int(number.max()) + 1):
        held_out = number == fold
        left_out = np.isin(train, ids[held_out])
        if groups is not None:
            values = np.unique(clips.column(groups), return_inverse=True)[1]  # nan differs from itself
            left_out = np.isin(values[task.split.train_index(task.store)], values[index[held_out]])
        name = f"fold {fold + 1}"
        split = Split(name, tuple(train[~left_out].tolist()), {FULL: tuple(ids[held_out].tolist())})
        kept = tuple(ids[~held_out].tolist())
        own = None if task.labels.labels is None else {each: task.labels.labels[each] for each in kept}
        yield replace(task, split=split, labels=replace(task.labels, split=name, ids=kept, labels=own)), held_out
