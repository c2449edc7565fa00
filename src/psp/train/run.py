"""A run folder: configuration, label budget, logs, checkpoints, weights and result of one training."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from psp.data.budget import LabelBudget, read_budget, write_budget
from psp.data.store import Store
from psp.errors import CheckpointError, ConfigError
from psp.train.atomic import write_json
from psp.train.config import TrainConfig
from psp.train.override import as_plain, override


@dataclass(frozen=True)
class RunFolder:
    """Where each thing of a run lies."""

    path: Path

    @property
    def config(self) -> Path:
        """The resolved configuration, with the store it was made for."""
        return self.path / "config.json"

    @property
    def budget(self) -> Path:
        """The label budget."""
        return self.path / "budget.json"

    @property
    def metrics(self) -> Path:
        """Losses and accuracies of the steps: the same for every run of the same configuration."""
        return self.path / "metrics.jsonl"

    @property
    def timing(self) -> Path:
        """How fast the steps went."""
        return self.path / "timing.jsonl"

    @property
    def checkpoints(self) -> Path:
        """What a resumed run continues from."""
        return self.path / "checkpoints"

    def weights(self, kind: str) -> Path:
        """The trained weights: `last` or `average`."""
        return self.path / f"{kind}.safetensors"

    @property
    def result(self) -> Path:
        """What came out, with its provenance."""
        return self.path / "result.json"

    @property
    def evaluation(self) -> Path:
        """Accuracies on the protocol's test sets."""
        return self.path / "evaluation.json"


def create_run(path: Path, config: TrainConfig, store: Store, budget: LabelBudget) -> RunFolder:
    """Write configuration and budget into a new folder; an existing run is never overwritten."""
    folder = RunFolder(path)
    if path.exists() and any(path.iterdir()):
        remedy = "Continue it with --resume, or choose another --out."
        raise ConfigError("the run folder already exists.", where=str(path), remedy=remedy)
    path.mkdir(parents=True, exist_ok=True)
    write_budget(budget, folder.budget)
    facts: dict[str, Any] = {
        "path": str(store.path.resolve()),
        "fingerprint": store.fingerprint,
        "dataset": store.dataset,
    }
    facts |= {"layout": store.layout.name, "classes": list(store.classes)}
    write_json(folder.config, {"hash": config.hash, "store": facts, "config": as_plain(config)})
    return folder


def open_run(path: Path) -> tuple[RunFolder, TrainConfig, LabelBudget, dict[str, Any]]:
    """Read configuration, budget and store facts of an existing run."""
    folder = RunFolder(path)
    try:
        content = json.loads(folder.config.read_text())
        changes, facts = content["config"], content["store"]
        plain = TrainConfig(changes["protocol"], changes["budget"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        remedy = "Name a folder written by 'psp train'."
        raise CheckpointError(f"this is not a training run ({error}).", where=str(path), remedy=remedy) from error
    return folder, override(plain, changes), read_budget(folder.budget), facts


def same_store(store: Store, facts: dict[str, Any]) -> None:
    """Refuse to continue or to evaluate on other recordings than those that were learnt from."""
    if store.fingerprint != facts["fingerprint"]:
        remedy = "Use the store of the run, or train a new run on this one."
        raise CheckpointError("the run was trained on another store.", where=str(store.path), remedy=remedy)
