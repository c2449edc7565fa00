"""The training loop of one stage."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Int64
from torch import nn

from psp.batches.batch import BatchSizes, Pool
from psp.batches.loader import Loader, SampleMaker
from psp.distributed import Ranks
from psp.errors import ConfigError, TrainingError
from psp.methods.base import Method, StepContext, StepOutput
from psp.train.config import RuntimeConfig, Stage
from psp.train.device import mixed_precision
from psp.train.ema import EMA, averaged_predictor
from psp.train.logging import Meter, Reading
from psp.train.nan_guard import Failure, FiniteGuard
from psp.train.optim import learning_rate, make_optimiser, step_unless
from psp.train.passes import TrainingPasses


@dataclass(frozen=True)
class Progress:
    """The progress of training after a step; `reading` is the last one, which may be of an earlier step."""

    stage: str
    step: int
    steps: int
    epoch: int
    reading: Reading
    seconds_left: float


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The clips of a run: the maker of their samples, and the indices of the labelled and of all training clips.

    `labels` holds the label of every clip of the store, -1 outside the label budget.
    """

    maker: SampleMaker
    labelled: Int64[np.ndarray, "l"]
    train: Int64[np.ndarray, "t"]
    labels: Int64[np.ndarray, "clips"]

    def pools(self, batch: BatchSizes) -> dict[Pool, Int64[np.ndarray, "_"]]:
        """Return the clip indices of each pool."""
        rest = self.train if batch.unlabelled_pool == "train" else np.setdiff1d(self.train, self.labelled)
        unlabelled = rest if len(rest) else self.train
        return {"labelled": self.labelled, "unlabelled": unlabelled, "train": self.train}

    def balanced(self) -> Int64[np.ndarray, "_"]:
        """Return the labelled clips, repeated so that the classes are about equally frequent.

        Clips of classes with more than two thirds of the clips of the largest class are not repeated.
        """
        labels = self.labels[self.labelled]
        count = np.bincount(labels)
        return np.repeat(self.labelled, np.rint(count.max(initial=0) / count[labels]).astype(np.int64))


class Trainer:
    """The training of a method for one stage; `step` counts the finished steps."""

    def __init__(
        self, method: Method, stage: Stage, data: TrainingData, runtime: RuntimeConfig, seed: int, ranks: Ranks
    ) -> None:
        self.method, self.stage, self.data, self.runtime, self.ranks = method, stage, data, runtime, ranks
        self.weights = {phase: list(method.phase_parameters(phase)) for phase in method.phases}
        _require_phases(method, self.weights)
        self.optimisers = {
            phase: make_optimiser(method, weights, stage.optim) for phase, weights in self.weights.items()
        }
        self.ema = EMA(method, stage.ema)
        self.pools = data.pools(stage.batch)
        ranks.check(*(spec.size for spec in method.batches().values()))
        drawn = {**self.pools, "labelled": data.balanced()}
        self.loader = Loader(data.maker, method.batches(), drawn, data.labels, seed, ranks)
        self.steps_per_epoch = stage.steps_per_epoch or -(-len(self.pools["unlabelled"]) // stage.batch.unlabelled)
        self.steps = stage.epochs * self.steps_per_epoch
        self.teacher = averaged_predictor(self.ema, method, method.predictor())
        self.passes = TrainingPasses(data.maker, self.pools, runtime.precision, ranks)
        self.guard = FiniteGuard(ranks.device)
        self.meter = Meter(sum(spec.size for spec in method.batches().values()))
        self.step = 0
        self.reading: Reading | None = None

    def run(
        self,
        watch: Callable[[Progress], bool],
        on_epoch: Callable[["Trainer"], None] | None = None,
        on_log: Callable[[Reading], None] | None = None,
    ) -> None:
        """Train from the present step to the end of the stage, or until `watch` returns True.

        `watch` is called after every step with the progress, `on_epoch` after every epoch, `on_log` with every reading
        for the log. NotFiniteError if a loss or gradient is not finite.
        """
        self.meter.restart()
        with self.loader:
            stop = False
            while self.step < self.steps and not stop:
                output = self._step()
                ends_epoch = self.step % self.steps_per_epoch == 0
                logged = self.step % self.runtime.log_every == 0 or self.step == self.steps
                if logged or self.reading is None or (ends_epoch and on_epoch):
                    self.read(output)
                assert self.reading is not None
                if logged and on_log:
                    on_log(self.reading)
                if ends_epoch and on_epoch:
                    on_epoch(self)
                    self.meter.restart()
                self._latest = output
                stop = watch(self._progress())

    def read(self, output: StepOutput | None = None) -> None:
        """Read the latest output into `reading`; NotFiniteError if a loss or gradient since the last was not finite."""
        self.reading = self.meter.read(output or self._latest, self.step)
        failure = self.guard.failure()
        if failure:
            raise NotFiniteError(failure)

    def context(self) -> StepContext:
        """Return the state of training for the method."""
        labels = self.loader.labels
        return StepContext(self.step, self.steps, self.steps_per_epoch, self.teacher, self.passes, labels)

    def _step(self) -> StepOutput:
        """Take one step and return its output, without waiting for the device."""
        rate = learning_rate(self.stage.optim, self.step / self.steps_per_epoch, self.stage.epochs)
        context = self.context()
        if self.step == 0:
            self.method.on_stage_start(context)
        if self.step % self.steps_per_epoch == 0:
            self.method.on_epoch_start(context)
        batch = self.loader.step(self.step)
        self.method.train()
        outputs = []
        for phase, optimiser in self.optimisers.items():
            with mixed_precision(self.runtime.precision, self.ranks.device):
                outputs.append(self.method.training_step(batch, context, phase))
            self._optimise(optimiser, self.weights[phase], outputs[-1], rate)
        self.method.on_step_end(context)
        self.ema.update(self.step)
        self.step += 1
        return outputs[0] if len(outputs) == 1 else _joined(outputs)

    def _optimise(
        self, optimiser: torch.optim.Optimizer, weights: list[nn.Parameter], output: StepOutput, rate: float
    ) -> None:
        for group in optimiser.param_groups:
            group["lr"] = rate
        self.method.zero_grad()
        output.loss.backward()
        self.ranks.average_gradients(self.method)
        norm = torch.nn.utils.clip_grad_norm_(weights, self.stage.optim.clip_norm or float("inf"))
        step_unless(optimiser, self.guard.watch(output.loss, norm, self.step + 1))

    def _progress(self) -> Progress:
        assert self.reading is not None
        seconds = self.meter.seconds / self.reading.step * (self.steps - self.step)
        epoch = (self.step - 1) // self.steps_per_epoch + 1
        return Progress(self.stage.name, self.step, self.steps, epoch, self.reading, seconds)


class NotFiniteError(TrainingError):
    """A loss or gradient was not a finite number."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"the {failure.what} of step {failure.step} is not finite.")
        self.failure = failure


def _require_phases(method: Method, weights: Mapping[str, Sequence[nn.Parameter]]) -> None:
    """Raise ConfigError if a weight that needs gradients is trained in no phase of the method."""
    trained = {id(weight) for own in weights.values() for weight in own}
    for name, weight in method.named_parameters():
        if weight.requires_grad and id(weight) not in trained:
            remedy = "Return its module from `parts`, or the weight from `phase_parameters`."
            raise ConfigError(f"the weight {name} is trained in no phase.", where=type(method).__name__, remedy=remedy)


def _joined(outputs: Sequence[StepOutput]) -> StepOutput:
    """Return the sum of the losses of all phases, with the metrics of all."""
    metrics = {name: value for output in outputs for name, value in output.metrics.items()}
    return replace(outputs[0], loss=torch.stack([output.loss.detach() for output in outputs]).sum(), metrics=metrics)
