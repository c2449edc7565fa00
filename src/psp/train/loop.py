"""The training loop: draw, compute, check, step, average, log; and save whenever it may have to stop."""

import copy
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from psp.data.batches import Batch, Batches, stream
from psp.data.budget import LabelBudget
from psp.data.split import protocol_by_name, split_store
from psp.data.store import Store
from psp.methods.method import StepResult
from psp.methods.methods import METHODS
from psp.model.psp import PSPNetwork
from psp.model.weights import save_network
from psp.train.average import WeightAverage
from psp.train.config import TrainConfig
from psp.train.finite import refuse_non_finite
from psp.train.interrupt import Interrupt
from psp.train.ledger import LabelLedger
from psp.train.log import RunLogs
from psp.train.optim import learning_rate, make_optimiser
from psp.train.ranks import Ranks
from psp.train.result import write_result
from psp.train.run import RunFolder
from psp.train.state import collect, load_checkpoint, restore, save_checkpoint


@dataclass(frozen=True)
class Progress:
    """Where a run stands after a step."""

    step: int
    steps: int
    epoch: int
    objective: float
    accuracy: float
    clips_per_second: float
    seconds_left: float


class Trainer:
    """One run, from its first or its last saved step to its end."""

    def __init__(
        self, folder: RunFolder, config: TrainConfig, store: Store, budget: LabelBudget, device: str = "auto"
    ) -> None:
        self.folder, self.config, self.store, self.budget = folder, config, store, budget
        self.ranks = Ranks(device)
        self.method = METHODS[config.method]
        self._make_network()
        self._make_streams()
        self.step, self.seconds = 0, 0.0

    def run(
        self,
        on_step: Callable[[Progress], None] | None = None,
        on_epoch: Callable[["Trainer"], None] | None = None,
        checkpoint_seconds: float = 60.0,
    ) -> int | None:
        """Train to the end; returns None, or the number of the signal that ended the run early, its state saved."""
        self._resume()
        with Interrupt() as interrupt:
            saved, signal = time.monotonic(), None
            while self.step < self.steps and signal is None:
                progress = self._timed_step()
                if on_epoch and self.step % self.steps_per_epoch == 0:
                    on_epoch(self)
                if on_step:
                    on_step(progress)
                signal = self.ranks.signal(interrupt.signal)
                if time.monotonic() - saved >= checkpoint_seconds and self.ranks.is_main:
                    self._save()
                    saved = time.monotonic()
            self._finish()
        return signal if self.step < self.steps else None

    def _make_network(self) -> None:
        torch.manual_seed(self.config.seed)
        frames = self.config.data.sample.frames
        network = PSPNetwork(self.store.layout, frames, len(self.store.classes), self.config.model)
        self.network = network.to(self.ranks.device)
        self.optimiser = make_optimiser(self.network, self.config.optim)
        self.average = WeightAverage(self.network, self.config.average)

    def _make_streams(self) -> None:
        config = self.config
        self.ranks.check(config.labelled_batch, config.unlabelled_batch)
        protocol = protocol_by_name(config.protocol)
        train = split_store(protocol, self.store).train
        labelled = self.budget.rows(protocol, self.store.clips, train)
        self.ledger = LabelLedger(self.store, labelled)
        rest = train if config.labelled_as_unlabelled else np.setdiff1d(train, labelled)
        self.unlabelled_clips = rest if len(rest) else train
        self.steps_per_epoch = config.steps or -(-len(self.unlabelled_clips) // config.unlabelled_batch)
        self.steps = config.epochs * self.steps_per_epoch
        self.labelled = stream(self.store, labelled, config.labelled_batch, config.seed, "labelled")
        self.unlabelled = stream(self.store, self.unlabelled_clips, config.unlabelled_batch, config.seed, "unlabelled")
        self.batches = Batches(self.store, self.method.views, config.data, self.ranks.device)

    def _timed_step(self) -> Progress:
        begun = time.monotonic()
        result, labelled = self._train_step()
        seconds = time.monotonic() - begun
        self.step += 1
        self.seconds += seconds
        progress = self._progress(result, labelled, seconds)
        if self.ranks.is_main and (self.step % self.config.log_every == 0 or self.step == self.steps):
            self._log(progress, result)
        return progress

    def _progress(self, result: StepResult, labelled: Batch, seconds: float) -> Progress:
        clips = self.config.labelled_batch + self.config.unlabelled_batch * self.method.uses_unlabelled
        return Progress(
            step=self.step,
            steps=self.steps,
            epoch=(self.step - 1) // self.steps_per_epoch + 1,
            objective=float(result.objective.detach()),
            accuracy=float((result.logits.argmax(dim=1) == labelled.labels).float().mean()),
            clips_per_second=clips / max(seconds, 1e-9),
            seconds_left=self.seconds / self.step * (self.steps - self.step),
        )

    def _log(self, now: Progress, result: StepResult) -> None:
        parts = {name: float(value.detach()) for name, value in result.parts.items()}
        self.logs.metrics.write(step=now.step, objective=now.objective, **parts, accuracy=now.accuracy)
        self.logs.timing.write(step=now.step, seconds=self.seconds, clips_per_second=now.clips_per_second)

    def _train_step(self) -> tuple[StepResult, Batch]:
        """Algorithm 1 of the paper, one iteration."""
        rate = learning_rate(self.config.optim, self.step / self.steps_per_epoch, self.config.epochs)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        labelled, unlabelled = self._draw_batches()
        self.network.train()
        with torch.autocast(self.ranks.device.type, torch.bfloat16, enabled=self.config.precision == "bf16"):
            result = self.method.step(self.network, labelled, unlabelled, self.config.objective)
        self.optimiser.zero_grad()
        result.objective.backward()
        self.ranks.average_gradients(self.network)
        limit = self.config.optim.clip_norm or float("inf")
        norm = torch.nn.utils.clip_grad_norm_(self.network.parameters(), limit)
        place = (self.store, self.folder, self.step + 1, self.ranks.index)
        refuse_non_finite(result.objective, norm, [labelled, unlabelled], *place)
        self.optimiser.step()
        self.average.update(self.network, self.step)
        return result, labelled

    def _draw_batches(self) -> tuple[Batch, Batch | None]:
        labelled = self.labelled.draw(self.step)
        self.ledger.note(labelled.clips)
        batch = self.batches.training(self.ranks.share(labelled))
        if not self.method.uses_unlabelled:
            return batch, None
        return batch, self.batches.training(self.ranks.share(self.unlabelled.draw(self.step))).without_labels()

    def averaged_network(self) -> PSPNetwork:
        """A copy of the network with the averaged weights."""
        network = copy.deepcopy(self.network)
        network.load_state_dict(self.average.state)
        return network

    def _resume(self) -> None:
        found = load_checkpoint(self.folder.checkpoints)
        positions = {}
        if found is not None:
            tensors, facts = found
            restore(tensors, self.network, self.optimiser, self.average)
            self.ledger.restore(facts["labelled"])
            self.step, self.seconds, positions = facts["step"], facts["seconds"], facts["logs"]
        self.ranks.wait()
        if self.ranks.is_main:
            self.logs = RunLogs(self.folder.metrics, self.folder.timing, positions)
            self._save()

    def _save(self) -> None:
        facts = {"logs": self.logs.positions(), "seconds": self.seconds, "labelled": self.ledger.used()}
        save_checkpoint(self.folder.checkpoints, self.step, collect(self.network, self.optimiser, self.average), facts)

    def _finish(self) -> None:
        """Save the state, and at the end of the training its weights and its result."""
        if self.ranks.is_main:
            self._save()
            self.logs.close()
            if self.step == self.steps:
                save_network(self.folder.weights("last"), self.network)
                save_network(self.folder.weights("average"), self.network, self.average.state)
                used = self.ledger.used()
                write_result(self.folder, self.config, self.budget, used, self.steps, self.seconds, self.network)
        self.ranks.wait()
