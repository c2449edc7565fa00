"""An experiment of the paper: its rows (systems), its columns (data and labels) and the runs that fill the cells."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from psp.dataset.labels import LabelBudget, draw_budget
from psp.config.ranges import require
from psp.dataset.split import protocol_by_name, split_store
from psp.dataset.store import Store
from psp.errors import ConfigError
from psp.model.encoder import Size
from psp.train.config import TrainConfig
from psp.train.device import Precision
from psp.train.presets import PresetName
from psp.train.schedule import rescheduled


@dataclass(frozen=True)
class Scope:
    """How much of an experiment is wanted; a quick version has its own epochs.

    The long schedules of the paper and its program are cut to `epochs`; that of `best` stays as it is. `seeds`
    replaces the number of label budgets of every column. `preset` holds the settings that an ablation starts from;
    experiments that compare presets refuse it. Every system is computed in `precision`, if one is named.
    """

    size: Size = "tiny"
    epochs: int | None = None
    seeds: int | None = None
    preset: PresetName = "paper"
    quick: bool = False
    precision: Precision | None = None

    def __post_init__(self) -> None:
        for name, value in (("epochs", self.epochs), ("seeds", self.seeds)):
            if value is not None:
                require(value >= 1, name, value, "1 or more")
        for has_its_own, name in ((self.quick, "a quick version"), (self.preset == "best", "preset best")):
            if self.epochs and has_its_own:
                raise ConfigError(f"{name} has epochs of its own.", where="epochs", remedy="Leave one of them out.")


@dataclass(frozen=True)
class Row:
    """One system: its settings from protocol, label budget and scope, and by column what the paper reports for it.

    `size` is that of a network which is the same in every scope.
    """

    name: str
    title: str
    make: Callable[[str, str, Scope], TrainConfig]
    paper: Mapping[str, float] = field(default_factory=dict)
    size: Size | None = None


@dataclass(frozen=True)
class Column:
    """One benchmark and label budget, drawn once for each of `seeds`; `quick_budget` is that of the quick version."""

    name: str
    title: str
    protocol: str
    budget: str
    seeds: int
    quick_budget: str = ""

    def shortened(self, seeds: int) -> "Column":
        """This column of the quick version."""
        if not self.quick_budget:
            return replace(self, seeds=seeds)
        return replace(self, seeds=seeds, budget=self.quick_budget, title=f"{self.title} (here {self.quick_budget})")


@dataclass(frozen=True)
class Quick:
    """What is left of every run in the quick version."""

    columns: int
    seeds: int
    epochs: int
    steps: int


@dataclass(frozen=True, eq=False)
class PlannedRun:
    """A run that a cell needs: fully configured, its labels drawn; `fingerprint` is that of the clips in `store`."""

    row: Row
    column: Column
    size: Size
    config: TrainConfig
    budget: LabelBudget
    store: Path
    fingerprint: str

    @property
    def key(self) -> tuple[str, str, str]:
        """The hashes of configuration, clips and labels: runs with equal keys are the same run."""
        return self.config.hash, self.fingerprint, self.budget.hash

    @property
    def name(self) -> str:
        """A readable file name of its own."""
        hashes = "-".join(each[:8] for each in self.key)
        return f"{self.row.name}-{self.column.name}-seed{self.config.seed}-{hashes}"

    def folder(self, runs: Path) -> Path:
        """Where it trains: all experiments share the runs of one folder."""
        return runs / f"{self.config.hash}-{self.fingerprint[:8]}-{self.budget.hash[:8]}"


@dataclass(frozen=True)
class Experiment:
    """A table or figure of the paper.

    `others` are the systems of which there are only the paper's figures. Rows are compared, labels being equal, with
    each of the rows named in `references`. `from_weights` says that a figure is drawn from the trained networks, so
    that results alone are not enough, `ablates` that its rows start from the preset that the scope names.
    """

    name: str
    title: str
    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    quick: Quick
    others: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    references: tuple[str, ...] = ()
    from_weights: bool = False
    ablates: bool = False
    is_quick: bool = False

    def in_scope(self, scope: Scope) -> "Experiment":
        """Itself or, if the scope asks for that, its quick version, to which no figure of the paper compares."""
        if not scope.quick or self.is_quick:
            return self
        rows = tuple(replace(row, paper={}) for row in self.rows)
        columns = tuple(column.shortened(self.quick.seeds) for column in self.columns[: self.quick.columns])
        title = f"{self.title} (quick version)"
        return replace(self, title=title, rows=rows, columns=columns, others={}, is_quick=True)

    def stem(self, scope: Scope, columns: Sequence[Column] | None = None) -> str:
        """The name of its files, so that tables of another scope do not replace each other.

        Files that do not show all columns name theirs.
        """
        whole = self.in_scope(scope).columns
        shown = [] if columns is None or len(columns) == len(whole) else [column.name for column in columns]
        ablation = [scope.preset] if scope.preset != "paper" else []
        quick = ["quick"] if scope.quick else []
        epochs = [f"{scope.epochs}-epochs"] if scope.epochs else []
        seeds = [f"{scope.seeds}-seeds"] if scope.seeds else []
        precision = [scope.precision] if scope.precision else []
        return "-".join([self.name, *ablation, *quick, scope.size, *epochs, *seeds, *precision, *shown])


def plan(experiment: Experiment, stores: Sequence[Store], scope: Scope) -> list[PlannedRun]:
    """Every run that the experiment needs on these data sets, column by column, then seed by seed."""
    experiment = experiment.in_scope(scope)
    by_dataset = {store.dataset: store for store in stores}
    _check_stores(experiment, stores)
    _check_preset(experiment, scope)
    runs: list[PlannedRun] = []
    for column in experiment.columns:
        store = by_dataset.get(protocol_by_name(column.protocol).dataset)
        if store is not None:
            for seed in range(scope.seeds or column.seeds):
                runs += _runs_of(experiment, column, store, scope, seed)
    _check_epochs(experiment, runs, scope)
    return runs


def _runs_of(experiment: Experiment, column: Column, store: Store, scope: Scope, seed: int) -> list[PlannedRun]:
    protocol = protocol_by_name(column.protocol)
    budget = draw_budget(column.budget, protocol, store.clips, split_store(protocol, store).train, seed)
    runs = []
    for row in experiment.rows:
        config = replace(row.make(protocol.name, column.budget, scope), seed=seed, budget_seed=seed)
        config = _cut(_in_precision(config, scope.precision), experiment.quick, scope)
        runs.append(PlannedRun(row, column, row.size or scope.size, config, budget, store.path, store.fingerprint))
    return runs


def _in_precision(config: TrainConfig, precision: Precision | None) -> TrainConfig:
    return replace(config, precision=precision) if precision else config


def _cut(config: TrainConfig, quick: Quick, scope: Scope) -> TrainConfig:
    if scope.quick:
        return replace(_shortened(config, quick.epochs), steps=quick.steps)
    return _shortened(config, scope.epochs) if scope.epochs and config.optim.schedule == "steps" else config


def _shortened(config: TrainConfig, epochs: int) -> TrainConfig:
    return rescheduled(config, epochs) if epochs < config.epochs else config


def _check_preset(experiment: Experiment, scope: Scope) -> None:
    if scope.preset != "paper" and not experiment.ablates:
        what = f"{experiment.name} names the presets of its rows itself."
        raise ConfigError(what, where="preset", remedy="Leave it out; --rows chooses among the rows.")


def _check_epochs(experiment: Experiment, runs: Sequence[PlannedRun], scope: Scope) -> None:
    whole = (run.row.make(run.config.protocol, run.config.budget, scope).epochs for run in runs)
    if scope.epochs and not any(run.config.epochs < epochs for run, epochs in zip(runs, whole, strict=True)):
        what = f"no run of {experiment.name} has a schedule that {scope.epochs} epochs would cut short."
        raise ConfigError(what, where="epochs", remedy="Leave it out.")


def _check_stores(experiment: Experiment, stores: Sequence[Store]) -> None:
    """Every store must serve a column, and no two the same ones."""
    wanted = {protocol_by_name(column.protocol).dataset for column in experiment.columns}
    seen: set[str] = set()
    for store in stores:
        if store.dataset not in wanted or store.dataset in seen:
            again = "a second store holds" if store.dataset in seen else f"{experiment.name} is not made from"
            remedy = f"Name one store of {' or '.join(sorted(wanted))}."
            raise ConfigError(f"{again} {store.dataset!r}.", where=str(store.path), remedy=remedy)
        seen.add(store.dataset)
