"""Methods on the same labels of any recordings, in one table."""

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from psp.config.ranges import require
from psp.dataset.split import resolve_split
from psp.dataset.store import Store, open_store
from psp.errors import ConfigError
from psp.methods import FOREIGN
from psp.reproduce.comparison import PROTOCOLS, Protocol, compared, comparison_rows
from psp.reproduce.experiment import Column, Experiment, PlannedRun, Quick, Scope, plan
from psp.reproduce.results import read_lines, read_results
from psp.reproduce.runner import RunnerConfig, pending, run_all
from psp.reproduce.table import Table
from psp.reproduce.write_table import write_table
from psp.train.presets import LARGE


def compare(
    store: str | Path,
    labels: Sequence[str] = ("5/class",),
    split: str | None = None,
    methods: Sequence[str] = (),
    protocol: Protocol = "common",
    seeds: int = 3,
    out: str | Path = "comparison",
    runs: str | Path = "runs/compare",
    device: str = "auto",
    jobs: int | None = None,
) -> Table:
    """Train methods on the same label budgets of a store, write the table into the folder `out`, and return it.

    `labels` are label budgets such as "5/class" or "15%", each drawn `seeds` times from the training part of `split`;
    None is the default split. `methods` are names of systems, all if there are none. What is in `out` already is not
    trained again, and is part of the table. The accuracies of a row are `table.values("common-moco", column,
    ("average", "full"))` by seed. ConfigError for names that do not exist and for a split without a test.
    """
    opened = open_store(store)
    config, scope, asked = RunnerConfig(Path(runs), Path(out), device, jobs), Scope(), rows_of(methods, protocol)
    experiment = own_comparison(opened, labels, split, asked, seeds, Path(out))
    planned = plan(experiment, [opened], scope)
    missing = pending(asked_for(planned, asked), config)
    outcome = run_all(missing, experiment.name, config, lambda *_: None)
    for error in outcome.failed.values():
        raise error
    table = Table(experiment, planned, read_results(config.results))
    write_table(table, config.results / experiment.stem(scope))
    return table


def own_comparison(
    store: Store, labels: Sequence[str], split: str | None, asked: Sequence[str], seeds: int, results: Path
) -> Experiment:
    """Return the comparison on a store: the rows `asked`, and those of which the folder `results` has a result."""
    require(seeds >= 1, "seeds", seeds, "1 or more")
    divided = resolve_split(split, store)
    if not divided.tests:
        remedy = "Name another with --split, such as fraction=0.3."
        raise ConfigError(f"the split {divided.name} has no clips for testing.", where="split", remedy=remedy)
    known = {line["system"] for line in read_lines(results)}
    spec, large = split or divided.name, len(divided.train) >= LARGE
    columns = tuple(
        Column(_plain(each), each, spec, each, seeds, large=("best",) if large else (), own=store.dataset)
        for each in dict.fromkeys(labels)
    )
    name = [store.dataset, *([divided.name] if split else []), *(column.name for column in columns)]
    return Experiment(
        "-".join(map(_plain, name)),
        f"{store.dataset}: methods on the same labels, split {divided.name}",
        rows=tuple(row for row in comparison_rows({}) if row.name in {*asked, *known}),
        columns=columns,
        quick=Quick(columns=len(columns), seeds=1, epochs=1, steps=8),
        references=tuple(f"{protocol}-{name}" for name in ("supervised", *FOREIGN) for protocol in PROTOCOLS),
        drawing="costs",
    )


def rows_of(methods: Sequence[str], protocol: Protocol) -> list[str]:
    """Return the names of the rows of methods, of all if there are none; ConfigError for one that does not exist."""
    known = [system.name for system in compared()]
    for name in methods:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            remedy = f"Did you mean {near[0]!r}?" if near else f"Choose from {', '.join(known)}."
            raise ConfigError(f"there is no method {name!r}.", where="methods", remedy=remedy)
    return [f"{protocol}-{name}" for name in methods or known]


def asked_for(runs: Sequence[PlannedRun], rows: Sequence[str]) -> list[PlannedRun]:
    """Return the runs of some rows."""
    return [run for run in runs if run.row.name in rows]


def _plain(text: str) -> str:
    """Return a text as a part of a file name."""
    return re.sub(r"[^\w.=]+", "-", text.replace("%", "-percent")).strip("-.") or "data"
