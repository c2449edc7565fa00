"""Training the runs of an experiment that have no result yet, one after the other or side by side."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from pathlib import Path
from typing import Any

from psp.config.json_file import read_json
from psp.config.ranges import require
from psp.errors import CheckpointError, PSPError, TrainingError
from psp.evaluate.evaluate import evaluate_model, evaluate_run
from psp.files import write_json
from psp.reproduce.experiment import PlannedRun
from psp.reproduce.results import add_result, is_measured, read_results, result_line
from psp.reproduce.side_by_side import STOP, run_side_by_side
from psp.train.api import make_task, resume_run, start_run
from psp.train.device import device_by_name
from psp.train.interrupt import Interrupt
from psp.train.run import OnStep, Run
from psp.train.run_folder import RunFolder
from psp.train.trainer import Progress

Show = Callable[[int, int, str], None]
Halt = Callable[[], bool]

End = tuple[str, PSPError | int | None]
"""A run's name and how it ended: with an error, with the number of the signal that stopped it, or well (None)."""

EPOCHS_FILE = "test-accuracy-of-epochs.json"
MOST_JOBS_ON_A_GPU = 8


@dataclass(frozen=True)
class RunnerConfig:
    """Where runs are kept (`runs`), where their results go (`results`), and how they are computed.

    After `minutes` training stops, with everything saved. `every_epoch` evaluates the test clips after every epoch.
    `compile` lets torch.compile fuse the encoder's small steps where it can, as in `psp train`.
    """

    runs: Path
    results: Path
    device: str = "auto"
    jobs: int | None = None
    minutes: float = inf
    every_epoch: bool = False
    compile: bool = False

    def __post_init__(self) -> None:
        if self.jobs is not None:
            require(self.jobs >= 1, "jobs", self.jobs, "1 or more")
        require(self.minutes >= 0, "minutes", self.minutes, "0 or more")


@dataclass(frozen=True)
class Outcome:
    """How many runs were finished, and the errors of those that failed, by name."""

    finished: int
    failed: Mapping[str, PSPError]


def pending(runs: Sequence[PlannedRun], config: RunnerConfig, weights: bool = False) -> list[PlannedRun]:
    """Return the runs that have no result yet, each once.

    With `config.every_epoch` a result needs an accuracy of every epoch; with `weights` the run folder must exist too.
    """
    found = read_results(config.results)
    lacking = {
        run.key: run
        for run in runs
        if not is_measured(run.key, found, config.every_epoch)
        or (weights and not RunFolder(run.folder(config.runs)).result.exists())
    }
    return list(lacking.values())


def run_all(runs: Sequence[PlannedRun], experiment: str, config: RunnerConfig, show: Show) -> Outcome:
    """Train and evaluate the runs, and add their results to the table.

    It ends early, with every state saved, on Ctrl-C, SIGTERM and after `config.minutes`: the same call continues. A
    run that fails does not stop the others.
    """
    deadline = time.monotonic() + 60 * config.minutes
    jobs = config.jobs or default_jobs(config.device)

    def late() -> bool:
        return time.monotonic() >= deadline

    if late():
        return Outcome(0, {})
    if jobs == 1:
        ends = _in_turn(runs, config, experiment, late, show)
    else:
        ends = run_side_by_side(_work, [(run, config, experiment) for run in runs], jobs, late)
    finished, failed = 0, dict[str, PSPError]()
    for run, end in ends:
        if isinstance(end, PSPError):
            failed[run] = end
        finished += end is None
        show(finished, len(runs), f"{jobs} side by side" if jobs > 1 else "")
    return Outcome(finished, failed)


def default_jobs(device: str) -> int:
    """Return 1 on the CPU, where trainings slow each other down; several on a GPU, as the cores allow."""
    if device_by_name(device).type == "cpu":
        return 1
    return max(1, min(MOST_JOBS_ON_A_GPU, (os.cpu_count() or 1) // 2))


def make_result(
    run: PlannedRun, config: RunnerConfig, experiment: str, halt: Halt, on_step: OnStep | None = None
) -> int | None:
    """Train a run to its end, evaluate it and add its result; return the number of the signal if it had to stop.

    `halt` is asked after every step whether to stop; if so, the state is saved. With `config.every_epoch` the run has
    a folder of its own; its training is the same. An existing result stays: a run that was trained again for its
    weights does not replace the result that tables were made from.
    """
    folder = run.folder(config.runs)
    folder = folder.with_name(f"{folder.name}-every-epoch") if config.every_epoch else folder
    stopped = _finish_run(run, folder, config, halt, on_step)
    if stopped is None and not is_measured(run.key, read_results(config.results), config.every_epoch):
        evaluation = evaluate_run(folder, run.store, config.device)
        best = _best(folder) if config.every_epoch else None
        add_result(config.results, result_line(run, experiment, folder, evaluation, best), run.config)
    return stopped


def run_folders(runs: Sequence[PlannedRun], column: str, folder: Path) -> dict[str, dict[int, Path]]:
    """Return the folders of the finished runs of a column in `folder`, by the name of the row and the seed."""
    found: dict[str, dict[int, Path]] = {}
    for run in runs:
        path = run.folder(folder)
        if run.column.name == column and RunFolder(path).result.exists():
            found.setdefault(run.row.name, {})[run.config.seed] = path
    return found


def _finish_run(run: PlannedRun, path: Path, config: RunnerConfig, halt: Halt, on_step: OnStep | None) -> int | None:
    """Start or resume a run and train it to its end, unless `halt` or a signal stops it."""
    folder = RunFolder(path)
    if folder.result.exists():
        return None

    def after_step(now: Progress) -> None:
        if on_step:
            on_step(now)
        if halt():
            signal.raise_signal(signal.SIGINT)  # the run catches it and saves its state

    if folder.config.exists():
        training = resume_run(path, run.store, config.device, config.compile)
    else:
        task = make_task(run.store, run.budget, run.column.split)
        training = start_run(task, run.config, path, config.device, config.compile)
    return training.train(after_step, _note_accuracy if config.every_epoch else None)


def _note_accuracy(run: Run) -> None:
    """Record the accuracy of the last weights after an epoch; a resumed run replaces the epochs that it repeats."""
    assert run.folder is not None
    if run.trainer.method.predictor() is None:
        return
    path, step = run.folder.path / EPOCHS_FILE, run.step
    sets = evaluate_model(run.model("last"), run.data.maker, run.task.split)
    earlier = _epochs(path) if path.exists() else []
    kept = [each for each in earlier if each["step"] < step]
    write_json(path, [*kept, {"step": step, "top1": {name: found.top1 for name, found in sets.items()}}])


def _best(folder: Path) -> dict[str, float]:
    epochs = [each["top1"] for each in _epochs(folder / EPOCHS_FILE)]
    return {name: max(each.get(name, 0.0) for each in epochs) for name in epochs[0]} if epochs else {}


def _epochs(path: Path) -> list[dict[str, Any]]:
    """Return the accuracies of the epochs so far, by test set."""
    remedy = "Remove the folder of the run: it is then trained again."
    return list(read_json(path, [{"step": int, "top1": {str: float}}], CheckpointError, remedy))


def _work(run: PlannedRun, config: RunnerConfig, experiment: str) -> End:
    """Train one run in a process of its own."""
    return _attempt(run, config, experiment, STOP)


def _attempt(run: PlannedRun, config: RunnerConfig, experiment: str, halt: Halt, on_step: OnStep | None = None) -> End:
    """Train one run to its end, unless `halt` stops it before it begins."""
    try:
        return run.name, signal.SIGINT if halt() else make_result(run, config, experiment, halt, on_step)
    except PSPError as error:
        return run.name, error
    except Exception as error:  # noqa: BLE001 - a method of another package may raise anything; other runs go on
        remedy = "Correct the method, or leave it out."
        return run.name, TrainingError(f"{type(error).__name__}: {error}.", remedy=remedy)


def _in_turn(
    runs: Sequence[PlannedRun], config: RunnerConfig, experiment: str, late: Halt, show: Show
) -> Iterator[End]:
    """Train the runs in this process; a signal between two trainings stops them too."""
    with Interrupt() as interrupt:

        def halt() -> bool:
            return interrupt.signal is not None or late()

        for before, run in enumerate(runs):

            def on_step(now: Progress, before: int = before, name: str = run.name) -> None:
                show(before, len(runs), f"{name}: step {now.step} of {now.steps}")

            end = _attempt(run, config, experiment, halt, on_step)
            yield end
            if isinstance(end[1], int):
                break
