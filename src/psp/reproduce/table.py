"""The table of an experiment, made from the results of runs: cells, conditions of rows, and paired differences."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

from scipy.special import stdtrit

from psp.reproduce.experiment import Column, Experiment, Key, PlannedRun, Row
from psp.reproduce.results import RunResult, results_of

CONFIDENCE = 0.95
BEST_ON_TEST = "best epoch on the test set, not a result"

Measure = tuple[str, str]
"""The weights (`average`, `last` or BEST_ON_TEST) and the test set."""

Stem = Callable[[Sequence[Column]], Path]
"""Returns the path without extension of a file that shows some columns."""


@dataclass(frozen=True)
class Summary:
    """Mean and standard deviation of n values; one value alone has no deviation."""

    mean: float
    deviation: float | None
    n: int

    def __str__(self) -> str:
        return f"{self.mean:.1f}" if self.deviation is None else f"{self.mean:.1f} ± {self.deviation:.1f}"


@dataclass(frozen=True)
class Difference:
    """Mean and standard deviation of n paired differences; one pair alone has no deviation."""

    mean: float
    deviation: float | None
    n: int

    @property
    def interval(self) -> tuple[float, float] | None:
        """The interval mean ± t(n - 1) s / sqrt(n) of Student's t."""
        if self.deviation is None:
            return None
        half = float(stdtrit(self.n - 1, 0.5 + CONFIDENCE / 2)) * self.deviation / math.sqrt(self.n)
        return self.mean - half, self.mean + half

    def __str__(self) -> str:
        if self.interval is None:
            return f"{self.mean:+.1f}, n = {self.n}"
        low, high = self.interval
        return f"{self.mean:+.1f} [{low:+.1f}, {high:+.1f}], n = {self.n}"


def summarise(values: Sequence[float]) -> Summary:
    """Return mean and sample standard deviation (n - 1) of at least one value."""
    return Summary(mean(values), stdev(values) if len(values) > 1 else None, len(values))


def paired_difference(ours: Sequence[float], reference: Sequence[float]) -> Difference:
    """Return mean and deviation of ours - reference over pairs."""
    differences = [one - other for one, other in zip(ours, reference, strict=True)]
    return Difference(mean(differences), stdev(differences) if len(differences) > 1 else None, len(differences))


def pooled_deviation(differences: Iterable[Difference | None]) -> float | None:
    """Return the deviation of one pair, pooled over systems by their n - 1; None if no system has two pairs."""
    known = [(each.deviation, each.n - 1) for each in differences if each and each.deviation is not None]
    weight = sum(freedom for _, freedom in known)
    return math.sqrt(sum(freedom * deviation**2 for deviation, freedom in known) / weight) if known else None


@dataclass(frozen=True)
class Cell:
    """The accuracies of one system in one column, the number of seeds planned, and what the paper reports."""

    summary: Summary | None
    planned: int
    paper: float | None

    def __str__(self) -> str:
        missing = (
            f", {self.summary.n} of {self.planned} seeds" if self.summary and self.summary.n < self.planned else ""
        )
        reported = "" if self.paper is None else f" ({self.paper:.1f})"
        return f"{self.summary or '–'}{missing}{reported}"


@dataclass(frozen=True)
class Conditions:
    """The conditions under which a row was measured, in words."""

    size: str
    epochs: str
    seeds: str
    device: str
    precision: str
    minutes: str


class Table:
    """The results of an experiment by system and column; the experiment must have the scope of its runs."""

    def __init__(self, experiment: Experiment, runs: Sequence[PlannedRun], found: Mapping[Key, RunResult]) -> None:
        self.experiment, self.runs = experiment, tuple(runs)
        names = list(dict.fromkeys(run.column.name for run in runs))
        self.columns = [column for column in experiment.columns if column.name in names]
        shown = {run.row.name for run in runs}
        self.rows = [row for row in experiment.rows if row.name in shown]
        self.results = results_of(runs, found)
        self.planned = {(run.row.name, run.column.name): 0 for run in runs}
        for run in runs:
            self.planned[run.row.name, run.column.name] += 1

    @property
    def measures(self) -> list[Measure]:
        """The kinds of accuracy that the results hold, the averaged weights on the full test set first."""
        found = [result for results in self.results.values() for result in results]
        kinds = [(kind, name) for result in found for kind, sets in result.top1.items() for name in sets]
        best = [(BEST_ON_TEST, name) for result in found for name in result.best_on_test or {}]
        return list(dict.fromkeys([*kinds, *best]))

    def cell(self, row: Row, column: Column, measure: Measure) -> Cell:
        """Return one cell; the number of the paper belongs to the full test set."""
        values = list(self.values(row.name, column, measure).values())
        planned = self.planned.get((row.name, column.name), 0)
        paper = row.paper.get(column.name) if measure[1] == "full" and planned else None
        return Cell(summarise(values) if values else None, planned, paper)

    def difference(self, row: Row, reference: str, column: Column, measure: Measure) -> Difference | None:
        """Return the row's mean advantage over another on the same label budgets."""
        ours, others = (self.values(name, column, measure) for name in (row.name, reference))
        seeds = sorted(set(ours) & set(others))
        return paired_difference([ours[s] for s in seeds], [others[s] for s in seeds]) if seeds else None

    def values(self, row: str, column: Column, measure: Measure) -> dict[int, float]:
        """Return accuracies by seed."""
        kind, name = measure
        results = self.results.get((row, column.name), [])
        sets = {
            found.seed: (found.best_on_test or {}) if kind == BEST_ON_TEST else found.top1[kind] for found in results
        }
        return {seed: accuracies[name] for seed, accuracies in sets.items() if name in accuracies}

    def conditions(self, row: Row, measure: Measure) -> Conditions:
        """Return size, epochs, seeds by column, device, precision and shortest wall time of the runs behind a row."""
        by_column = [self.measured(row, column, measure) for column in self.columns]
        results = [result for cell in by_column for result in cell]
        return Conditions(
            size=each(f"{result.size}, {result.parameters:,} parameters" for result in results),
            epochs=each(str(result.epochs) for result in results),
            seeds="/".join(str(len(cell)) for cell in by_column),
            device=each(result.device for result in results),
            precision=each(result.precision for result in results),
            minutes="/".join(fewest_minutes(cell) for cell in by_column),
        )

    def measured(self, row: Row, column: Column, measure: Measure) -> list[RunResult]:
        """Return the results behind a cell, in the order of the seeds."""
        seeds = self.values(row.name, column, measure)
        return [result for result in self.results.get((row.name, column.name), []) if result.seed in seeds]


def each(words: Iterable[str]) -> str:
    """Return the different words joined by semicolons, each once."""
    return "; ".join(dict.fromkeys(words)) or "–"


def fewest_seconds(results: Sequence[RunResult]) -> float:
    """Return the wall time of the fastest of some trainings, the least delayed by other programs and machines."""
    return min(result.seconds for result in results)


def fewest_minutes(results: Sequence[RunResult]) -> str:
    """Return the wall time of the fastest training, in minutes."""
    return f"{fewest_seconds(results) / 60:.1f}" if results else "–"
