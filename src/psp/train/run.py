"""A run folder: configuration, label budget, logs, checkpoints, weights and result of one training."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from psp.files import write_json
from psp.dataset.labels import LabelBudget, read_budget, write_budget
from psp.dataset.store import Store, open_store
from psp.errors import BudgetError, CheckpointError, ConfigError, TrainingError
from psp.methods.methods import METHODS
from psp.train.config import TrainConfig
from psp.config.override import as_plain, override


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
        """Losses and accuracies of the steps: in one process on a CPU the same for every run of a configuration."""
        return self.path / "metrics.jsonl"

    @property
    def timing(self) -> Path:
        """How fast the steps went."""
        return self.path / "timing.jsonl"

    @property
    def lock(self) -> Path:
        """Held by the process that trains the run."""
        return self.path / ".lock"

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

    def non_finite(self, rank: int) -> Path:
        """The clips of a step that a rank had to refuse."""
        return self.path / (f"non-finite-rank{rank}.json" if rank else "non-finite.json")

    @property
    def evaluation(self) -> Path:
        """Accuracies on the protocol's test sets."""
        return self.path / "evaluation.json"


@dataclass(frozen=True)
class StoredRun:
    """What was written when a run began; `store_facts` tell which store it learns from."""

    folder: RunFolder
    config: TrainConfig
    budget: LabelBudget
    store_facts: dict[str, Any]


def create_run(path: Path, config: TrainConfig, store: Store, budget: LabelBudget) -> RunFolder:
    """Write budget and configuration into a new folder; an existing run is never overwritten.

    A folder that was begun and holds no configuration yet counts as new.
    """
    folder = RunFolder(path)
    if path.exists() and any(each != folder.budget and each.suffix != ".writing" for each in path.iterdir()):
        remedy = "Continue it with --resume, or choose another --out."
        raise ConfigError("the run folder already exists.", where=str(path), remedy=remedy)
    path.mkdir(parents=True, exist_ok=True)
    write_budget(budget, folder.budget)
    views = METHODS[config.method].views
    content = {"hash": config.hash, "views": views, "store": _facts_of(store), "config": as_plain(config)}
    write_json(folder.config, content)
    return folder


def open_run(path: Path) -> StoredRun:
    """Read configuration, budget and store facts of an existing run; CheckpointError if they were damaged.

    A run whose method has looked at other views since is refused: its networks would be shown what they never learnt.
    Runs that do not name their views have the two of the paper.
    """
    folder = RunFolder(path)
    try:
        content = json.loads(folder.config.read_text())
        changes, facts, stated = content["config"], content["store"], content["hash"]
        views = tuple(map(str, content.get("views", ("joint", "motion"))))
        missing = {"path", "fingerprint", "layout", "classes"} - set(facts)
        plain = TrainConfig(changes["protocol"], changes["budget"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        remedy = "Name a folder written by 'psp train'."
        raise CheckpointError(f"this is not a training run ({error}).", where=str(path), remedy=remedy) from error
    config = override(plain, changes)
    if config.hash != stated or missing:
        what = f"lacks the store's {min(missing)}" if missing else "has another hash than it says"
        remedy = "If it was edited, restore it; if an earlier version of psp wrote it, use that or train a new run."
        raise CheckpointError(f"the run's configuration {what}.", where=str(folder.config), remedy=remedy)
    if views != METHODS[config.method].views:
        what = f"the run learnt from the views {', '.join(views)}; today method {config.method} has others."
        remedy = "Use the version of psp that trained it, or train a new run."
        raise CheckpointError(what, where=str(folder.config), remedy=remedy)
    return StoredRun(folder, config, _budget_of(folder), facts)


def open_run_and_store(path: Path, store_path: Path | None = None) -> tuple[StoredRun, Store]:
    """Open a run with the store it learns from; `store_path` only if that has moved."""
    run = open_run(path)
    store = open_store(store_path or run.store_facts["path"])
    if store.fingerprint != run.store_facts["fingerprint"]:
        remedy = "Use the store of the run, or train a new run on this one."
        raise CheckpointError("the run was trained on another store.", where=str(store.path), remedy=remedy)
    return run, store


def require_finished(run: StoredRun) -> None:
    """Refuse a run that has not come to its end."""
    if not run.folder.result.is_file():
        remedy = f"Finish it with 'psp train --resume {run.folder.path}'."
        raise CheckpointError("the run is not finished.", where=str(run.folder.path), remedy=remedy)


@contextmanager
def training_alone(folder: RunFolder) -> Iterator[None]:
    """Hold a run while it is trained; TrainingError if another process holds it. One that was killed holds nothing."""
    lock = FileLock(folder.lock)
    try:
        lock.acquire(blocking=False)
    except Timeout as error:
        remedy = "Wait for the other process or stop it; its state is saved then."
        raise TrainingError("another process is training this run.", where=str(folder.path), remedy=remedy) from error
    try:
        yield
    finally:
        lock.release()


def _facts_of(store: Store) -> dict[str, Any]:
    return {
        "path": str(store.path.resolve()),
        "fingerprint": store.fingerprint,
        "dataset": store.dataset,
        "layout": store.layout.name,
        "classes": list(store.classes),
        "preprocessing": store.manifest["preprocessing"],
        "persons": int(store.clips.persons.max()),
    }


def _budget_of(folder: RunFolder) -> LabelBudget:
    try:
        return read_budget(folder.budget)
    except BudgetError as error:
        remedy = "Restore the file, or start the run again in a new folder."
        raise CheckpointError(
            f"the run's label budget: {error.what}", where=str(folder.budget), remedy=remedy
        ) from error
