"""Train the runs that a table or figure of the paper still needs, then write it.

It may be interrupted at any time: finished runs are kept, and the same command continues. The exit code is 130
while runs are missing that have not failed, 2 if only failed ones are missing. A run is not repeated if `out`
already holds a result of the same configuration, clips and labels.

Args:
    experiment: table2, table3, table4, figure5, figure6, figure7, figure8, recipe or grid (options of the comparison
        systems)
    store: the data sets, folders written by 'psp prepare' (table2 --quick makes one of its own)
    out: where tables and the results of runs are kept
    runs: where the run folders are kept
    size: how large the networks are, by default tiny DSTA-Nets and light encoders of best; light is for best alone
    epochs: no run of presets paper and published trains longer than this; their schedules shrink in proportion
    seeds: how many label budgets each cell is measured on, by default as many as the experiment says
    preset: which settings the ablations of table4 and of the figures start from
    systems: paper (the rows of the table) or all: in table2 and table3 every comparison system, once with the same
        encoder, augmentation, labels and number of sample passes, once with three modalities and the settings of best
    rows: run only these systems, by their names in the results, such as 'best'; the table shows all
    columns: run only these label budgets or data sets, by their names in the results, such as 'all'
    quick: run a small version that takes minutes
    every_epoch: evaluate the test clips after every epoch and show the best one in a table of its own, which is
        not a result
    jobs: how many trainings run side by side, by default one on a CPU and several on a GPU
    minutes: stop after this many minutes with everything saved, and measure no costs; 0 only writes the table
    device: where to compute
    precision: the precision of every system, by default that of its settings
    compile: let torch.compile speed up the encoder, where it can; the costs shown are without it
    dry_run: print which runs are missing and the time they would take, and stop
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Literal

from psp.cli.console import say
from psp.cli.experiments import carry_out
from psp.dataset.build import prepare
from psp.dataset.store import Store, open_store
from psp.errors import ConfigError
from psp.io.formats.write_ntu import write_ntu_folder
from psp.model.encoder import Size
from psp.reproduce.comparison import with_all_systems
from psp.reproduce.experiment import Experiment, PlannedRun, Scope, plan
from psp.reproduce.paper_tables import experiment_by_name
from psp.reproduce.runner import RunnerConfig
from psp.synthetic import SyntheticConfig
from psp.train.config import Precision
from psp.train.device import Device, keep_freed_memory
from psp.train.presets import PresetName

SYNTHETIC = "synthetic NTU recordings"
NTU_CLIPS = 600


def reproduce(
    experiment: str,
    store: list[str] = [],  # noqa: B006
    out: Path = Path("results"),
    runs: Path = Path("runs/reproduce"),
    size: Size | None = None,
    epochs: int | None = None,
    seeds: int | None = None,
    preset: PresetName = "paper",
    systems: Literal["paper", "all"] = "paper",
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
    """Train the runs that a table or figure of the paper still needs, then write it."""
    began = time.monotonic()
    keep_freed_memory()
    scope = Scope(size, epochs, seeds, preset, quick, precision)
    named = experiment_by_name(experiment)
    chosen = (with_all_systems(named) if systems == "all" else named).in_scope(scope)
    config = RunnerConfig(runs, out, device, jobs, minutes, every_epoch, compile)
    _check_every_epoch(chosen, config)
    _check_names("row", rows, [row.name for row in chosen.rows])
    if not store and quick and named.name == "table2":
        chosen, stores = replace(chosen, title=f"{chosen.title}, {SYNTHETIC}"), [synthetic_ntu(runs / "synthetic-ntu")]
    else:
        stores = _stores(store)
    planned = plan(chosen, stores, scope)
    _say_left_out(chosen, planned)
    _check_names("column", columns, list(dict.fromkeys(run.column.name for run in planned)))
    return carry_out(chosen, planned, _asked_for(planned, rows, columns), config, scope, began, dry_run)


def _say_left_out(experiment: Experiment, planned: Sequence[PlannedRun]) -> None:
    """Print which systems need a store of another normalisation; ConfigError if all do."""
    there = {run.row.name for run in planned}
    absent = [row.name for row in experiment.rows if row.name not in there]
    remedy = "Prepare the recordings a second time with --normalise authors, and name that store too."
    if not planned:
        what = f"no system of {experiment.name} can be trained on these stores."
        raise ConfigError(what, where="store", remedy=remedy)
    if absent:
        say(f"left out: {', '.join(absent)}. {remedy}")


def _check_every_epoch(experiment: Experiment, config: RunnerConfig) -> None:
    if config.every_epoch and experiment.from_weights:
        what = f"{experiment.name} is drawn from trained networks, not from accuracies of every epoch."
        raise ConfigError(what, remedy="Leave --every-epoch out.")


def _stores(named: Sequence[str]) -> list[Store]:
    if not named:
        raise ConfigError("--store is needed.", remedy="Name a folder written by 'psp prepare'.")
    return [open_store(path) for path in named]


def synthetic_ntu(folder: Path, clips: int = NTU_CLIPS) -> Store:
    """Return a store of synthetic actions; if it does not exist, write them as raw NTU RGB+D files and prepare these.

    Accuracies on it say nothing about NTU RGB+D.
    """
    store = folder / "store"
    if not store.exists():
        say("making synthetic NTU recordings: accuracies on them say nothing about NTU RGB+D.")
        write_ntu_folder(folder / "recordings", SyntheticConfig(clips=clips))
        prepare(folder / "recordings", store, format="ntu60")
    return open_store(store)


def _asked_for(runs: Sequence[PlannedRun], rows: Sequence[str], columns: Sequence[str]) -> list[PlannedRun]:
    """Return the runs of the named rows and columns; without names all of them."""
    return [run for run in runs if (not rows or run.row.name in rows) and (not columns or run.column.name in columns)]


def _check_names(kind: str, names: Sequence[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            elsewhere = "; others need another store, or are left out by --quick" if kind == "column" else ""
            remedy = f"Choose from {', '.join(known)}{elsewhere}."
            raise ConfigError(f"there is no {kind} {name!r}.", where=f"{kind}s", remedy=remedy)
