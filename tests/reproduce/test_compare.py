"""Methods on the same labels of any recordings: labels, splits, methods of other packages, what is there already."""

import csv
from dataclasses import dataclass, replace

import pytest

from experiments import SMALL
from psp import compare
from psp.errors import ConfigError
from psp.methods import FOREIGN, METHODS, Method
from psp.methods.supervised import Supervised, SupervisedConfig
from psp.reproduce import compare as module
from psp.reproduce.compare import own_comparison, rows_of
from psp.reproduce.comparison import compared, with_all_systems
from psp.reproduce.experiment import Scope, plan
from psp.reproduce.paper_tables import TABLE3
from psp.reproduce.results import read_lines
from stores import own_store, small_store


@dataclass(frozen=True)
class OwnConfig(SupervisedConfig):
    """Options of a method of another package."""

    weight: float = 0.5


class Own(Supervised):
    """A method of another package."""

    Config = OwnConfig


@pytest.fixture
def own_method(monkeypatch: pytest.MonkeyPatch) -> type[Method]:
    for methods in (FOREIGN, METHODS):
        monkeypatch.setitem(methods, "own", Own)
    return Own


@pytest.fixture
def small_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two systems that train for seconds."""
    rows = tuple(
        replace(row, name=f"common-{name}") for row, name in zip(SMALL.rows, ("supervised", "psp"), strict=True)
    )
    monkeypatch.setattr(module, "comparison_rows", lambda figures: rows)


def test_rows_share_labels_and_a_second_call_trains_only_what_is_new(small_rows, tmp_path):
    store = small_store(tmp_path / "store")
    paths = {"out": tmp_path / "out", "runs": tmp_path / "runs"}
    table = compare(store.path, ["2/class", "50%"], "fraction=0.4", ["supervised"], seeds=2, **paths)
    assert [row.name for row in table.rows] == ["common-supervised"]
    first = read_lines(tmp_path / "out")
    assert len(first) == 4
    again = compare(str(store.path), ["2/class", "50%"], "fraction=0.4", ["psp"], seeds=2, **paths)
    assert [row.name for row in again.rows] == ["common-supervised", "common-psp"]
    lines = read_lines(tmp_path / "out")
    assert lines[:4] == first
    assert {(line["column"], line["seed"], line["budget hash"]) for line in lines[:4]} == {
        (line["column"], line["seed"], line["budget hash"]) for line in lines[4:]
    }
    written = tmp_path / "out" / "synthetic-fraction=0.4-2-class-50-percent.csv"
    with written.open(newline="") as file:
        cells = [cell for cell in csv.DictReader(file) if cell["weights"] == "average"]
    assert [(cell["system"], cell["column"], cell["n"]) for cell in cells] == [
        (f"common-{name}", column, "2") for name in ("supervised", "psp") for column in ("2-class", "50-percent")
    ]
    for column in again.columns:
        difference = again.difference(again.rows[1], "common-supervised", column, ("average", "full"))
        assert difference is not None
        assert difference.n == 2


def test_a_method_of_another_package_is_a_row_of_every_comparison(own_method, tmp_path):
    assert "own" in [system.name for system in compared()]
    assert {"common-own", "best-own"} <= {row.name for row in with_all_systems(TABLE3).rows}
    store = small_store(tmp_path / "store")
    for protocol, modalities in (("common", ("joint", "motion")), ("best", ("joint", "velocity", "bone"))):
        asked = rows_of(["own", "supervised"], protocol)
        experiment = own_comparison(store, ["2/class"], None, asked, 1, tmp_path)
        own, supervised = sorted(plan(experiment, [store], Scope()), key=lambda run: run.row.name)
        assert own.config.last.method == OwnConfig(modalities)
        assert own.budget == supervised.budget
        assert own.config.last.optim == supervised.config.last.optim
        assert set(experiment.references) >= set(asked)


@pytest.mark.parametrize(
    ("split", "name"), [(None, "subject"), ("fraction=0.3", "fraction=0.3"), ("kfold=3/1", "kfold=3/1")]
)
def test_the_split_is_the_given_one_or_the_default(split, name, tmp_path):
    store = replace(own_store(tmp_path / "store", "coco17"), up="none")
    asked = rows_of([], "best")
    experiment = own_comparison(store, ["2/class"], split, asked, 1, tmp_path)
    runs = plan(experiment, [store], Scope())
    assert [run.row.name for run in runs] == asked
    assert {run.column.split for run in runs} == {name}
    assert {run.budget.split for run in runs} == {runs[0].budget.split}
    (teacher,) = (run for run in runs if run.row.name == "best-psp-mean-teacher")
    assert teacher.config.last.method.distribution_alignment is False
    assert experiment.title.endswith(f"split {name}")


def test_what_does_not_fit_is_refused(tmp_path):
    store = small_store(tmp_path / "store")
    with pytest.raises(ConfigError, match=r"no method 'mocco'.*'moco'"):
        rows_of(["mocco"], "common")
    with pytest.raises(ConfigError, match=r"the split none has no clips for testing.*--split"):
        own_comparison(store, ["2/class"], "none", ["common-moco"], 1, tmp_path)
    with pytest.raises(ConfigError, match="seeds"):
        own_comparison(store, ["2/class"], None, ["common-moco"], 0, tmp_path)
