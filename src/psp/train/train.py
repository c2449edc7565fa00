"""Starting and resuming runs: the entry point for programs."""

from collections.abc import Callable
from pathlib import Path

from accelerate import PartialState

from psp.data.budget import LabelBudget, draw_budget
from psp.data.split import protocol_by_name, split_store
from psp.data.store import Store, open_store
from psp.train.config import TrainConfig
from psp.train.device import device_by_name
from psp.train.loop import Progress, Trainer
from psp.train.run import RunFolder, create_run, open_run, same_store


def start_run(
    store: Store, config: TrainConfig, out: Path, budget: LabelBudget | None = None, device: str = "auto"
) -> Trainer:
    """Create the run folder `out` and a trainer at step 0; without `budget` one is drawn as configured."""
    protocol = protocol_by_name(config.protocol)
    train = split_store(protocol, store).train
    budget = budget or draw_budget(config.budget, protocol, store.clips, train, config.budget_seed)
    budget.rows(protocol, store.clips, train)
    rank = PartialState(cpu=device_by_name(device).type == "cpu")
    if rank.is_main_process:
        create_run(out, config, store, budget)
    rank.wait_for_everyone()
    return Trainer(RunFolder(out), config, store, budget, device)


def resume_run(path: Path, store_path: Path | None = None, device: str = "auto") -> Trainer:
    """A trainer that continues a run from its last checkpoint; `store_path` only if the store has moved."""
    folder, config, budget, facts = open_run(path)
    store = open_store(store_path or facts["path"])
    same_store(store, facts)
    return Trainer(folder, config, store, budget, device)


def train_run(store: Store, config: TrainConfig, out: Path, on_step: Callable[[Progress], None] | None = None) -> Path:
    """Train from beginning to end and return the run folder."""
    start_run(store, config, out).run(on_step)
    return out
