"""Pre-training of encoders on generated recordings: they learn to recognise random actions of simulated bodies."""

import tempfile
from dataclasses import dataclass
from pathlib import Path

from psp.config.ranges import require
from psp.dataset.build import Progress, prepare
from psp.dataset.store import open_store
from psp.errors import ConfigError
from psp.io.formats.synthetic import SyntheticReader
from psp.synthetic import SyntheticConfig
from psp.synthetic.body import joints_on_body
from psp.train.api import make_task
from psp.train.config import TrainConfig, changed
from psp.train.made_weights import Kind, keep_weights, kept_folder
from psp.train.presets import best, facts_of, restricted, with_method
from psp.train.run import OnStep, Run
from psp.train.run_folder import Task

LEAST = {"actions": 2, "subjects": 1, "cameras": 1, "epochs": 1, "batch": 2, "seed": 0}
"""The smallest value of each setting."""


@dataclass(frozen=True)
class PretrainConfig:
    """How encoders are pre-trained.

    Args:
        actions: number of random actions, which are the classes
        subjects: number of subjects, each of whom performs every action once
        cameras: number of cameras, each of which records every performance
        epochs: passes over all clips
        batch: clips of a step
        seed: seed of the recordings and of training
    """

    actions: int = 200
    subjects: int = 20
    cameras: int = 3
    epochs: int = 6
    batch: int = 48
    seed: int = 11

    def __post_init__(self) -> None:
        for name, least in LEAST.items():
            require(getattr(self, name) >= least, name, getattr(self, name), f"{least} or more")


def pretrain(
    kind: Kind,
    config: PretrainConfig = PretrainConfig(),
    folder: Path | None = None,
    device: str = "auto",
    on_progress: Progress | None = None,
    on_step: OnStep | None = None,
    handle_signals: bool = False,
) -> Path:
    """Pre-train the encoders of preset `best` for a kind of recordings and return the file of their weights.

    It is written in `folder`, by default where `psp train` finds it. `on_progress` is called while recordings are
    generated, `on_step` after every step of training. ConfigError for a layout that is not of the human body.
    """
    with tempfile.TemporaryDirectory() as temporary:
        store = Path(temporary) / "store"
        prepare(_recordings(kind, config), store, normalise=kind.normalise, on_progress=on_progress)
        task = make_task(open_store(store), "all", "none")
        facts = facts_of(task)
        whole = restricted(with_method(best(facts), "multi-stream-supervised"), facts)
        batch = {"labelled": config.batch, "unlabelled": config.batch}
        run = Run(task, changed(whole, {"epochs": config.epochs, "batch": batch, "seed": config.seed}), None, device)
        signal = run.train(on_step, handle_signals=handle_signals)
        if signal is not None:
            raise KeyboardInterrupt
        return keep_weights(run.model(), kind, folder or kept_folder())


def can_be_pretrained(config: TrainConfig, task: Task) -> bool:
    """Return whether `pretrain` can make encoders that a training would start from."""
    usual = best(facts_of(task))
    try:
        joints_on_body(task.store.layout)
    except ConfigError:
        return False
    alike = (config.model.networks, config.model.encoder) == (usual.model.networks, usual.model.encoder)
    return alike and set(config.stages[0].method.modalities) <= set(usual.last.method.modalities)


def _recordings(kind: Kind, config: PretrainConfig) -> SyntheticReader:
    """Return the generated recordings, only those of random actions."""
    made = SyntheticConfig(
        kind.layout, 2 if kind.channels == 2 else 3, config.actions * config.subjects * config.cameras, config.seed,
        config.subjects, config.cameras, named=False, random_actions=config.actions,
    )  # fmt: skip
    return SyntheticReader(made, turned_up=kind.up)
