"""Filling an experiment's cells: every run that has no result yet, one after the other or side by side."""

import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from psp.reproduce.experiment import PlannedRun
from psp.reproduce.place import Place
from psp.reproduce.result import is_measured, read_results
from psp.reproduce.run_one import Halt, make_result
from psp.reproduce.side_by_side import STOP, run_side_by_side
from psp.train.device import device_by_name
from psp.train.interrupt import Interrupt
from psp.train.loop import Progress
from psp.train.run import RunFolder

Show = Callable[[int, int, str], None]
MOST_JOBS_ON_A_GPU = 8


def pending(runs: Sequence[PlannedRun], place: Place, weights: bool = False) -> list[PlannedRun]:
    """The runs that have no result yet, each once.

    With `place.every_epoch` a result needs an accuracy of every epoch; with `weights` the run itself must be there too.
    """
    found = read_results(place.results)
    lacking = {
        run.key: run
        for run in runs
        if not is_measured(run.key, found, place.every_epoch)
        or (weights and not RunFolder(run.folder(place.runs)).result.exists())
    }
    return list(lacking.values())


def run_all(runs: Sequence[PlannedRun], name: str, place: Place, show: Show) -> int:
    """Bring the runs to their ends and write their results into the folder `name`; returns how many were finished.

    It ends early, with every state saved, on Ctrl-C, SIGTERM and after `place.minutes`: the same call goes on.
    """
    end = time.monotonic() + 60 * place.minutes
    jobs = place.jobs or default_jobs(place.device)

    def late() -> bool:
        return time.monotonic() >= end

    if jobs == 1:
        return _in_turn(runs, place, name, late, show)
    finished = 0
    for stopped in run_side_by_side(_work, [(run, place, name) for run in runs], jobs, late):
        finished += stopped is None
        show(finished, len(runs), f"{jobs} side by side")
    return finished


def default_jobs(device: str) -> int:
    """One on the CPU, where trainings slow each other down; several side by side on a GPU, as the cores allow."""
    if device_by_name(device).type == "cpu":
        return 1
    return max(1, min(MOST_JOBS_ON_A_GPU, (os.cpu_count() or 1) // 2))


def _work(run: PlannedRun, place: Place, name: str) -> int | None:
    """In a process of its own."""
    return make_result(run, place, _path(run, place, name), STOP)


def _in_turn(runs: Sequence[PlannedRun], place: Place, name: str, late: Halt, show: Show) -> int:
    """In this process; a signal that comes between two trainings is noted too."""
    with Interrupt() as interrupt:

        def halt() -> bool:
            return interrupt.signal is not None or late()

        for finished, run in enumerate(runs):
            label = f"{run.row.name}, {run.column.title}, seed {run.config.seed}"

            def on_step(now: Progress, finished: int = finished, label: str = label) -> None:
                show(finished, len(runs), f"{label}: step {now.step} of {now.steps}")

            path = _path(run, place, name)
            if halt() or make_result(run, place, path, halt, on_step):
                return finished
    show(len(runs), len(runs), "")
    return len(runs)


def _path(run: PlannedRun, place: Place, name: str) -> Path:
    return place.results / name / f"{run.name}{'-every-epoch' if place.every_epoch else ''}.json"
