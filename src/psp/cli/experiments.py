"""Carrying out experiments: what `psp reproduce` and `psp compare` have in common."""

import time
from collections.abc import Sequence
from dataclasses import replace
from math import inf
from pathlib import Path

from psp.cli.console import print_table, progress_bar, say
from psp.errors import TrainingError
from psp.reproduce.cost import FORMULA, Cost, expected_costs
from psp.reproduce.drawings import DRAWINGS
from psp.reproduce.experiment import Column, Experiment, PlannedRun, Scope
from psp.reproduce.results import read_results
from psp.reproduce.runner import Outcome, RunnerConfig, default_jobs, pending, run_all
from psp.reproduce.table import Table
from psp.reproduce.write_table import lost_rows, write_table
from psp.train.device import NO_COMPILER, can_compile, device_by_name

UNFINISHED = 130


def carry_out(
    experiment: Experiment,
    planned: Sequence[PlannedRun],
    asked: Sequence[PlannedRun],
    config: RunnerConfig,
    scope: Scope,
    began: float,
    dry_run: bool = False,
) -> int:
    """Train those of the runs `asked` that have no result, write the table of all `planned` ones; return the exit code.

    The minutes of `config` count from `began` (time.monotonic). Without such a limit the expected cost is printed
    first; `dry_run` stops after it.
    """
    missing = pending(asked, config, experiment.from_weights)
    say(f"{experiment.title}: {len(planned)} runs, {len(missing)} of them to do.")
    if missing and (dry_run or config.minutes == inf):
        try:
            _show_costs(missing, config)
        except Exception as error:  # noqa: BLE001 - a method of another package may raise anything
            say(f"the costs cannot be measured: {error}")
    if dry_run:
        return 0
    left = max(0.0, config.minutes - (time.monotonic() - began) / 60)
    outcome = _run(missing, experiment, replace(config, minutes=left))
    _write(experiment, planned, config, scope)
    return _exit_code(outcome, len(missing))


def _run(missing: list[PlannedRun], experiment: Experiment, config: RunnerConfig) -> Outcome:
    """Train the missing runs."""
    if not missing:
        return Outcome(0, {})
    if config.compile and not can_compile(device_by_name(config.device)):
        say(NO_COMPILER)
    with progress_bar("runs") as show:
        return run_all(missing, experiment.name, config, show)


def _exit_code(outcome: Outcome, asked: int) -> int:
    """Return the exit code, and print how to continue if runs are missing; TrainingError if all missing ones failed."""
    left = asked - outcome.finished - len(outcome.failed)
    for run, error in outcome.failed.items():
        say(f"failed: {run}: {error}")
    if left:
        say(f"{outcome.finished} of {asked} runs are done. The same command continues.")
        return UNFINISHED
    if outcome.failed:
        raise TrainingError(f"{len(outcome.failed)} of {asked} runs failed.", remedy="The finished runs are kept.")
    return 0


def _show_costs(runs: Sequence[PlannedRun], config: RunnerConfig) -> None:
    say(f"Measuring the speed of a few steps first. {FORMULA}.")
    costs, cells = list[Cost](), len({(run.row.name, run.column.name) for run in runs})
    with progress_bar("measuring") as show:
        for cost in expected_costs(runs, config.device):
            costs.append(cost)
            show(len(costs), cells, cost.system)
    rows = [
        (each.system, each.column, each.runs, each.steps, each.clips, each.clips_per_second, each.seconds / 60)
        for each in costs
    ]
    columns = ("system", "labels", "runs", "steps", "clips a step", "clips/s", "minutes a run")
    print_table("Runs to do", columns, rows)
    hours = sum(each.runs * each.seconds for each in costs) / 3600
    jobs = config.jobs or default_jobs(config.device)
    say(f"together {hours:.2f} hours one after the other, without evaluation; {jobs} run at a time.")


def _write(experiment: Experiment, runs: Sequence[PlannedRun], config: RunnerConfig, scope: Scope) -> None:
    """Write the table from the finished runs, and draw the picture once no run that it shows is missing."""
    table = Table(experiment, runs, read_results(config.results))

    def stem(columns: Sequence[Column]) -> Path:
        return config.results / experiment.stem(scope, columns)

    lost = ", ".join(lost_rows(table, stem(table.columns)))
    if lost:
        remedy = "Name their store too, run the command again, or remove the file."
        say(f"{stem(table.columns)}.md is kept: it also has {lost}. {remedy}")
        return
    written = write_table(table, stem(table.columns))
    draw = DRAWINGS.get(experiment.drawing)
    if draw and (experiment.drawing == "costs" or not pending(runs, config, experiment.from_weights)):
        written += draw(table, config, stem)
    elif draw:
        say("the picture is drawn when no run is missing.")
    for path in written:
        say(f"written: {path}")
