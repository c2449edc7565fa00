"""The expected cost of an experiment, from a few real steps of every system on every data set before it starts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from psp.reproduce.experiment import PlannedRun
from psp.train.api import make_task
from psp.train.config import TrainConfig
from psp.train.interrupt import Interrupted
from psp.train.run import Run
from psp.train.trainer import Progress

STEPS = 4
FORMULA = "seconds of a run = epochs x steps of an epoch x clips of a step / clips per second"


@dataclass(frozen=True)
class Cost:
    """The expected cost of the runs of one system and column; `seconds` are of one run, without evaluations."""

    system: str
    column: str
    runs: int
    steps: int
    clips: int
    clips_per_second: float

    @property
    def seconds(self) -> float:
        """The result of FORMULA."""
        return self.steps * self.clips / self.clips_per_second


def expected_costs(runs: Sequence[PlannedRun], device: str) -> Iterator[Cost]:
    """Yield the costs of each system and column, after measuring the speed of each system on each data set."""
    speeds: dict[tuple[str, Path], float] = {}
    groups: dict[tuple[str, str], list[PlannedRun]] = {}
    for run in runs:
        groups.setdefault((run.row.title, run.column.title), []).append(run)
    for (system, column), members in groups.items():
        first = members[0]
        steps, clips = steps_and_clips(first)
        if (system, first.store) not in speeds:
            speeds[system, first.store] = measured_speed(first, device)
        yield Cost(system, column, len(members), steps, clips, speeds[system, first.store])


def steps_and_clips(run: PlannedRun) -> tuple[int, int]:
    """Return how many steps a run takes, and how many clips its method uses in a step."""
    trainer = Run(make_task(run.store, run.budget, run.column.benchmark), run.config, None, "cpu").trainer
    return trainer.steps, trainer.meter.clips


def measured_speed(run: PlannedRun, device: str) -> float:
    """Return clips per second over STEPS steps, the first of which is not timed."""
    speeds: list[float] = []

    def note(now: Progress) -> None:
        speeds.append(now.reading.clips_per_second)

    task = make_task(run.store, run.budget, run.column.benchmark)
    stopped = Run(task, _shortened(run.config), None, device).train(note)
    if stopped is not None:
        raise Interrupted(stopped)
    return speeds[-1]


def _shortened(config: TrainConfig) -> TrainConfig:
    """Return a configuration of one epoch of a few steps.

    An EMA teacher predicts before the first step, which is not timed.
    """
    stage = replace(config.last, epochs=1, steps_per_epoch=STEPS)
    return replace(config, stages=(stage,), runtime=replace(config.runtime, log_every=STEPS))
