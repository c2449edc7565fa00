"""Evaluating a training run on its protocol's test sets, with its last and its averaged weights."""

from dataclasses import asdict
from pathlib import Path

import torch

from psp.files import write_json
from psp.batches.loader import Batches
from psp.dataset.split import protocol_by_name, split_store
from psp.dataset.store import Store
from psp.evaluate.accuracy import Accuracy, accuracy
from psp.evaluate.predict import predict_logits
from psp.methods.methods import METHODS
from psp.model.streams import Network
from psp.model.weights import load_network
from psp.train.config import TrainConfig
from psp.train.device import allow_tf32, device_by_name
from psp.train.run import open_run_and_store, require_finished

WEIGHTS = ("average", "last")
Evaluation = dict[str, dict[str, Accuracy]]


def evaluate_run(path: Path, store_path: Path | None = None, device: str = "auto") -> Evaluation:
    """Evaluate a finished run and write `evaluation.json`; returns accuracies by kind of weights and test set.

    `store_path` is needed only if the store has moved since training.
    """
    run, store = open_run_and_store(Path(path), store_path)
    require_finished(run)
    found: Evaluation = {}
    for kind in WEIGHTS:
        network = load_network(run.folder.weights(kind)).to(device_by_name(device))
        found[kind] = evaluate_network(network, run.config, store, run.store_facts.get("persons"))
    plain = {kind: {name: asdict(result) for name, result in sets.items()} for kind, sets in found.items()}
    hashes = {"config hash": run.config.hash, "budget hash": run.budget.hash}
    write_json(run.folder.evaluation, {**hashes, "weights": plain})
    return found


def evaluate_network(
    network: Network, config: TrainConfig, store: Store, persons: int | None = None
) -> dict[str, Accuracy]:
    """Evaluate a network on every test set of the run's protocol, on the device it is on.

    `persons` is the number of person slots in training, by default as many as the store needs.
    """
    allow_tf32(config.precision)
    device = next(network.parameters()).device
    batches = Batches(store, METHODS[config.method].views, config.data, device, persons=persons)
    tests = split_store(protocol_by_name(config.protocol), store).tests
    labels = torch.from_numpy(store.clips.label)
    return {
        name: accuracy(predict_logits(network, batches, clips), labels[torch.from_numpy(clips)])
        for name, clips in tests.items()
    }
