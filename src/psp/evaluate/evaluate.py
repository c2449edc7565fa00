"""Evaluating a training run on the test sets of its split, with its averaged and its last weights."""

from dataclasses import asdict
from pathlib import Path
from typing import get_args

import numpy as np
import torch

from psp.batches.loader import SampleMaker
from psp.dataset.split import Split
from psp.evaluate.accuracy import Accuracy, accuracy
from psp.evaluate.predict import predict_logits
from psp.evaluate.trained import Weights, open_model, open_trained
from psp.files import write_json
from psp.model.predictor import Predictor
from psp.train.device import process_settings

Evaluation = dict[Weights, dict[str, Accuracy]]
"""Accuracies by kind of weights and test set."""


def evaluate_run(path: Path | str, store_path: Path | str | None = None, device: str = "auto") -> Evaluation:
    """Return the accuracies of a finished run, which are also written to `evaluation.json` of its folder.

    `store_path` is needed only if the store has moved since training.
    """
    run = open_trained(path, store_path, device=device)
    folder, config, found = run.stored.folder, run.stored.config, Evaluation()
    with process_settings(config.runtime.precision):
        for weights in get_args(Weights):
            predictor = open_model(path, weights, run.maker.device).predictor
            found[weights] = evaluate_predictor(predictor, run.maker, run.task.split)
    plain = {kind: {name: asdict(result) for name, result in sets.items()} for kind, sets in found.items()}
    hashes = {"config hash": config.hash, "budget hash": run.stored.labels.hash}
    write_json(folder.evaluation, {**hashes, "weights": plain})
    return found


def evaluate_predictor(predictor: Predictor, maker: SampleMaker, split: Split) -> dict[str, Accuracy]:
    """Return the accuracy of a predictor on every test set of a split of the maker's store.

    During training: `evaluate_predictor(run.model().predictor, run.data.maker, run.task.split)`.
    """
    store = maker.store
    tests = {name: split.test_index(store, name) for name in split.tests}
    every = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *tests.values()]))
    if not len(every):
        return {}
    logits, labels = predict_logits(predictor, maker, every), torch.from_numpy(np.array(store.clips.label[every]))
    at = {name: torch.from_numpy(np.searchsorted(every, index)) for name, index in tests.items()}
    return {name: accuracy(logits[chosen], labels[chosen]) for name, chosen in at.items()}
