"""Starting and resuming runs: the entry point for programs."""

from dataclasses import replace
from os import PathLike
from pathlib import Path

from psp.dataset.labels import LabelBudget, resolve_labels
from psp.dataset.split import Split, resolve_split
from psp.dataset.store import Store, open_store
from psp.files import destination_lock
from psp.model.encoder import Size
from psp.train.config import TrainConfig, rescheduled
from psp.train.interrupt import Interrupted
from psp.train.presets import PRESETS, USUAL_SIZE, PresetName, facts_of, restricted, with_method
from psp.train.run import OnStep, Run
from psp.train.run_folder import RunFolder, Task, create_run, open_run

AnyPath = str | PathLike[str]


def make_task(
    store: Store | AnyPath,
    labels: str | Path | LabelBudget = "5/class",
    split: str | Path | Split | None = None,
    labels_seed: int = 0,
) -> Task:
    """Return a task: a store with its split and the labels that may be used, each resolved once.

    `labels` is 5/class, 5%, all, a CSV file or a LabelBudget; `split` a benchmark, subject, fraction=0.3, kfold=5/0, a
    file, a Split, or None for the default of the store.
    """
    opened = store if isinstance(store, Store) else open_store(store)
    parts = resolve_split(split, opened)
    return Task(opened, parts, resolve_labels(labels, opened, parts, labels_seed))


def preset_config(
    task: Task,
    preset: PresetName = "best",
    *,
    method: str | None = None,
    size: Size | None = None,
    epochs: int | None = None,
    seed: int = 0,
) -> TrainConfig:
    """Return the configuration of a preset for a task, optionally with another method, size or length.

    `epochs` is that of every stage; warm-up and milestones move in proportion.
    """
    facts = facts_of(task)
    config = restricted(with_method(PRESETS[preset](facts, size or USUAL_SIZE[preset]), method), facts)
    if epochs is not None:
        config = replace(config, stages=tuple(rescheduled(stage, epochs) for stage in config.stages))
    return replace(config, seed=seed)


def start_run(task: Task, config: TrainConfig, out: AnyPath, device: str = "auto", compile: bool = False) -> Run:
    """Create the run folder `out` and return a run at step 0.

    The folder is written last, so that none stays behind when anything else fails; DestinationError if it exists or if
    another process writes it.
    """
    folder = RunFolder(Path(out))
    run = Run(task, config, folder, device, compile)
    if run.ranks.is_main:
        with destination_lock(folder.path):
            create_run(folder.path, config, task)
    run.ranks.wait()
    return run


def resume_run(path: AnyPath, store_path: AnyPath | None = None, device: str = "auto", compile: bool = False) -> Run:
    """Return a run that continues from its last checkpoint; `store_path` only if the store has moved."""
    stored = open_run(Path(path))
    task = stored.task(None if store_path is None else Path(store_path))
    return Run(task, stored.config, stored.folder, device, compile)


def train_run(task: Task, config: TrainConfig, out: AnyPath, on_step: OnStep | None = None) -> Path:
    """Train from beginning to end and return the run folder.

    Ctrl-C and SIGTERM end it with Interrupted, a KeyboardInterrupt, its state saved: `resume_run` continues it.
    """
    run = start_run(task, config, out)
    signal = run.train(on_step)
    if signal is not None:
        raise Interrupted(signal)
    return Path(out)
