"""Evaluation of models on the test sets of their split, or on any data set with classes that they know."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from jaxtyping import Int64

from psp.batches.loader import SampleMaker
from psp.dataset.split import Split
from psp.dataset.store import Store
from psp.errors import StoreError
from psp.evaluate.accuracy import Accuracy, Calibration, accuracy, calibration, worst_confusions
from psp.evaluate.predict import maker_for, predict_logits
from psp.evaluate.predictions import ClipPredictions, logits_and_features, predictions_of, write_predictions
from psp.evaluate.trained import TrainedRun, Weights, open_model, open_trained
from psp.files import write_json
from psp.model.model_file import TrainedModel
from psp.train.device import process_settings

Evaluation = dict[Weights, dict[str, Accuracy]]
"""Accuracies by kind of weights and test set."""


@dataclass(frozen=True)
class StoreEvaluation:
    """Accuracy and calibration on the clips of known classes of a data set; `unknown` counts clips of other classes."""

    accuracy: Accuracy
    calibration: Calibration
    classes: tuple[str, ...]
    unknown: dict[str, int]


def evaluate_run(path: Path | str, store_path: Path | str | None = None, device: str = "auto") -> Evaluation:
    """Return the accuracies of a finished run, and write them to `evaluation.json` in its folder.

    The predictions for the single test clips, with averaged weights, are written to `predictions.npz`. `store_path` is
    needed only if the store has moved since training.
    """
    run = open_trained(path, store_path, device=device)
    folder, config, found = run.stored.folder, run.stored.config, Evaluation()
    calibrated = dict[str, dict[str, float]]()
    with process_settings(config.runtime.precision):
        for weights in get_args(Weights):
            model = open_model(path, weights, run.maker.device)
            found[weights], predicted = _evaluate(model, run.maker, run.task.split)
            if weights == "average" and predicted is not None:
                write_predictions(folder.predictions, predicted, config.hash)
                calibrated = {name: asdict(_calibration(run, predicted, name)) for name in run.task.split.tests}
    classes = run.model.interface.classes
    plain = {kind: {name: asdict(result) for name, result in sets.items()} for kind, sets in found.items()}
    hashes = {"config hash": config.hash, "budget hash": run.stored.labels.hash}
    worst = {name: list(map(asdict, worst_confusions(each, classes))) for name, each in found["average"].items()}
    facts = {"classes": classes, "weights": plain, "confusions": worst, "calibration": calibrated}
    write_json(folder.evaluation, {**hashes, **facts})
    return found


def evaluate_model(model: TrainedModel, maker: SampleMaker, split: Split) -> dict[str, Accuracy]:
    """Return the accuracy of a model on every test set of a split of the maker's store.

    During training: `evaluate_model(run.model(), run.data.maker, run.task.split)`. Test clips of classes that the model
    does not know count as wrong.
    """
    return _evaluate(model, maker, split)[0]


def evaluate_store(model: TrainedModel, store: Store) -> StoreEvaluation:
    """Return the accuracy of a model on all labelled clips of a data set; classes are compared by name.

    CheckpointError for clips of another layout or another preparation, StoreError if the model knows no class of them.
    """
    model.require_prepared_alike(store)
    labels = known_labels(store, model.interface.classes)
    index = np.flatnonzero(labels >= 0)
    if not len(index):
        what = f"no labelled clip is of a class that the model knows: {_some(model.interface.classes)}."
        remedy = f"Use a data set with these classes; the classes of this one: {_some(store.classes) or 'none'}."
        raise StoreError(what, where=str(store.path or "the clips in memory"), remedy=remedy)
    logits = predict_logits(model.predictor, maker_for(model, store), index)
    truth, known = torch.from_numpy(labels[index]), model.interface.classes
    calibrated = calibration(model.predictor.probabilities(logits), truth)
    others = store.clips.label[(labels < 0) & (store.clips.label >= 0)]
    unknown = {store.classes[number]: int((others == number).sum()) for number in np.unique(others)}
    return StoreEvaluation(accuracy(logits, truth), calibrated, known, unknown)


def known_labels(store: Store, classes: Sequence[str]) -> Int64[np.ndarray, "clips"]:
    """Return the index of every clip's class in `classes`, -1 for other classes and unlabelled clips."""
    number = {name: position for position, name in enumerate(classes)}
    table = np.array([*(number.get(name, -1) for name in store.classes), -1], dtype=np.int64)
    return table[store.clips.label]


def _evaluate(
    model: TrainedModel, maker: SampleMaker, split: Split
) -> tuple[dict[str, Accuracy], ClipPredictions | None]:
    """Return the accuracy on every test set, and the predictions for all test clips, None without test sets."""
    store = maker.store
    tests = {name: split.test_index(store, name) for name in split.tests}
    every = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *tests.values()]))
    if not len(every):
        return {}, None
    logits, features = logits_and_features(model.predictor, maker, every)
    labels = torch.from_numpy(known_labels(store, model.interface.classes)[every])
    at = {name: torch.from_numpy(np.searchsorted(every, index)) for name, index in tests.items()}
    found = {name: accuracy(logits[chosen], labels[chosen]) for name, chosen in at.items()}
    return found, predictions_of(model.predictor, store, every, logits, features)


def _calibration(run: TrainedRun, predicted: ClipPredictions, name: str) -> Calibration:
    """Return the calibration of the probabilities of a test set."""
    index = run.test_index(name)
    found = predicted.of(run.store.clips.id[index].tolist())
    assert found is not None
    labels = known_labels(run.store, run.model.interface.classes)[index]
    return calibration(torch.from_numpy(found.probabilities), torch.from_numpy(labels))


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")
