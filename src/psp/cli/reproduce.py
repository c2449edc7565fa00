"""`psp reproduce`."""

import time
from collections.abc import Sequence
from dataclasses import replace
from math import inf
from pathlib import Path

from psp.cli.console import print_table, progress_bar, say
from psp.cli.evaluate import Device
from psp.dataset.store import Store, open_store
from psp.errors import ConfigError, TrainingError
from psp.model.encoder import Size
from psp.reproduce.cost import FORMULA, expected_costs
from psp.reproduce.drawings import DRAWINGS
from psp.reproduce.experiment import Column, Experiment, PlannedRun, Scope, plan
from psp.reproduce.experiments import experiment_by_name
from psp.reproduce.place import Place
from psp.reproduce.result import read_results
from psp.reproduce.run_all import Outcome, default_jobs, pending, run_all
from psp.reproduce.stand_in import STAND_IN, ntu_stand_in
from psp.reproduce.table import Table
from psp.reproduce.write_table import write_table
from psp.train.compiled import NOT_HERE, can_compile
from psp.train.device import Precision, device_by_name
from psp.train.presets import PresetName

UNFINISHED = 130


def reproduce(
    experiment: str,
    store: list[str] = [],  # noqa: B006
    out: Path = Path("results"),
    runs: Path = Path("runs/reproduce"),
    size: Size = "tiny",
    epochs: int | None = None,
    seeds: int | None = None,
    preset: PresetName = "paper",
    rows: list[str] = [],  # noqa: B006
    columns: list[str] = [],  # noqa: B006
    quick: bool = False,
    every_epoch: bool = False,
    jobs: int | None = None,
    minutes: float = inf,
    device: Device = "auto",
    precision: Precision | None = None,
    compile: bool = False,
    dry_run: bool = False,
) -> int:
    """Run what a table or figure of the paper needs and is not there yet, then write it.

    It may be interrupted at any time: finished runs are kept, and the same command goes on. The exit code is 130
    while runs are missing that have not failed, 2 if only such are left. A result that `out` already holds, of the
    same configuration, clips and labels, is not run again.

    Args:
        experiment: table2, table3, table4, figure5, figure6, figure7, figure8 or recipe
        store: the data sets, folders written by 'psp prepare' (table2 --quick makes one of its own)
        out: where tables and the results of runs are kept
        runs: where the trainings are kept
        size: how large the networks are
        epochs: no run of presets paper and published trains longer than this; their schedules shrink in proportion
        seeds: how many label budgets each cell is measured on, if not as many as the experiment says
        preset: which settings the ablations of table4 and of the figures start from
        rows: run these systems only, by their names in the results, for example best; the table shows all
        columns: run these label budgets or data sets only, by their names in the results, for example all
        quick: a small version in minutes
        every_epoch: evaluate the test clips after every epoch, for a column of its own: it is no result
        jobs: how many trainings run side by side (one on a CPU, several on a GPU)
        minutes: stop after so many minutes with everything saved, and measure no costs; 0 only writes what is there
        device: where to compute
        precision: how exactly every system is computed, if not each as its settings say
        compile: let torch.compile speed up the encoder, where it can; the costs shown are without
        dry_run: say what would be run and what it would cost, and stop
    """
    started = time.monotonic()
    scope = Scope(size, epochs, seeds, preset, quick, precision=precision)
    chosen = experiment_by_name(experiment).in_scope(scope)
    place = Place(runs, out, device, jobs, minutes, every_epoch, compile=compile)
    _check_every_epoch(chosen, place)
    _check_names("row", rows, [row.name for row in chosen.rows])
    if not store and quick and chosen.name == "table2":
        chosen, stores = replace(chosen, title=f"{chosen.title}, {STAND_IN}"), [_stand_in(runs)]
    else:
        stores = _stores(store)
    planned = plan(chosen, stores, scope)
    _check_names("column", columns, list(dict.fromkeys(run.column.name for run in planned)))
    missing = pending(_asked_for(planned, rows, columns), place, chosen.from_weights)
    say(f"{chosen.title}: {len(planned)} runs, {len(missing)} of them to do.")
    if missing and (dry_run or minutes == inf):
        _show_costs(missing, place)
    if dry_run:
        return 0
    left = max(0.0, minutes - (time.monotonic() - started) / 60)
    outcome = _run(missing, chosen, replace(place, minutes=left))
    _write(chosen, planned, place, scope)
    return _exit_code(outcome, len(missing))


def _check_every_epoch(experiment: Experiment, place: Place) -> None:
    if place.every_epoch and experiment.from_weights:
        what = f"{experiment.name} is drawn from trained networks, not from accuracies of every epoch."
        raise ConfigError(what, remedy="Leave --every-epoch out.")


def _run(missing: list[PlannedRun], experiment: Experiment, place: Place) -> Outcome:
    """Bring runs to their ends."""
    if not missing:
        return Outcome(0, {})
    if place.compile and not can_compile(device_by_name(place.device)):
        say(NOT_HERE)
    with progress_bar("runs") as show:
        return run_all(missing, experiment.name, place, show)


def _exit_code(outcome: Outcome, asked: int) -> int:
    """The exit code, and how to go on where runs are missing; TrainingError where all that are missing failed."""
    left = asked - outcome.finished - len(outcome.failed)
    for run, error in outcome.failed.items():
        say(f"failed: {run}: {error}")
    if left:
        say(f"{outcome.finished} of {asked} runs are done. The same command goes on.")
        return UNFINISHED
    if outcome.failed:
        raise TrainingError(f"{len(outcome.failed)} of {asked} runs failed.", remedy="What is done is kept.")
    return 0


def _stores(named: Sequence[str]) -> list[Store]:
    if not named:
        raise ConfigError("--store is needed.", remedy="Name a folder written by 'psp prepare'.")
    return [open_store(path) for path in named]


def _stand_in(runs: Path) -> Store:
    say("making built-in recordings under the names of NTU RGB+D: their accuracies say nothing about it.")
    return ntu_stand_in(runs / "ntu-stand-in")


def _asked_for(runs: Sequence[PlannedRun], rows: Sequence[str], columns: Sequence[str]) -> list[PlannedRun]:
    """Those of the named rows and columns; no name stands for all."""
    return [run for run in runs if (not rows or run.row.name in rows) and (not columns or run.column.name in columns)]


def _check_names(kind: str, names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            elsewhere = "; others need another store, or are left out by --quick" if kind == "column" else ""
            remedy = f"Choose from {', '.join(known)}{elsewhere}."
            raise ConfigError(f"there is no {kind} {name!r}.", where=f"{kind}s", remedy=remedy)


def _show_costs(runs: Sequence[PlannedRun], place: Place) -> None:
    say(f"Measuring the speed of a few steps first. {FORMULA}.")
    costs = list(expected_costs(runs, place.device))
    rows = [
        (each.system, each.column, each.runs, each.steps, each.clips, each.clips_per_second, each.seconds / 60)
        for each in costs
    ]
    columns = ("system", "labels", "runs", "steps", "clips a step", "clips/s", "minutes a run")
    print_table("What is to be run", columns, rows)
    hours = sum(each.runs * each.seconds for each in costs) / 3600
    jobs = place.jobs or default_jobs(place.device)
    say(f"together {hours:.2f} hours one after the other, without evaluation; {jobs} at a time.")


def _write(experiment: Experiment, runs: Sequence[PlannedRun], place: Place, scope: Scope) -> None:
    """Write the table of what is there, and draw the picture once nothing is missing."""
    table = Table(experiment, runs, read_results(place.results))

    def stem(columns: Sequence[Column]) -> Path:
        return place.results / experiment.stem(scope, columns)

    written = write_table(table, stem(table.columns))
    if experiment.name in DRAWINGS and not pending(runs, place, experiment.from_weights):
        written += DRAWINGS[experiment.name](table, place, stem)
    elif experiment.name in DRAWINGS:
        say("the picture is drawn when no run is missing.")
    for path in written:
        say(f"written: {path}")
