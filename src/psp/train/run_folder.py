"""A run folder: configuration, split, label budget, logs, checkpoints, model and result of one training."""

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from psp.config.json_file import Form, read_json
from psp.config.upgrade import CONFIG_VERSION
from psp.dataset.budget import LabelBudget
from psp.dataset.labels import read_labels, write_labels
from psp.dataset.split import Split, read_split, write_split
from psp.dataset.store import Store, open_store
from psp.errors import BudgetError, CheckpointError, DestinationError, PSPError, SplitError
from psp.files import sha256_of_json, write_json
from psp.methods import packages_of
from psp.text import printable, shortened
from psp.train.config import TrainConfig, config_as_plain, config_from_plain, method_name
from psp.train.device import precision_on
from psp.versions import versions_of

CONFIG: Form = {
    "config_version?": int,
    "hash": str,
    "sha256?": str,
    "store": {"path": str, "fingerprint": str, "classes": [str], "dataset?": str, "layout?": str},
    "config": dict,
}
"""The form of `config.json`; that of its entry config is checked where the configuration is made."""

RESTORE = "If it was edited, restore it; if an earlier version of psp wrote it, use that or train a new run."

DAMAGED = (PSPError, LookupError, TypeError, ValueError, AttributeError, RecursionError)
"""The errors that making a configuration of damaged values raises."""


@dataclass(frozen=True)
class RunFolder:
    """The files of a run."""

    path: Path

    @property
    def config(self) -> Path:
        """The configuration, with the store that the run trains on."""
        return self.path / "config.json"

    @property
    def split(self) -> Path:
        """The ids of the training and test clips."""
        return self.path / "split.json"

    @property
    def labels(self) -> Path:
        """The label budget."""
        return self.path / "labels.json"

    @property
    def metrics(self) -> Path:
        """The log of losses and accuracies; reproducible in one process on a CPU."""
        return self.path / "metrics.jsonl"

    @property
    def timing(self) -> Path:
        """The log of times and speeds."""
        return self.path / "timing.jsonl"

    @property
    def checkpoints(self) -> Path:
        """The folder of the checkpoints, from which a resumed run continues."""
        return self.path / "checkpoints"

    def model(self, weights: str = "average") -> Path:
        """The trained model with its `average` or `last` weights."""
        return self.path / ("model.safetensors" if weights == "average" else f"{weights}.safetensors")

    @property
    def result(self) -> Path:
        """Hashes, versions, device and wall time of a finished run."""
        return self.path / "result.json"

    def non_finite(self, rank: int) -> Path:
        """The clips of a rank in a step whose loss or gradient was not finite."""
        return self.path / (f"non-finite-rank{rank}.json" if rank else "non-finite.json")

    @property
    def evaluation(self) -> Path:
        """Accuracies on the test sets of the split."""
        return self.path / "evaluation.json"

    @property
    def predictions(self) -> Path:
        """Class probabilities and features of the single test clips."""
        return self.path / "predictions.npz"

    @property
    def suspects(self) -> Path:
        """The labels that may be wrong, by the trained model."""
        return self.path / "suspects.json"

    @property
    def label_gain(self) -> Path:
        """The accuracies of a simple classifier with a part of the labels."""
        return self.path / "label_gain.json"

    @property
    def estimate(self) -> Path:
        """The accuracy estimated by cross-validation of the labelled clips."""
        return self.path / "estimate.json"


@dataclass(frozen=True, eq=False)
class Task:
    """The data of a run: a store, its split and the labels that may be used."""

    store: Store
    split: Split
    labels: LabelBudget

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The classes with a labelled training clip, which can be predicted, in the order of the store."""
        _, labels = self.labels.resolve(self.store, self.split)
        return tuple(self.store.classes[number] for number in np.unique(labels))


@dataclass(frozen=True)
class StoredRun:
    """The files that were written when a run began; `store_facts` identify the store of its clips."""

    folder: RunFolder
    config: TrainConfig
    split: Split
    labels: LabelBudget
    store_facts: dict[str, Any]

    def task(self, store_path: Path | None = None) -> Task:
        """Return the task of the run; `store_path` is needed only if its store has moved."""
        store = open_store(store_path or self.store_facts["path"])
        if store.fingerprint != self.store_facts["fingerprint"]:
            remedy = "Use the store of the run, or train a new run on this one."
            raise CheckpointError("the run was trained on another store.", where=str(store.path), remedy=remedy)
        return Task(replace(store, classes=tuple(self.store_facts["classes"])), self.split, self.labels)

    def require_finished(self) -> None:
        """Raise CheckpointError for a run that is not finished."""
        if not self.folder.result.is_file():
            remedy = f"Finish it with 'psp train --resume {self.folder.path}'."
            raise CheckpointError("the run is not finished.", where=str(self.folder.path), remedy=remedy)


def create_run(path: Path, config: TrainConfig, task: Task) -> RunFolder:
    """Write split, labels and configuration into a new folder; DestinationError if it exists.

    A folder without a configuration, left by a start that was interrupted, is used.
    """
    folder = RunFolder(path)
    begun = (folder.labels, folder.split)
    if path.exists() and any(each not in begun and each.suffix != ".writing" for each in path.iterdir()):
        remedy = "Continue it with --resume, or choose another --out."
        raise DestinationError("the run folder already exists.", where=str(path), remedy=remedy)
    path.mkdir(parents=True, exist_ok=True)
    write_labels(task.labels, folder.labels)
    write_split(task.split, folder.split)
    content = {"config_version": CONFIG_VERSION, "hash": config.hash, "store": _facts_of(task.store)}
    content["config"] = config_as_plain(config)
    write_json(folder.config, {**content, "sha256": sha256_of_json(content)})
    return folder


def open_run(path: Path) -> StoredRun:
    """Return configuration, split, labels and store facts of an existing run; CheckpointError if they are damaged."""
    folder = RunFolder(path)
    if not folder.config.is_file():
        what = "this is not a training run (no config.json)." if path.exists() else "there is no such folder."
        raise CheckpointError(what, where=str(path), remedy="Name a folder written by 'psp train'.")
    content = read_json(folder.config, CONFIG, CheckpointError, RESTORE)
    version, facts = content.get("config_version", 1), content["store"]
    try:
        config = config_from_plain(content["config"], version)
    except DAMAGED as error:
        what = f"the configuration cannot be used ({shortened(printable(str(error)))})."
        raise CheckpointError(what, where=str(folder.config), remedy=RESTORE) from error
    if version < CONFIG_VERSION:
        what = "this run was trained by an earlier version of psp with a different format of checkpoints."
        raise CheckpointError(what, where=str(path), remedy="Use that version, or train a new run.")
    stated = content.pop("sha256", None)
    if config.hash != content["hash"] or stated not in (None, sha256_of_json(content)):
        what = "the run's configuration does not have the stated hash."
        raise CheckpointError(what, where=str(folder.config), remedy=RESTORE)
    try:
        return StoredRun(folder, config, read_split(folder.split), read_labels(folder.labels), facts)
    except (BudgetError, SplitError) as error:
        remedy = "Restore the file, or start the run again in a new folder."
        raise CheckpointError(error.what, where=error.where, remedy=remedy) from error


def seen_before(config: TrainConfig, dataset: str) -> tuple[set[str], set[str]]:
    """Return the ids of clips that the weights were trained on before training starts, and of those with labels.

    They are known if the weights are those of a run on the same data set; that run may have had such a start itself.
    """
    start = Path(config.stages[0].initialise)
    if start.suffix != ".safetensors" or not RunFolder(start.parent).config.is_file():
        return set(), set()
    stored = open_run(start.parent)
    trained, labelled = seen_before(stored.config, dataset)
    if stored.store_facts.get("dataset", dataset) == dataset:
        trained, labelled = trained | {*stored.split.train}, labelled | {*stored.labels.ids}
    return trained, labelled


def write_result(
    folder: RunFolder,
    config: TrainConfig,
    task: Task,
    outcome: Mapping[str, Any],
    machines: Sequence[Mapping[str, Any]],
) -> None:
    """Write `result.json`: hashes, seeds, the outcome of training, versions, device and wall time.

    `machines` describe the machines on which the run was trained, one after the other.
    """
    labels = task.labels
    budget = {"spec": labels.spec, "seed": labels.seed, "hash": labels.hash, "labels": len(labels.ids)}
    hashes = {"config_version": CONFIG_VERSION, "config hash": config.hash, "budget": budget}
    split = {"split": {"name": task.split.name, "hash": task.split.hash}, "seed": config.seed}
    write_json(folder.result, {**hashes, **split, **outcome, **machines[-1], "earlier machines": list(machines[:-1])})


def provenance(device: torch.device, config: TrainConfig, compiled: bool) -> dict[str, Any]:
    """Return the device, the versions and the precision with which a run is computed."""
    names = [method_name(stage.method) for stage in config.stages]
    card = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.processor() or platform.machine()
    return {
        "precision": precision_on(device, config.runtime.precision),
        "compiled": compiled,
        "versions": versions_of("psp-learning", "numpy", *sorted(packages_of(names))),
        "device": {
            "type": device.type,
            "name": card,
            "threads": torch.get_num_threads(),
            "cores": os.cpu_count(),
        },
    }


def _facts_of(store: Store) -> dict[str, Any]:
    return {
        "path": str(Path(store.path or "").resolve()),
        "fingerprint": store.fingerprint,
        "dataset": store.dataset,
        "layout": store.layout.name,
        "classes": list(store.classes),
    }
