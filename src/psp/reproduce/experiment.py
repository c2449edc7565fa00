"""An experiment of the paper: its rows (systems), its columns (data and labels) and the runs that fill the cells."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from psp.config.ranges import require
from psp.dataset.benchmarks import BENCHMARKS
from psp.dataset.budget import LabelBudget
from psp.dataset.split import Split
from psp.dataset.store import Store
from psp.errors import ConfigError
from psp.model.encoder import SIZES, EncoderConfig, Size
from psp.preprocess.normalise import normalisation
from psp.train.api import make_task
from psp.train.config import Precision, TrainConfig, rescheduled
from psp.train.presets import LARGE, DataFacts, PresetName, facts_of
from psp.train.run_folder import Task

Key = tuple[str, str, str, str]
"""Hash of the configuration, fingerprint of the clips, name of the split, hash of the label budget."""


@dataclass(frozen=True)
class Scope:
    """How much of an experiment to run; a quick version has its own epochs.

    Without `size` the networks of the paper's systems are tiny DSTA-Nets and those of `best` light graph encoders.
    The long schedules of the paper and its program are cut to `epochs`; that of `best` stays as it is. `seeds`
    replaces the number of label budgets of every column. `preset` holds the settings that an ablation starts from;
    experiments that compare presets refuse it. If `precision` is given, every system is computed in it.
    """

    size: Size | None = None
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

    @property
    def size_of_dsta(self) -> Size:
        """The size of DSTA-Nets; `light`, which is none, is for `best` alone."""
        return "tiny" if self.size in (None, "light") else self.size


@dataclass(frozen=True)
class Column:
    """One split and label budget, drawn once for each of `seeds`; `quick_budget` is that of the quick version.

    `split` is a benchmark or, for recordings of the data set `own`, any split. The presets in `large` use their
    settings for large data sets, however many clips the store holds. With `turned` ablations of preset `paper` train on
    random turns of the view, from a store of the authors' normalisation. `rows` names the systems that are measured in
    it, all if there is none.
    """

    name: str
    title: str
    split: str | Split
    budget: str
    seeds: int
    quick_budget: str = ""
    large: tuple[PresetName, ...] = ()
    turned: bool = False
    rows: tuple[str, ...] = ()
    own: str = ""

    @property
    def dataset(self) -> str:
        """The data set of the split."""
        return self.own or BENCHMARKS[self.split_name].dataset

    @property
    def split_name(self) -> str:
        """The name of the split in results; that of a split that is no benchmark ends with its hash."""
        return self.split if isinstance(self.split, str) else f"{self.split.name} {self.split.hash[:8]}"

    def facts_for(self, preset: PresetName, facts: DataFacts) -> DataFacts:
        """Return the facts for a preset, which must not make the settings of a column depend on the store's size."""
        return replace(facts, clips=LARGE if preset in self.large else min(facts.clips, LARGE - 1))

    def shortened(self, seeds: int) -> "Column":
        """Return this column as the quick version has it."""
        if not self.quick_budget:
            return replace(self, seeds=seeds)
        return replace(self, seeds=seeds, budget=self.quick_budget, title=f"{self.title} (here {self.quick_budget})")


Make = Callable[[Column, DataFacts, Scope], TrainConfig]
"""Returns the configuration of a system for a column, the facts of its data and the scope."""


@dataclass(frozen=True)
class Row:
    """One system: its configuration, and what the paper reports for it by column.

    It needs a store of the authors' normalisation if `authors` is true. `columns` names the columns that it is measured
    in, all if there is none. `labels` returns other labels than those of the column for a system that chooses its own.
    """

    name: str
    title: str
    make: Make
    paper: Mapping[str, float] = field(default_factory=dict)
    authors: bool = False
    columns: tuple[str, ...] = ()
    labels: Callable[[Task], LabelBudget] | None = None


@dataclass(frozen=True)
class Quick:
    """The size of the quick version: how many columns, seeds, epochs and steps per epoch it has at most."""

    columns: int
    seeds: int
    epochs: int
    steps: int


@dataclass(frozen=True, eq=False)
class PlannedRun:
    """A run that a cell needs: configured, its labels drawn; `fingerprint` is that of the clips in `store`."""

    row: Row
    column: Column
    size: Size
    config: TrainConfig
    budget: LabelBudget
    store: Path
    fingerprint: str

    @property
    def key(self) -> Key:
        """The identity of the run: runs with equal keys are the same run."""
        return self.config.hash, self.fingerprint, self.column.split_name, self.budget.hash

    @property
    def name(self) -> str:
        """A readable name."""
        return f"{self.row.name}, {self.column.title}, seed {self.config.seed}"

    def folder(self, runs: Path) -> Path:
        """Return the run folder; all experiments share the runs in `runs`."""
        own = [] if isinstance(self.column.split, str) else [self.column.split.hash[:8]]
        return runs / "-".join([self.config.hash, self.fingerprint[:8], self.budget.hash[:8], *own])


@dataclass(frozen=True)
class Experiment:
    """A table or figure: its rows are systems, its columns label budgets.

    `others` are the systems for which only the numbers of the paper exist. Rows are compared, on the same labels, with
    each of the rows named in `references`. `from_weights` says that a figure is drawn from the trained networks, so
    that results alone are not enough; `ablates` says that its rows start from the preset that the scope names.
    `drawing` is the picture that is drawn of it, one of `psp.reproduce.drawings.DRAWINGS`.
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
    drawing: str = ""
    is_quick: bool = False

    def in_scope(self, scope: Scope) -> "Experiment":
        """Return this experiment or, if the scope asks for it, its quick version without the numbers of the paper."""
        if not scope.quick or self.is_quick:
            return self
        rows = tuple(replace(row, paper={}) for row in self.rows)
        columns = tuple(column.shortened(self.quick.seeds) for column in self.columns[: self.quick.columns])
        title = f"{self.title} (quick version)"
        return replace(self, title=title, rows=rows, columns=columns, others={}, is_quick=True)

    def needs_authors(self, row: Row, column: Column, scope: Scope) -> bool:
        """Return whether a cell needs a store of the authors' normalisation."""
        return column.turned and scope.preset == "paper" if self.ablates else row.authors

    def configured(self, config: TrainConfig, scope: Scope, seed: int) -> TrainConfig:
        """Return the configuration of a row with the seed, and with the precision and epochs of the scope."""
        stages, runtime = config.stages, config.runtime
        if scope.precision:
            runtime = replace(runtime, precision=scope.precision)
        if scope.quick:
            stages = tuple(
                replace(rescheduled(stage, min(self.quick.epochs, stage.epochs)), steps_per_epoch=self.quick.steps)
                for stage in stages
            )
        elif scope.epochs and config.last.optim.schedule == "steps":
            stages = (*stages[:-1], rescheduled(config.last, min(scope.epochs, config.last.epochs)))
        return replace(config, stages=stages, runtime=runtime, seed=seed)

    def stem(self, scope: Scope, columns: Sequence[Column] | None = None) -> str:
        """Return the name of the files without ending: another scope or fewer columns give another name."""
        whole = self.in_scope(scope).columns
        shown = [] if columns is None or len(columns) == len(whole) else [column.name for column in columns]
        ablation = [scope.preset] if scope.preset != "paper" else []
        quick = ["quick"] if scope.quick else []
        size = [scope.size] if scope.size else []
        epochs = [f"{scope.epochs}-epochs"] if scope.epochs else []
        seeds = [f"{scope.seeds}-seeds"] if scope.seeds else []
        precision = [scope.precision] if scope.precision else []
        return "-".join([self.name, *ablation, *quick, *size, *epochs, *seeds, *precision, *shown])


def plan(experiment: Experiment, stores: Sequence[Store], scope: Scope) -> list[PlannedRun]:
    """Return every run that the experiment needs on these data sets, column by column, then seed by seed.

    Rows and columns that need another store are left out.
    """
    experiment = experiment.in_scope(scope)
    _check_stores(experiment, stores)
    _check_preset(experiment, scope)
    runs: list[PlannedRun] = []
    shortened = False
    for column in experiment.columns:
        fitting = [store for store in stores if store.dataset == column.dataset]
        for seed in range(scope.seeds or column.seeds) if fitting else ():
            for run, whole in _runs_of(experiment, column, fitting, scope, seed):
                runs.append(run)
                shortened = shortened or run.config.last.epochs < whole.last.epochs
    if scope.epochs and not shortened:
        what = f"no run of {experiment.name} has a schedule that {scope.epochs} epochs would shorten."
        raise ConfigError(what, where="epochs", remedy="Leave it out.")
    return runs


def _runs_of(
    experiment: Experiment, column: Column, stores: Sequence[Store], scope: Scope, seed: int
) -> Iterator[tuple[PlannedRun, TrainConfig]]:
    """Yield the runs of a column and seed, each with its configuration before it was shortened."""
    tasks = {
        _is_authors(store) and not column.own: make_task(store, column.budget, column.split, seed) for store in stores
    }
    for row in experiment.rows:
        task = tasks.get(experiment.needs_authors(row, column, scope))
        if task is None or not _is_measured(row, column):
            continue
        store, whole = task.store, row.make(column, facts_of(task), scope)
        assert store.path is not None
        config = experiment.configured(whole, scope, seed)
        size = _size_of(config.model.encoder)
        labels = task.labels if row.labels is None else row.labels(task)
        yield PlannedRun(row, column, size, config, labels, store.path, store.fingerprint), whole


def _is_measured(row: Row, column: Column) -> bool:
    return column.name in (row.columns or (column.name,)) and row.name in (column.rows or (row.name,))


def _size_of(encoder: EncoderConfig) -> Size:
    """Return the size whose blocks an encoder has, `light` for others, such as those of the graph encoder."""
    return next((size for size, blocks in SIZES.items() if blocks == encoder.blocks), "light")


def _is_authors(store: Store) -> bool:
    """Return whether a store has the authors' normalisation."""
    layout = store.layout
    has_joints = layout.spine is not None and layout.shoulders is not None
    return has_joints and store.normalise == normalisation("authors", layout)


def _check_preset(experiment: Experiment, scope: Scope) -> None:
    if scope.preset != "paper" and not experiment.ablates:
        what = f"each row of {experiment.name} has a preset of its own."
        raise ConfigError(what, where="preset", remedy="Leave it out; --rows chooses among the rows.")


def _check_stores(experiment: Experiment, stores: Sequence[Store]) -> None:
    """Raise ConfigError unless every store holds a data set of the experiment, and no two the same one, alike."""
    wanted = {column.dataset for column in experiment.columns}
    seen: set[tuple[str, bool]] = set()
    for store in stores:
        kind = (store.dataset, _is_authors(store))
        if store.dataset not in wanted or kind in seen:
            again = "a second store holds" if kind in seen else f"{experiment.name} is not made from"
            remedy = f"Name one store of {' or '.join(sorted(wanted))}."
            raise ConfigError(f"{again} {store.dataset!r}.", where=str(store.path), remedy=remedy)
        seen.add(kind)
