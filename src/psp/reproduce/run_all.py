"""Filling an experiment's cells: every run that has no result yet, one after the other or side by side."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from psp.errors import PSPError
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

End = tuple[str, PSPError | int | None]
"""A run's name and how it ended: with an error, with the number of the signal that stopped it, or well (None)."""

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


@dataclass(frozen=True)
class Outcome:
    """How many runs were finished, and by name why others could not be."""

    finished: int
    failed: Mapping[str, PSPError]


def run_all(runs: Sequence[PlannedRun], name: str, place: Place, show: Show) -> Outcome:
    """Bring the runs to their ends and write their results into the folder `name`.

    It ends early, with every state saved, on Ctrl-C, SIGTERM and after `place.minutes`: the same call goes on. A run
    that fails keeps no other from being run.
    """
    deadline = time.monotonic() + 60 * place.minutes
    jobs = place.jobs or default_jobs(place.device)

    def late() -> bool:
        return time.monotonic() >= deadline

    if late():
        return Outcome(0, {})
    if jobs == 1:
        ends = _in_turn(runs, place, name, late, show)
    else:
        ends = run_side_by_side(_work, [(run, place, name) for run in runs], jobs, late)
    finished, failed = 0, dict[str, PSPError]()
    for run, end in ends:
        if isinstance(end, PSPError):
            failed[run] = end
        finished += end is None
        show(finished, len(runs), f"{jobs} side by side" if jobs > 1 else "")
    return Outcome(finished, failed)


def default_jobs(device: str) -> int:
    """One on the CPU, where trainings slow each other down; several side by side on a GPU, as the cores allow."""
    if device_by_name(device).type == "cpu":
        return 1
    return max(1, min(MOST_JOBS_ON_A_GPU, (os.cpu_count() or 1) // 2))


def _work(run: PlannedRun, place: Place, name: str) -> End:
    """In a process of its own."""
    return _attempt(run, place, name, STOP)


def _attempt(
    run: PlannedRun, place: Place, name: str, halt: Halt, on_step: Callable[[Progress], None] | None = None
) -> End:
    """Bring one run to its end, unless it is to stop before it begins."""
    path = place.results / name / f"{run.name}{'-every-epoch' if place.every_epoch else ''}.json"
    try:
        return run.name, signal.SIGINT if halt() else make_result(run, place, path, halt, on_step)
    except PSPError as error:
        return run.name, error


def _in_turn(runs: Sequence[PlannedRun], place: Place, name: str, late: Halt, show: Show) -> Iterator[End]:
    """In this process; a signal that comes between two trainings is noted too."""
    with Interrupt() as interrupt:

        def halt() -> bool:
            return interrupt.signal is not None or late()

        for before, run in enumerate(runs):
            label = f"{run.row.name}, {run.column.title}, seed {run.config.seed}"

            def on_step(now: Progress, before: int = before, label: str = label) -> None:
                show(before, len(runs), f"{label}: step {now.step} of {now.steps}")

            end = _attempt(run, place, name, halt, on_step)
            yield end
            if isinstance(end[1], int):
                break
