"""Methods on the same labels of any recordings, in one table."""

import re
import signal
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from hashlib import sha256
from itertools import count
from pathlib import Path

from psp.config.ranges import require
from psp.dataset.split import resolve_split
from psp.dataset.store import Store, open_store
from psp.errors import ConfigError
from psp.methods import FOREIGN
from psp.reproduce.comparison import PER_MODALITY, PROTOCOLS, Protocol, compared, comparison_rows
from psp.reproduce.experiment import Column, Experiment, PlannedRun, Quick, Scope, plan
from psp.reproduce.results import read_lines, read_results
from psp.reproduce.runner import RunnerConfig, pending, run_all
from psp.reproduce.table import Table
from psp.reproduce.write_table import write_table
from psp.train.interrupt import Interrupted
from psp.train.presets import LARGE, PresetName

CLASS = ("/class", "/class!")
"""The ends of label budgets with a slash that is not one of a path."""


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
    ("average", "full"))` by seed. With several `jobs` (the default on a GPU) a script needs `if __name__ ==
    "__main__":`. ConfigError for names that do not exist and for a split without a test; after the table is written,
    the error of the first run that failed, and Interrupted if a signal ended the training.
    """
    opened, asked = open_store(store), rows_of(methods, protocol)
    config, scope = RunnerConfig(Path(runs), Path(out), device, jobs), Scope()
    experiment = own_comparison(opened, labels, split, asked, seeds, Path(out))
    planned = planned_runs(experiment, opened, scope, asked, config.results)
    missing = pending(asked_for(planned, asked), config)
    outcome = run_all(missing, experiment.name, config, lambda *_: None)
    table = Table(experiment, planned, read_results(config.results))
    write_table(table, config.results / experiment.stem(scope))
    for error in outcome.failed.values():
        raise error
    if outcome.finished < len(missing):
        raise Interrupted(signal.SIGINT)
    return table


def own_comparison(
    store: Store, labels: Sequence[str], split: str | None, asked: Sequence[str], seeds: int, results: Path
) -> Experiment:
    """Return the comparison on a store: the rows `asked`, and those that the folder `results` has for it already."""
    require(seeds >= 1, "seeds", seeds, "1 or more")
    divided = resolve_split(split, store)
    if not divided.tests:
        remedy = "Name another with --split, such as fraction=0.3."
        raise ConfigError(f"the split {divided.name} has no clips for testing.", where="split", remedy=remedy)
    large: tuple[PresetName, ...] = ("best",) if len(divided.train) >= LARGE else ()
    columns = tuple(
        Column(name, spec, divided, spec, seeds, large=large, own=store.dataset)
        for name, spec in _named(dict.fromkeys(labels)).items()
    )
    mark = sha256(f"{store.fingerprint} {divided.hash}".encode()).hexdigest()[:6]
    name = [store.dataset, *([divided.name] if split else []), *(column.name for column in columns), mark]
    experiment = Experiment(
        "-".join(map(_plain, name)),
        f"{store.dataset}: methods on the same labels, split {divided.name}",
        rows=comparison_rows({}),
        columns=columns,
        quick=Quick(columns=len(columns), seeds=1, epochs=1, steps=8),
        references=tuple(
            f"{protocol}-{name}" for name in ("supervised", PER_MODALITY.name, *FOREIGN) for protocol in PROTOCOLS
        ),
        drawing="costs",
    )
    shown = {*asked, *_measured(store, {column.split_name for column in columns}, results)}
    return replace(experiment, rows=tuple(row for row in experiment.rows if row.name in shown))


def rows_of(methods: Sequence[str], protocol: Protocol) -> list[str]:
    """Return the names of the rows of methods, of all if there are none; ConfigError for one that does not exist."""
    known = [system.name for system in compared(protocol)]
    for name in methods:
        if name not in known:
            near = get_close_matches(name, known, n=1)
            remedy = f"Did you mean {near[0]!r}?" if near else f"Choose from {', '.join(known)}."
            raise ConfigError(f"there is no method {name!r}.", where="methods", remedy=remedy)
    return [f"{protocol}-{name}" for name in methods or known]


def planned_runs(
    experiment: Experiment, store: Store, scope: Scope, asked: Sequence[str], results: Path
) -> list[PlannedRun]:
    """Return the runs of the rows `asked`, and of those of which the folder `results` has one of these runs."""
    runs, found = plan(experiment, [store], scope), read_results(results)
    return asked_for(runs, {*asked, *(run.row.name for run in runs if run.key in found)})


def asked_for(runs: Sequence[PlannedRun], rows: Collection[str]) -> list[PlannedRun]:
    """Return the runs of some rows."""
    return [run for run in runs if run.row.name in rows]


def _measured(store: Store, splits: Collection[str], results: Path) -> set[str]:
    """Return the systems of which a folder has results on a store and a split."""
    read_results(results)  # a damaged table is refused
    lines = [line for line in read_lines(results) if line["store fingerprint"] == store.fingerprint]
    return {line["system"] for line in lines if line["split"] in splits}


def _named(specs: Iterable[str]) -> dict[str, str]:
    """Return label budgets by different names that can be parts of names of files."""
    found: dict[str, str] = {}
    for spec in specs:
        base = _plain(spec if spec.endswith(CLASS) else Path(spec).name)
        found[next(name for n in count(1) if (name := base if n == 1 else f"{base}-{n}") not in found)] = spec
    return found


def _plain(text: str) -> str:
    """Return a text as a part of a file name."""
    return re.sub(r"[^\w.=]+", "-", text.replace("%", "-percent")).strip("-.")[:60] or "data"
