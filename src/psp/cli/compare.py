"""Train methods on the same labels of your recordings and write one table.

Every method has the same encoder, augmentations, labels and seeds. The table has mean and deviation over the label
budgets, paired differences, parameters and minutes. It may be interrupted at any time: finished runs are kept, and the
same command continues. Methods of other packages are compared too.

Args:
    store: the data set, a folder written by 'psp prepare'
    labels: the label budgets, a column each, such as 5/class or 15%
    split: which clips train and which test, as in 'psp train', by default the part or the subjects
    methods: which methods, such as psp-mean-teacher moco, by default all
    protocol: common (joint and motion, the same number of sample passes for every method, minutes a run) or best (three
        modalities, the settings of preset best)
    seeds: how often each label budget is drawn, with a training for each
    out: where the table and the results of runs are kept
    runs: where the run folders are kept
    size: how large the networks are, by default tiny DSTA-Nets, and light encoders in protocol best
    quick: run one training of a few steps for each method
    jobs: how many trainings run side by side, by default one on a CPU and several on a GPU
    minutes: stop after this many minutes with everything saved, and measure no costs; 0 only writes the table
    device: where to compute
    dry_run: print which runs are missing and the time they would take, and stop
"""

import time
from math import inf
from pathlib import Path

from psp.cli.experiments import carry_out
from psp.dataset.store import open_store
from psp.model.encoder import Size
from psp.reproduce.compare import asked_for, own_comparison, planned_runs, rows_of
from psp.reproduce.comparison import Protocol
from psp.reproduce.experiment import Scope
from psp.reproduce.runner import RunnerConfig
from psp.train.device import Device, keep_freed_memory


def compare(
    store: str,
    labels: list[str] = ["5/class"],  # noqa: B006
    split: str | None = None,
    methods: list[str] = [],  # noqa: B006
    protocol: Protocol = "common",
    seeds: int = 3,
    out: Path = Path("comparison"),
    runs: Path = Path("runs/compare"),
    size: Size | None = None,
    quick: bool = False,
    jobs: int | None = None,
    minutes: float = inf,
    device: Device = "auto",
    dry_run: bool = False,
) -> int:
    """Train methods on the same labels of your recordings and write one table."""
    began = time.monotonic()
    keep_freed_memory()
    scope, config = Scope(size, quick=quick), RunnerConfig(runs, out, device, jobs, minutes)
    asked, opened = rows_of(methods, protocol), open_store(store)
    experiment = own_comparison(opened, labels, split, asked, seeds, out).in_scope(scope)
    planned = planned_runs(experiment, opened, scope, asked, out)
    return carry_out(experiment, planned, asked_for(planned, asked), config, scope, began, dry_run)
