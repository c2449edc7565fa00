"""The expected cost of an experiment, from a few real steps of every system on every data set before it starts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from psp.reproduce.experiment import PlannedRun
from psp.train.api import make_task
from psp.train.config import Stage, TrainConfig
from psp.train.interrupt import Interrupted
from psp.train.run import Run
from psp.train.trainer import Progress

STEPS = 4
FORMULA = "seconds of a run = steps x clips of a step / clips per second, summed over its stages"


@dataclass(frozen=True)
class StageCost:
    """The expected cost of a stage: its steps, the clips that its method uses in a step, and the speed."""

    steps: int
    clips: int
    clips_per_second: float

    @property
    def seconds(self) -> float:
        """The result of FORMULA for one stage."""
        return self.steps * self.clips / self.clips_per_second


@dataclass(frozen=True)
class Cost:
    """The expected cost of the runs of one system and column; `seconds` are of one run, without evaluations."""

    system: str
    column: str
    runs: int
    stages: tuple[StageCost, ...]

    @property
    def steps(self) -> int:
        """The steps of all stages of a run."""
        return sum(stage.steps for stage in self.stages)

    @property
    def clips(self) -> int:
        """The clips of a step, the mean over the steps of a run."""
        return round(sum(stage.steps * stage.clips for stage in self.stages) / self.steps)

    @property
    def seconds(self) -> float:
        """The result of FORMULA."""
        return sum(stage.seconds for stage in self.stages)

    @property
    def clips_per_second(self) -> float:
        """The clips of all steps of a run per second."""
        return sum(stage.steps * stage.clips for stage in self.stages) / self.seconds


def expected_costs(runs: Sequence[PlannedRun], device: str) -> Iterator[Cost]:
    """Yield the costs of each system and column, after measuring the speed of each system on each data set."""
    speeds: dict[tuple[str, Path], list[float]] = {}
    groups: dict[tuple[str, str], list[PlannedRun]] = {}
    for run in runs:
        groups.setdefault((run.row.title, run.column.title), []).append(run)
    for (system, column), members in groups.items():
        first = members[0]
        if (system, first.store) not in speeds:
            speeds[system, first.store] = [measured_speed(first, stage, device) for stage in first.config.stages]
        counts = zip(steps_and_clips(first), speeds[system, first.store], strict=True)
        stages = tuple(StageCost(steps, clips, speed) for (steps, clips), speed in counts)
        yield Cost(system, column, len(members), stages)


def steps_and_clips(run: PlannedRun) -> list[tuple[int, int]]:
    """Return, for each stage of a run, how many steps it takes and how many clips its method uses in a step."""
    trainers = [_started(run, _alone(run.config, stage), "cpu").trainer for stage in run.config.stages]
    return [(trainer.steps, trainer.meter.clips) for trainer in trainers]


def measured_speed(run: PlannedRun, stage: Stage, device: str) -> float:
    """Return the clips per second of a stage over STEPS steps, the first of which is not timed.

    An EMA teacher predicts before the first step.
    """
    speeds: list[float] = []

    def note(now: Progress) -> None:
        speeds.append(now.reading.clips_per_second)

    config = _alone(run.config, replace(stage, epochs=1, steps_per_epoch=STEPS))
    config = replace(config, runtime=replace(config.runtime, log_every=STEPS))
    stopped = _started(run, config, device).train(note)
    if stopped is not None:
        raise Interrupted(stopped)
    return speeds[-1]


def _alone(config: TrainConfig, stage: Stage) -> TrainConfig:
    """Return a configuration of one stage, which starts from random weights."""
    return replace(config, stages=(replace(stage, initialise="scratch"),))


def _started(run: PlannedRun, config: TrainConfig, device: str) -> Run:
    return Run(make_task(run.store, run.budget, run.column.split), config, None, device)
