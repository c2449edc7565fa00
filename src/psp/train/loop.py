"""The training loop: draw, compute, check, step, average, log; and save whenever it may have to stop."""

import copy
import math
import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace

import torch

from psp.batches.loader import Batch, Batches, Draw, stream
from psp.dataset.labels import LabelBudget
from psp.batches.prefetch import Feed
from psp.dataset.split import protocol_by_name, split_store
from psp.dataset.store import Store
from psp.errors import ConfigError
from psp.methods.method import StepResult
from psp.methods.methods import METHODS
from psp.model.streams import Network, make_network
from psp.model.weights import save_network
from psp.train.allocator import keep_freed_memory
from psp.train.average import WeightAverage
from psp.train.compiled import compile_encoder
from psp.train.config import TrainConfig
from psp.train.device import allow_tf32, mixed_precision
from psp.train.doubt import FIRST_OPINION
from psp.train.finite import FiniteGuard, refuse
from psp.train.interrupt import Interrupt
from psp.train.ledger import LabelLedger
from psp.train.log import RunLogs
from psp.train.meter import Meter, Reading
from psp.train.optim import learning_rate, make_optimiser, step_unless
from psp.train.ranks import Ranks
from psp.train.result import provenance, write_result
from psp.train.run import RunFolder, training_alone
from psp.train.schedule import steps_per_epoch, unlabelled_clips
from psp.train.state import collect, load_checkpoint, random_state, restore, save_checkpoint, set_random_state
from psp.train.teacher import Teacher


@dataclass(frozen=True)
class Progress:
    """Where a run stands after a step; objective, accuracy and times are those of the last step that was read."""

    step: int
    steps: int
    epoch: int
    objective: float
    accuracy: float
    clips_per_second: float
    seconds_left: float


class Trainer:
    """One run, from its first or its last saved step to its end.

    `compile` asks for a compiled encoder; `compiled` tells whether this machine could make one.
    """

    def __init__(
        self,
        folder: RunFolder,
        config: TrainConfig,
        store: Store,
        budget: LabelBudget,
        device: str = "auto",
        compile: bool = False,
    ) -> None:
        self.folder, self.config, self.store, self.budget = folder, config, store, budget
        self.ranks = Ranks(device)
        allow_tf32(config.precision)
        if self.ranks.device.type == "cpu":
            keep_freed_memory()
        self.method = METHODS[config.method]
        self._make_network()
        if compile and config.memory.recompute:
            what = "a compiled encoder cannot be computed a second time."
            raise ConfigError(what, where="memory.recompute", remedy="Use memory.chunk, or do not compile.")
        self.compiled = compile and compile_encoder(self.network)
        self._make_streams()
        self.guard = FiniteGuard(self.ranks.device)
        self.step = 0
        self.reading: Reading | None = None

    def run(
        self,
        on_step: Callable[[Progress], None] | None = None,
        on_epoch: Callable[["Trainer"], None] | None = None,
        checkpoint_seconds: float = 60.0,
    ) -> int | None:
        """Train to the end; returns None, or the number of the signal that ended the run early, its state saved.

        TrainingError if another process is training this run.
        """
        with training_alone(self.folder) if self.ranks.is_main else nullcontext():
            self._resume()
            try:
                return self._train(on_step, on_epoch, checkpoint_seconds)
            finally:
                if self.ranks.is_main:
                    self.logs.close()

    def _train(
        self,
        on_step: Callable[[Progress], None] | None,
        on_epoch: Callable[["Trainer"], None] | None,
        checkpoint_seconds: float,
    ) -> int | None:
        with Interrupt() as interrupt, self.feed:
            saved, signal = time.monotonic(), 0
            while self.step < self.steps and not signal:
                ends_epoch = on_epoch is not None and (self.step + 1) % self.steps_per_epoch == 0
                result = self._train_step(read=ends_epoch)
                if on_epoch and ends_epoch:
                    on_epoch(self)
                    self.meter.restart()
                if on_step:
                    on_step(self._progress())
                is_due = time.monotonic() - saved >= checkpoint_seconds
                signal, due = self.ranks.largest(interrupt.signal or 0, int(is_due and self.ranks.is_main))
                if signal or due:
                    self._read(result)
                if due:
                    self._save()
                    saved = time.monotonic()
            self._finish()
        return signal if self.step < self.steps else None

    def _make_network(self) -> None:
        torch.manual_seed(self.config.seed)
        frames = self.config.data.sample.frames
        views = len(self.method.views)
        network = make_network(self.store.layout, frames, len(self.store.classes), self.config.model, views)
        self.network = network.to(self.ranks.device)
        self.optimiser = make_optimiser(self.network, self.config.optim)
        self.average = WeightAverage(self.network, self.config.average)
        self.random = random_state()

    def _make_streams(self) -> None:
        config = self.config
        self.ranks.check(config.labelled_batch, *[config.unlabelled_batch] * self.method.uses_unlabelled)
        protocol = protocol_by_name(config.protocol)
        train = split_store(protocol, self.store).train
        labelled = self.budget.rows(protocol, self.store.clips, train)
        self.ledger = LabelLedger(self.store, labelled)
        self.unlabelled_clips = unlabelled_clips(config, train, labelled)
        self.steps_per_epoch = steps_per_epoch(config, len(self.unlabelled_clips))
        self.steps = config.epochs * self.steps_per_epoch
        self.labelled = stream(self.store, labelled, config.labelled_batch, config.seed, "labelled")
        self.unlabelled = stream(self.store, self.unlabelled_clips, config.unlabelled_batch, config.seed, "unlabelled")
        batches = Batches(self.store, self.method.views, config.data, self.ranks.device)
        self.feed = Feed(batches, self._draws)
        self.teacher: Teacher | None = None
        if config.has_teacher:
            known = (self.unlabelled_clips, labelled, config.spread, config.precision, config.doubt)
            self.teacher = Teacher(self.network, self.average.state, batches, *known)

    def _train_step(self, read: bool = False) -> StepResult:
        """Take a step; its numbers are waited for only if it is the first, is logged or is to be read."""
        result = self._step_of_algorithm_1()
        self.step += 1
        logged = self.step % self.config.log_every == 0 or self.step == self.steps
        if logged or read or self.reading is None:
            reading = self._read(result)
            if logged and self.ranks.is_main:
                self._log(reading)
        return result

    def _read(self, result: StepResult) -> Reading:
        """Wait for the device; TrainingError if a loss or gradient since the last reading was not finite."""
        self.reading = self.meter.read(result, self.step)
        failure = self.guard.failure()
        if failure:
            refuse(failure, self._draw_batches(failure.step - 1), self.store, self.folder, self.ranks.index)
        return self.reading

    def _progress(self) -> Progress:
        assert self.reading is not None
        return Progress(
            step=self.step,
            steps=self.steps,
            epoch=(self.step - 1) // self.steps_per_epoch + 1,
            objective=self.reading.objective,
            accuracy=self.reading.accuracy,
            clips_per_second=self.reading.clips_per_second,
            seconds_left=self.meter.seconds / self.reading.step * (self.steps - self.step),
        )

    def _log(self, now: Reading) -> None:
        self.logs.metrics.write(step=now.step, objective=now.objective, **now.parts, accuracy=now.accuracy)
        self.logs.timing.write(step=now.step, seconds=self.meter.seconds, clips_per_second=now.clips_per_second)

    def _step_of_algorithm_1(self) -> StepResult:
        """One iteration of the paper's algorithm; nothing here waits for the device."""
        config = self.config
        rate = learning_rate(config.optim, self.step / self.steps_per_epoch, config.epochs)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        if self.teacher and self.step % self.steps_per_epoch == 0:
            if self.step >= self._first_taught:
                self.teacher.look()
                self.ledger.note(self.teacher.known)
            elif config.doubt and self.step >= FIRST_OPINION * self.steps_per_epoch:
                self.teacher.form_opinion()
        labelled, unlabelled = self._draw_batches(self.step)
        self.network.train()
        with mixed_precision(config.precision, self.ranks.device):
            result = self.method.step(self.network, labelled, unlabelled, config.objective, config.memory)
        self.optimiser.zero_grad()
        result.objective.backward()
        self.ranks.average_gradients(self.network)
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), config.optim.clip_norm or float("inf"))
        step_unless(self.optimiser, self.guard.watch(result.objective, norm, self.step + 1))
        self.average.update(self.step)
        return result

    def _draws(self, step: int) -> list[Draw]:
        streams = [self.labelled, self.unlabelled] if self.method.uses_unlabelled else [self.labelled]
        return [self.ranks.share(each.draw(step)) for each in streams]

    def _draw_batches(self, step: int) -> tuple[Batch, Batch | None]:
        self.ledger.note(self.labelled.draw(step).clips)
        labelled, *others = self.feed.take(step)
        unlabelled = others[0].without_labels() if others else None
        if unlabelled is None or self.teacher is None or step < self._first_taught:
            return labelled, unlabelled
        labelled = replace(labelled, labels=self.teacher.labels_of(labelled.clips))
        return labelled, replace(unlabelled, beliefs=self.teacher.about(unlabelled.clips))

    @property
    def _first_taught(self) -> int:
        epochs = round(self.config.teach_after * self.config.epochs, 9)  # 0.28 of 50 is 14, not a little more
        return math.ceil(epochs) * self.steps_per_epoch

    @property
    def doubted(self) -> list[str]:
        """The ids of the clips whose labels are not learnt any more."""
        return sorted(str(self.store.clips.id[clip]) for clip in self.teacher.doubted()) if self.teacher else []

    def averaged_network(self) -> Network:
        """A copy of the network with the averaged weights."""
        network = copy.deepcopy(self.network)
        network.load_state_dict(self.average.state)
        return network

    def _resume(self) -> None:
        found = load_checkpoint(self.folder.checkpoints)
        positions, seconds, machines = {}, 0.0, []
        if found is None:
            set_random_state(self.random)
        else:
            tensors, facts = found
            restore(tensors, self.network, self.optimiser, self.average)
            self.ledger.restore(facts["labelled"])
            if self.teacher:
                self.teacher.load(tensors, has_taught=facts["step"] > self._first_taught)
            self.step, seconds, positions = facts["step"], facts["seconds"], facts["logs"]
            machines = facts.get("machines", [])
        here = provenance(self.ranks.device, self.config.precision, self.compiled)
        has_work = not machines or (self.step < self.steps and machines[-1] != here)
        self.machines = [*machines, here] if has_work else machines
        clips = self.config.labelled_batch + self.config.unlabelled_batch * self.method.uses_unlabelled
        self.meter = Meter(clips, self.step, seconds)
        self.ranks.wait()
        if self.ranks.is_main:
            self.logs = RunLogs(self.folder.metrics, self.folder.timing, positions)
        self._save()

    def _save(self) -> None:
        """Write a checkpoint, on rank 0; the numbers of all steps must have been read."""
        if self.ranks.is_main:
            facts = {"logs": self.logs.positions(), "seconds": self.meter.seconds, "labelled": self.ledger.used()}
            facts |= {"machines": self.machines}
            state = collect(self.network, self.optimiser, self.average)
            state |= self.teacher.state() if self.teacher else {}
            save_checkpoint(self.folder.checkpoints, self.step, state, facts)
        self.meter.restart()

    def _finish(self) -> None:
        """Save the state, and at the end of the training its weights and its result, once."""
        self._save()
        if self.ranks.is_main and self.step == self.steps and not self.folder.result.exists():
            save_network(self.folder.weights("last"), self.network)
            save_network(self.folder.weights("average"), self.network, self.average.state)
            facts = (self.ledger.used(), self.doubted, self.steps, self.meter.seconds, self.machines)
            write_result(self.folder, self.config, self.budget, *facts, self.network)
        self.ranks.wait()
