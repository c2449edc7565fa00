"""What an experiment will cost, measured before it starts: a few real steps of every system on every data set."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from psp.dataset.split import protocol_by_name, split_store
from psp.dataset.store import open_store
from psp.methods.methods import METHODS
from psp.reproduce.experiment import PlannedRun
from psp.train.config import TrainConfig
from psp.train.interrupt import Interrupted
from psp.train.loop import Progress
from psp.train.schedule import steps_per_epoch, unlabelled_clips
from psp.train.train import start_run

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
        """FORMULA."""
        return self.steps * self.clips / self.clips_per_second


def expected_costs(runs: Sequence[PlannedRun], device: str) -> Iterator[Cost]:
    """Measure the speed of each system on each data set in STEPS steps, the first of which does not count."""
    speeds: dict[tuple[str, Path], float] = {}
    groups: dict[tuple[str, str], list[PlannedRun]] = {}
    for run in runs:
        groups.setdefault((run.row.title, run.column.title), []).append(run)
    for (system, column), members in groups.items():
        first = members[0]
        place = (system, first.store)
        if place not in speeds:
            speeds[place] = measured_speed(first, device)
        clips = clips_of_step(first.config)
        yield Cost(system, column, len(members), steps_of(first), clips, speeds[place])


def clips_of_step(config: TrainConfig) -> int:
    """Labelled and, where the method looks at them, unlabelled clips of a step."""
    return config.labelled_batch + config.unlabelled_batch * METHODS[config.method].uses_unlabelled


def steps_of(run: PlannedRun) -> int:
    """How many steps a run takes."""
    config, store = run.config, open_store(run.store)
    protocol = protocol_by_name(config.protocol)
    train = split_store(protocol, store).train
    unlabelled = unlabelled_clips(config, train, run.budget.rows(protocol, store.clips, train))
    return config.epochs * steps_per_epoch(config, len(unlabelled))


def measured_speed(run: PlannedRun, device: str) -> float:
    """Clips per second over a few steps after the first, which is read by itself; a teacher looks before it only."""
    speeds: list[float] = []

    def note(now: Progress) -> None:
        speeds.append(now.clips_per_second)

    with tempfile.TemporaryDirectory() as folder:
        config = replace(run.config, epochs=1, steps=STEPS, teach_after=0.0, log_every=STEPS)
        stopped = start_run(open_store(run.store), config, Path(folder) / "run", run.budget, device).run(note)
    if stopped is not None:
        raise Interrupted(stopped)
    return speeds[-1]
