"""Starting and resuming runs: the entry point for programs."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from psp.dataset.labels import LabelBudget, draw_budget
from psp.dataset.split import protocol_by_name, split_store
from psp.dataset.store import Store
from psp.train.config import TrainConfig
from psp.train.interrupt import Interrupted
from psp.train.loop import Progress, Trainer
from psp.train.run import RunFolder, create_run, open_run_and_store


def start_run(
    store: Store,
    config: TrainConfig,
    out: Path | str,
    budget: LabelBudget | None = None,
    device: str = "auto",
    compile: bool = False,
) -> Trainer:
    """Create the run folder `out` and a trainer at step 0; without `budget` one is drawn as configured.

    A `budget` that is given replaces the one of `config`. The folder appears last, so that none stays behind when
    anything else fails.
    """
    if budget is None:
        protocol = protocol_by_name(config.protocol)
        train = split_store(protocol, store).train
        budget = draw_budget(config.budget, protocol, store.clips, train, config.budget_seed)
    config = replace(config, budget=budget.spec, budget_seed=budget.seed)
    trainer = Trainer(RunFolder(Path(out)), config, store, budget, device, compile)
    if trainer.ranks.is_main:
        create_run(Path(out), config, store, budget)
    trainer.ranks.wait()
    return trainer


def resume_run(
    path: Path | str, store_path: Path | str | None = None, device: str = "auto", compile: bool = False
) -> Trainer:
    """A trainer that continues a run from its last checkpoint; `store_path` only if the store has moved."""
    run, store = open_run_and_store(Path(path), None if store_path is None else Path(store_path))
    return Trainer(run.folder, run.config, store, run.budget, device, compile)


def train_run(
    store: Store, config: TrainConfig, out: Path | str, on_step: Callable[[Progress], None] | None = None
) -> Path:
    """Train from beginning to end and return the run folder.

    Ctrl-C and SIGTERM end it with Interrupted, a KeyboardInterrupt, its state saved: `resume_run` goes on.
    """
    trainer = start_run(store, config, out)
    signal = trainer.run(on_step)
    if signal is not None:
        raise Interrupted(signal)
    return trainer.folder.path
