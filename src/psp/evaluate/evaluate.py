"""Evaluating a training run on its protocol's test sets, with its last and its averaged weights."""

from dataclasses import asdict
from pathlib import Path

import torch

from psp.data.batches import Batches
from psp.data.split import protocol_by_name, split_store
from psp.data.store import Store, open_store
from psp.errors import CheckpointError
from psp.evaluate.accuracy import Accuracy, accuracy
from psp.evaluate.predict import predict_logits
from psp.methods.methods import METHODS
from psp.model.psp import PSPNetwork
from psp.model.weights import load_network
from psp.train.atomic import write_json
from psp.train.config import TrainConfig
from psp.train.device import device_by_name
from psp.train.run import open_run, same_store

WEIGHTS = ("average", "last")
Evaluation = dict[str, dict[str, Accuracy]]


def evaluate_run(path: Path, store_path: Path | None = None, device: str = "auto") -> Evaluation:
    """Evaluate a finished run and write `evaluation.json`; returns accuracies by kind of weights and test set.

    `store_path` is needed only if the store has moved since training.
    """
    folder, config, budget, facts = open_run(path)
    store = open_store(store_path or facts["path"])
    same_store(store, facts)
    if not folder.result.is_file():
        remedy = f"Finish it with 'psp train --resume {path}'."
        raise CheckpointError("the run is not finished.", where=str(path), remedy=remedy)
    found: Evaluation = {}
    for kind in WEIGHTS:
        network = load_network(folder.weights(kind)).to(device_by_name(device))
        found[kind] = evaluate_network(network, config, store)
    plain = {kind: {name: asdict(result) for name, result in sets.items()} for kind, sets in found.items()}
    write_json(folder.evaluation, {"config hash": config.hash, "budget hash": budget.hash, "weights": plain})
    return found


def evaluate_network(network: PSPNetwork, config: TrainConfig, store: Store) -> dict[str, Accuracy]:
    """Evaluate a network on every test set of the run's protocol, on the device it is on."""
    device = next(network.parameters()).device
    batches = Batches(store, METHODS[config.method].views, config.data, device)
    tests = split_store(protocol_by_name(config.protocol), store).tests
    labels = torch.from_numpy(store.clips.label)
    return {
        name: accuracy(predict_logits(network, batches, clips), labels[torch.from_numpy(clips)])
        for name, clips in tests.items()
    }
