"""A run: its stages are trained one after the other, with checkpoints from which it can be resumed."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

from psp.batches.loader import SampleMaker
from psp.distributed import Ranks
from psp.errors import ConfigError
from psp.files import destination_lock
from psp.methods import METHODS
from psp.methods.base import Method, Setting
from psp.model.backbone import Backbone
from psp.model.model_file import Interface, TrainedModel, interface_of, is_model, load_model
from psp.train.checkpoint import load_checkpoint, save_checkpoint
from psp.train.config import Stage, TrainConfig, method_name
from psp.train.device import compile_encoders, device_by_name, process_settings
from psp.train.ema import averaged_predictor
from psp.train.interrupt import Interrupt
from psp.train.logging import Reading, RunLogs
from psp.train.made_weights import MADE, made_state
from psp.train.nan_guard import refusal
from psp.train.needs import require_disk_of_run, require_memory_of_step, require_memory_of_weights
from psp.train.run_files import has_result
from psp.train.run_folder import RunFolder, Task, provenance, write_result
from psp.train.state import random_state, restore, set_random_state, state_of
from psp.train.trainer import NotFiniteError, Progress, Trainer, TrainingData

OnStep = Callable[[Progress], None]
OnEpoch = Callable[["Run"], None]
OnLog = Callable[[int, Mapping[str, float]], None]
"""A function called with the step, from 1 over all stages, and the values that are written to the logs of a run."""


class Run:
    """One training of a task, in memory or, with a `folder`, saved there.

    `compile` asks for compiled encoders; `compiled` says whether they were compiled.
    """

    def __init__(
        self, task: Task, config: TrainConfig, folder: RunFolder | None, device: str = "auto", compile: bool = False
    ) -> None:
        if compile and config.runtime.memory.recompute:
            what = "a compiled encoder cannot be recomputed."
            remedy = "Use runtime.memory.chunk instead, or do not compile."
            raise ConfigError(what, where="runtime.memory.recompute", remedy=remedy)
        self.task, self.config, self.folder, self.compile = task, config, folder, compile
        self.ranks = Ranks(device_by_name(device))
        self.compiled = False
        dtype = torch.float64 if config.runtime.precision == "float64" else torch.float32
        confidence = any(METHODS[method_name(stage.method)].uses_confidence for stage in config.stages)
        maker = SampleMaker(task.store, config.data, self.ranks.device, dtype=dtype, confidence=confidence)
        self.data = _training_data(task, maker)
        self.number, self.seconds, self._before = 0, 0.0, 0
        self.machines: list[Any] = []
        is_new = folder is None or load_checkpoint(folder.checkpoints) is None
        self.trainer = self._stage(0, is_new)

    @property
    def step(self) -> int:
        """The number of finished steps, of all stages."""
        return self._before + self.trainer.step

    @property
    def stage(self) -> Stage:
        """The present stage."""
        return self.config.stages[self.number]

    @property
    def finished(self) -> bool:
        """Whether the last step of the last stage is finished."""
        return self.number == len(self.config.stages) - 1 and self.trainer.step == self.trainer.steps

    def train(
        self,
        on_step: OnStep | None = None,
        on_epoch: OnEpoch | None = None,
        checkpoint_seconds: float = 60.0,
        handle_signals: bool = True,
        on_log: OnLog | None = None,
    ) -> int | None:
        """Train to the end and return None, or the number of the signal that ended the run after its state was saved.

        `on_step` is called after every step, `on_epoch` after every epoch, `on_log` with the loss, the metrics and the
        speed whenever they are logged (every `runtime.log_every` steps, on rank 0).
        The run folder is locked meanwhile: DestinationError if another process writes it. With `handle_signals` SIGINT
        and SIGTERM end the run after the present step. Random state, TF32 flags and signal handlers are restored.
        """
        with ExitStack() as stack:
            stack.enter_context(process_settings(self.config.runtime.precision))
            interrupt = stack.enter_context(Interrupt()) if handle_signals else None
            if self.folder and self.ranks.is_main:
                stack.enter_context(destination_lock(self.folder.path))
            self._resume(stack)
            watch = _Watch(self, on_step, interrupt, checkpoint_seconds)
            epoch = None if on_epoch is None else lambda _: on_epoch(self)
            while not watch.signal and not self.finished:
                try:
                    self.trainer.run(watch, epoch, partial(self._log, on_log))
                except NotFiniteError as error:
                    batches = self.trainer.loader.step(error.failure.step - 1).values()
                    failure = replace(error.failure, step=self._before + error.failure.step)
                    raise refusal(failure, batches, self.task.store, self.folder, self.ranks.index) from error
                self._save()
                if not watch.signal and not self.finished:
                    self._next_stage()
            self._finish()
        return None if self.finished else watch.signal or None

    def model(self, weights: str = "average") -> TrainedModel:
        """Return the trained model with its `average` or `last` weights, in evaluation mode."""
        trainer, predictor = self.trainer, self.trainer.method.predictor()
        if predictor is None:
            what = f"the method {method_name(self.stage.method)} trains no predictor."
            raise ConfigError(what, where="stages", remedy="Add a stage that does, for example supervised.")
        if weights == "average":
            averaged = averaged_predictor(trainer.ema, trainer.method, predictor)
            assert averaged is not None
            predictor = averaged
        return TrainedModel(predictor.eval(), self.interface())

    def interface(self) -> Interface:
        """Return the interface of the trained model: its input and output."""
        facts = {"dataset": self.task.store.dataset, "config hash": self.config.hash}
        facts |= {"labels hash": self.task.labels.hash, "split": self.task.split.name}
        whole = interface_of(self.task.store, self.config.data, self.data.maker.persons, facts)
        return replace(whole, classes=self.task.classes)

    def findings(self) -> dict[str, list[str]]:
        """Return the ids of the clips that the method found, by the name of the finding."""
        ids = self.task.store.clips.id
        return {
            what: sorted(str(ids[clip]) for clip in clips) for what, clips in self.trainer.method.findings().items()
        }

    def _stage(self, number: int, is_new: bool, backbone: Mapping[str, Tensor] | None = None) -> Trainer:
        """Return the trainer of a stage at step 0; if not `is_new`, a checkpoint will be loaded into it."""
        stage, store, config = self.config.stages[number], self.task.store, self.config
        setting = Setting(
            store.layout, len(self.task.classes), len(store), config.data.resample.frames,
            config.model, config.runtime.memory, stage.batch,
        )  # fmt: skip
        require_memory_of_weights(setting, self.ranks.device)
        with process_settings(config.runtime.precision):
            torch.manual_seed(config.seed)
            method = METHODS[method_name(stage.method)](stage.method, setting)
            self._random = random_state()
        require_memory_of_step(method, setting, self.data.maker.persons, self.ranks.device)
        if is_new and self.folder:
            require_disk_of_run(method, self.folder)
        if is_new:
            _initialise(method, stage, backbone, self.task.classes)
        if config.runtime.precision == "float64":
            method.double()
        method.to(self.ranks.device)
        self.compiled = self.compile and compile_encoders(method)
        return Trainer(method, stage, self.data, config.runtime, config.seed, self.ranks)

    def _next_stage(self) -> None:
        trainer = self.trainer
        backbone = trainer.ema.averaged(trainer.method.backbone(), trainer.method).state_dict()
        self.seconds += trainer.meter.seconds
        self._before += trainer.steps
        self.number += 1
        self.trainer = self._stage(self.number, True, backbone)
        set_random_state(self._random)

    def _resume(self, stack: ExitStack) -> None:
        found = load_checkpoint(self.folder.checkpoints) if self.folder else None
        positions, machines = {}, []
        if found is None:
            set_random_state(self._random)
        else:
            tensors, facts = found
            self.number, self.seconds, self._before = facts["stage"], facts["seconds before"], facts["steps before"]
            self.trainer = self._stage(self.number, False) if self.number else self.trainer
            restore(self.trainer, tensors)
            self.trainer.step = facts["step"] - self._before
            self.trainer.meter.at(self.trainer.step, facts["seconds"])
            positions, machines = facts["logs"], facts["machines"]
        here = provenance(self.ranks.device, self.config, self.compiled)
        has_work = not machines or (not self.finished and machines[-1] != here)
        self.machines = [*machines, here] if has_work else machines
        self.ranks.wait()
        self.logs: RunLogs | None = None
        if self.folder and self.ranks.is_main:
            self.logs = RunLogs(self.folder.metrics, self.folder.timing, positions)
            stack.callback(self.logs.close)
        if found is None:
            self._save()

    def _save(self) -> None:
        """Write a checkpoint, on rank 0; the trainer must have been read at the present step."""
        if self.folder and self.logs:
            trainer = self.trainer
            facts = {"logs": self.logs.positions(), "seconds": trainer.meter.seconds, "machines": self.machines}
            facts |= {"stage": self.number, "steps before": self._before, "seconds before": self.seconds}
            save_checkpoint(self.folder.checkpoints, self.step, state_of(trainer), facts)
        self.trainer.meter.restart()

    def _log(self, on_log: OnLog | None, now: Reading) -> None:
        step = self._before + now.step
        if self.logs:
            stage = {"stage": self.stage.name} if len(self.config.stages) > 1 else {}
            self.logs.metrics.write(step=step, **stage, loss=now.loss, **now.metrics)
            seconds = self.seconds + self.trainer.meter.seconds
            self.logs.timing.write(step=step, seconds=seconds, clips_per_second=now.clips_per_second)
        if on_log and self.ranks.is_main:
            on_log(step, {"loss": now.loss, **now.metrics, "clips_per_second": now.clips_per_second})

    def _finish(self) -> None:
        """Write the models and the result if the run is finished and they are missing or damaged."""
        folder = self.folder if self.ranks.is_main and self.finished else None
        for weights in ("last", "average"):
            if folder and not (folder.result.exists() and is_model(folder.model(weights))):
                self.model(weights).save(folder.model(weights))
        if folder and not has_result(folder.result):
            predictor = self.model().predictor
            outcome = {
                "steps": self._before + self.trainer.steps,
                "seconds": round(self.seconds + self.trainer.meter.seconds, 1),
                "parameters": sum(weight.numel() for weight in predictor.parameters()),
                **self.findings(),
            }
            write_result(folder, self.config, self.task, outcome, self.machines)
        self.ranks.wait()


class _Watch:
    """The callback after every step: it reports the step, shares signals among ranks and saves checkpoints."""

    def __init__(self, run: Run, on_step: OnStep | None, interrupt: Interrupt | None, seconds: float) -> None:
        self.run, self.on_step, self.interrupt, self.seconds = run, on_step, interrupt, seconds
        self.saved, self.signal = time.monotonic(), 0

    def __call__(self, now: Progress) -> bool:
        """Return whether to stop after this step."""
        if self.on_step:
            self.on_step(now)
        run = self.run
        is_due = run.folder is not None and time.monotonic() - self.saved >= self.seconds
        noted = self.interrupt.signal if self.interrupt else None
        self.signal, due = run.ranks.largest(noted or 0, int(is_due and run.ranks.is_main))
        if self.signal or due:
            run.trainer.read()
        if due:
            run._save()
            self.saved = time.monotonic()
        return bool(self.signal)


def _training_data(task: Task, maker: SampleMaker) -> TrainingData:
    """Return the clips of the split with only the labels of the budget, as indices of the task's classes."""
    store = task.store
    labelled, values = task.labels.resolve(store, task.split)
    labels = np.full(len(store), -1, dtype=np.int64)
    labels[labelled] = np.unique(values, return_inverse=True)[1]
    return TrainingData(maker, labelled, task.split.train_index(store), labels)


def _initialise(method: Method, stage: Stage, backbone: Mapping[str, Tensor] | None, classes: Sequence[str]) -> None:
    if stage.initialise == "backbone" and backbone is not None:
        method.load_backbone(backbone)
    elif stage.initialise.startswith(MADE):
        own = cast(Backbone, method.backbone())
        method.load_backbone({**own.state_dict(), **made_state(stage.initialise, own.modalities)})
    elif stage.initialise not in ("scratch", "backbone"):
        model, predictor = load_model(Path(stage.initialise)), method.predictor()
        method.load_backbone(model.predictor.backbone.state_dict())
        if predictor is not None and model.interface.classes == classes:
            predictor.load_state_dict(model.predictor.state_dict())
