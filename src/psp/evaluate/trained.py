"""Opening of trained models, from finished runs or files, and of finished runs with their data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from jaxtyping import Int64

from psp.batches.loader import SampleMaker
from psp.dataset.store import Store
from psp.errors import CheckpointError, ConfigError
from psp.methods import METHODS
from psp.methods.base import Setting
from psp.model.model_file import TrainedModel, load_model
from psp.model.pyramid_head import PyramidHead
from psp.train.checkpoint import load_checkpoint, under
from psp.train.config import method_name
from psp.train.device import device_by_name
from psp.train.run_folder import RunFolder, StoredRun, Task, open_run

Weights = Literal["average", "last"]


def open_model(path: Path | str, weights: Weights = "average", device: torch.device | str = "cpu") -> TrainedModel:
    """Return the model of a finished run (a folder) or of a model file, in evaluation mode.

    `weights` chooses the `average` or `last` weights of a run. Other paths raise CheckpointError.
    """
    path = Path(path)
    if not path.exists():
        remedy = "Name a folder written by 'psp train' or a model.safetensors."
        raise CheckpointError("there is no such file or folder.", where=str(path), remedy=remedy)
    file = RunFolder(path).model(weights) if path.is_dir() else path
    if not file.exists():
        open_run(path).require_finished()
    model = load_model(file)
    model.predictor.to(device_by_name(device) if isinstance(device, str) else device)
    return model


@dataclass(frozen=True, eq=False)
class TrainedRun:
    """A finished run: its model, its store with split and labels, and a maker of samples of the store's clips."""

    stored: StoredRun
    task: Task
    model: TrainedModel
    maker: SampleMaker
    weights: Weights

    @property
    def store(self) -> Store:
        """The data set that the run was trained on."""
        return self.task.store

    def test_index(self, name: str = "full") -> Int64[np.ndarray, "s"]:
        """Return the clip indices of a test set of the split."""
        return self.task.split.test_index(self.store, name)

    @cached_property
    def heads(self) -> Mapping[str, PyramidHead]:
        """The trained contrastive head of every contrasted modality, with the same kind of weights as the model.

        Model files do not contain heads, so they are read from the last checkpoint of the run.
        """
        config, store = self.stored.config, self.store
        setting = Setting(
            store.layout, len(self.model.interface.classes), len(store), config.data.resample.frames,
            config.model, config.runtime.memory, config.last.batch,
        )  # fmt: skip
        with torch.random.fork_rng(()):
            method = METHODS[method_name(config.last.method)](config.last.method, setting)
        found = load_checkpoint(self.stored.folder.checkpoints)
        if found is None:
            remedy = "Restore the folder 'checkpoints' of the run."
            raise CheckpointError("the run has no checkpoint.", where=str(self.stored.folder.path), remedy=remedy)
        method.load_state_dict(under("method.", found[0]))
        if self.weights == "average":
            method.load_state_dict(under("ema.", found[0]), strict=False)
        method.to(self.maker.device).eval().requires_grad_(False)
        return method.pyramid_heads()


def open_trained(
    path: Path | str, store_path: Path | str | None = None, weights: Weights = "average", device: str = "auto"
) -> TrainedRun:
    """Return a finished run with its `average` or `last` weights; `store_path` is needed only if the store has moved.

    A run that is not finished, or another store than that of the run, raises CheckpointError.
    """
    stored, target = open_run(Path(path)), device_by_name(device)
    stored.require_finished()
    task = stored.task(None if store_path is None else Path(store_path))
    model = open_model(path, weights, target)
    maker = SampleMaker(task.store, model.interface.data, target, persons=model.interface.persons)
    return TrainedRun(stored, task, model, maker, weights)


def index_of_ids(store: Store, ids: Sequence[str]) -> Int64[np.ndarray, "s"]:
    """Return the clip indices of ids; an unknown one raises ConfigError."""
    index = store.clips.indices_of(ids)
    for name in np.asarray(ids, dtype=str)[index < 0][:1]:
        remedy = f"Use ids of the store, for example {store.clips.id[0]}."
        raise ConfigError(f"there is no clip {str(name)!r}.", where=str(store.path), remedy=remedy)
    return index
