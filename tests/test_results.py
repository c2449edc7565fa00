"""The committed table of runs holds what was measured, and the published tables are made from it."""

import csv
import io
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from psp.dataset.build import prepare
from psp.dataset.store import Store, open_store
from psp.preprocess.normalise import normalisation
from psp.reproduce.comparison import SYSTEMS, with_all_systems
from psp.reproduce.experiment import PlannedRun, Scope, plan
from psp.reproduce.paper_tables import EXPERIMENTS as PAPER
from psp.reproduce.results import Line, config_hash, read_configs, read_lines, read_results
from psp.reproduce.table import Table
from psp.reproduce.write_table import as_csv, markdown
from psp.skeleton.catalogue import layout_by_name
from psp.train.api import make_task, preset_config
from psp.train.presets import DataFacts

RESULTS = Path(__file__).parents[1] / "results"
OLD_FIGURES = Path(__file__).parent / "results" / "old_figures.csv"
"""The accuracies of every run as they were in one JSON file for each run."""

EXPERIMENTS = PAPER | {"table3-systems": with_all_systems(PAPER["table3"])}
USUAL = Scope()
FULL = Scope("full", precision="bf16")

NAMES = {"supervised": "labels-text", "paper": "psp-text"}
"""Present names of systems that had another one when they were measured."""

LINES = read_lines(RESULTS)
FACTS = {
    "nw-ucla": (DataFacts(1018, 0, layout_by_name("kinect20")), 10),
}
"""What presets get to know of the data sets, and their number of classes."""


def is_retired(line: Line) -> bool:
    """Whether a run is of a system of the paper with a network that is not DSTA-Net; no table shows such runs."""
    systems = {"supervised", "paper", "published"}
    of_best = line["experiment"] == "table3" and line["system"] not in systems
    return line["size"] == "light" and not of_best and line["experiment"] not in ("table3-systems", "grid")


PLANNED = [line for line in LINES if not is_retired(line)]
ABLATED = tuple(f"{table}{number}" for table, rows in (("a", 3), ("b", 8)) for number in range(1, rows + 1))
AUTHORS = ("labels", "psp", "labels-authors", "psp-authors", *ABLATED)
"""The systems that need a store of the authors' normalisation."""

FINGERPRINTS = {"authors" if line["system"] in AUTHORS else "plain": line["store fingerprint"] for line in PLANNED}
"""Those of the data set as it was measured, by its preparation; other machines prepare it in other last bits."""


def old_name(line: Line) -> str:
    """The name of the JSON file that a run had."""
    hashes = "-".join(line[name][:8] for name in ("stored hash", "store fingerprint", "budget hash"))
    watched = "-every-epoch" if line["best epoch full top1"] else ""
    return f"{line['experiment']}/{line['system']}-{line['column']}-seed{line['seed']}-{hashes}{watched}.json"


def test_every_old_figure_is_in_the_table():
    found = {
        (old_name(line), weights, name): (line[f"{weights} {name} top1"], line[f"{weights} {name} top5"])
        for line in LINES
        for weights in ("average", "last")
        for name in ("full", "clean")
        if line[f"{weights} {name} top1"]
    }
    with OLD_FIGURES.open(newline="") as file:
        old = {(each["file"], each["weights"], each["test set"]): (each["top1"], each["top5"])
               for each in csv.DictReader(file)}  # fmt: skip
    assert set(old) <= set(found)
    assert {each: found[each] for each in old} == old


@cache
def hash_of(config: str) -> tuple[Line, str]:
    """The first line of a stored configuration and the hash that this version of psp computes from it."""
    line = next(line for line in LINES if line["config"] == config)
    return line, config_hash(line, read_configs(RESULTS))


@pytest.mark.parametrize("config", dict.fromkeys(line["config"] for line in LINES))
def test_a_stored_configuration_has_the_hash_that_the_table_names(config):
    line, computed = hash_of(config)
    assert line["config hash"] == computed


@pytest.mark.parametrize("config", dict.fromkeys(line["config"] for line in PLANNED))
def test_the_run_that_is_planned_today_is_the_one_that_was_measured(config):
    """Planned from the row, the column and the facts of the data, without the data set."""
    line, computed = hash_of(config)
    experiment, (facts, classes) = EXPERIMENTS[line["experiment"]], FACTS[line["dataset"]]
    row = next(row for row in experiment.rows if row.name == NAMES.get(line["system"], line["system"]))
    column = next(column for column in experiment.columns if column.name == line["column"])
    scope = FULL if line["size"] == "full" else USUAL
    made = row.make(column, replace(facts, labels_per_class=int(line["labels"]) / classes), scope)
    planned = experiment.configured(made, scope, int(line["seed"]))
    assert planned.hash == computed


def test_the_grid_chose_the_options_of_the_comparison_systems():
    """Of equally accurate values the first."""
    found = {line["system"]: float(line["average full top1"]) for line in LINES if line["experiment"] == "grid"}
    assert len(found) == 3 * len(SYSTEMS)
    for system in SYSTEMS:
        accuracies = [found[f"{system.name}-{value:g}"] for value in system.values]
        assert system.value == system.values[accuracies.index(max(accuracies))], system.name


@pytest.fixture(scope="module")
def stores(shared_data, tmp_path_factory) -> dict[str, Store]:
    folder = tmp_path_factory.mktemp("results")
    source = shared_data / "nw-ucla" / "all_sqe.zip"
    prepare(source, folder / "plain", format="nw-ucla")
    authors = normalisation("authors", layout_by_name("kinect20"))
    prepare(source, folder / "authors", format="nw-ucla", normalise=authors)
    return {name: open_store(folder / name) for name in ("plain", "authors")}


@pytest.fixture(scope="module")
def found():
    return read_results(RESULTS)


@pytest.fixture(scope="module")
def planned(stores):
    """Return every run of an experiment on the data sets at hand, as on the machine that measured them."""

    @cache
    def plans(name: str, scope: Scope) -> list[PlannedRun]:
        runs = plan(EXPERIMENTS[name], list(stores.values()), scope)
        return [replace(run, fingerprint=FINGERPRINTS[run.store.name]) for run in runs]

    return plans


PUBLISHED = [
    ("table3", USUAL),
    ("table3", FULL),
    ("table4", USUAL),
    ("figure7", USUAL),
    ("grid", USUAL),
    ("table3-systems", USUAL),
]


def scope_of(line: Line) -> tuple[str, Scope]:
    return line["experiment"], FULL if line["size"] == "full" else USUAL


@pytest.mark.slow
@pytest.mark.parametrize(("name", "scope"), PUBLISHED)
def test_a_published_table_is_made_of_all_published_results(planned, found, name, scope):
    table = Table(EXPERIMENTS[name], planned(name, scope), found)
    stem = RESULTS / EXPERIMENTS[name].stem(scope, table.columns)
    assert markdown(table) == stem.with_name(f"{stem.name}.md").read_text(encoding="utf-8")
    assert as_csv(table) == stem.with_name(f"{stem.name}.csv").read_text(encoding="utf-8")
    measured = {(line["config hash"], line["budget hash"]) for line in PLANNED if scope_of(line) == (name, scope)}
    assert {key for key in found if (key[0], key[3]) in measured} <= {run.key for run in table.runs}


def test_every_line_is_of_a_published_table():
    assert all(scope_of(line) in PUBLISHED for line in PLANNED)


def test_best_from_made_encoders_is_what_training_starts_with(stores):
    """The configuration of `psp train` with nothing else."""
    table = EXPERIMENTS["table3"]
    made = replace(table, rows=tuple(row for row in table.rows if row.name == "best-made"))
    runs = [run for run in plan(made, list(stores.values()), USUAL) if run.config.seed == 0]
    assert len(runs) == len(table.columns)
    for run in runs:
        task = make_task(stores["plain"], run.budget, run.column.split)
        assert run.config == preset_config(task, "best")
        assert run.config.last.initialise.startswith("made:kinect20")


def test_the_data_sets_are_prepared_as_they_were_measured(stores):
    """In float64 and rounded to float32 once: only other processors differ in the last bits."""
    assert {name: store.fingerprint for name, store in stores.items()} == FINGERPRINTS


def test_tables_hold_numbers():
    for path in RESULTS.glob("table*.csv"):
        for line in csv.DictReader(io.StringIO(path.read_text())):
            assert 0 <= float(line["mean"]) <= 100
            assert int(line["n"]) <= int(line["planned"])
