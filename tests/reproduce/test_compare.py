"""Methods on the same labels of any recordings: labels, splits, methods of other packages, what is there already."""

import csv
import signal
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint

import numpy as np
import pytest

from experiments import SMALL
from psp import StoreWriter, compare, make_task, open_store, prepare
from psp.dataset.split import resolve_split
from psp.errors import CheckpointError, ConfigError, TrainingError
from psp.methods import FOREIGN, GROUP, METHODS, Method, foreign_methods
from psp.methods.supervised import Supervised, SupervisedConfig
from psp.preprocess.normalise import normalisation
from psp.reproduce import compare as module
from psp.reproduce.clusters import cluster_labels
from psp.reproduce.compare import own_comparison, planned_runs, rows_of
from psp.reproduce.comparison import compared, with_all_systems
from psp.reproduce.experiment import Scope, plan
from psp.reproduce.paper_tables import TABLE3
from psp.reproduce.results import read_lines
from psp.reproduce.write_table import markdown
from psp.skeleton.catalogue import layout_by_name
from psp.train.interrupt import Interrupted
from runs import small_run
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
    (written,) = (tmp_path / "out").glob("synthetic-fraction=0.4-2-class-50-percent-*.csv")
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
    assert "own" in [system.name for system in compared("common")]
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


def test_another_default_of_a_method_of_another_package_is_another_run(own_method, monkeypatch):
    @dataclass(frozen=True)
    class Changed(OwnConfig):
        weight: float = 0.2

    before = small_run("own").hash
    monkeypatch.setattr(Own, "Config", Changed)
    assert small_run("own").hash != before


@pytest.mark.parametrize(
    ("split", "name"), [(None, "subject"), ("fraction=0.3", "fraction=0.3"), ("kfold=3/1", "kfold=3/1")]
)
def test_the_split_is_the_given_one_or_the_default(split, name, tmp_path):
    store = replace(own_store(tmp_path / "store", "coco17"), up="none")
    asked = rows_of([], "best")
    experiment = own_comparison(store, ["2/class"], split, asked, 1, tmp_path)
    runs = plan(experiment, [store], Scope())
    assert [run.row.name for run in runs] == asked
    assert {run.column.split_name for run in runs} == {f"{name} {resolve_split(split, store).hash[:8]}"}
    assert {run.budget.split for run in runs} == {runs[0].budget.split}
    (teacher,) = (run for run in runs if run.row.name == "best-psp-mean-teacher")
    assert teacher.config.last.method.distribution_alignment is False
    assert experiment.title.endswith(f"split {name}")


def test_a_store_of_the_authors_normalisation_is_compared_too(tmp_path):
    prepare("synthetic", tmp_path / "store", clips=40, normalise=normalisation("authors", layout_by_name("ntu25")))
    store = open_store(tmp_path / "store")
    experiment = own_comparison(store, ["2/class"], None, ["common-moco"], 2, tmp_path)
    assert len(plan(experiment, [store], Scope())) == 2


def test_results_of_one_split_file_are_not_those_of_another(tmp_path):
    store = small_store(tmp_path / "store")
    ids, found = store.clips.id.tolist(), []
    for test in (ids[:16], ids[16:32]):
        path = tmp_path / "split.csv"
        path.write_text("id,part\n" + "".join(f"{name},{'test' if name in test else 'train'}\n" for name in ids))
        experiment = own_comparison(store, ["2/class"], str(path), ["common-moco"], 1, tmp_path)
        (run,) = plan(experiment, [store], Scope())
        found.append((run.key, run.folder(tmp_path), experiment.name))
    assert all(one != other for one, other in zip(*found, strict=True))


def test_label_budgets_have_names_of_their_own(tmp_path):
    store = small_store(tmp_path / "store")
    labels = ["5/class", "5/class!", "a/labels.csv", "b/labels.csv", "5/class"]
    columns = own_comparison(store, labels, None, ["common-moco"], 1, tmp_path).columns
    assert {column.name: column.budget for column in columns} == {
        "5-class": "5/class", "5-class-2": "5/class!", "labels.csv": "a/labels.csv", "labels.csv-2": "b/labels.csv",
    }  # fmt: skip


def test_labels_of_a_file_are_those_of_every_method_and_seed(small_rows, tmp_path):
    """The data set itself has two labels only, fewer than the file."""
    small = small_store(tmp_path / "first")
    label = np.where(np.arange(len(small)) < 40, -1, small.clips.label)
    with StoreWriter(
        tmp_path / "store", dataset="mine", layout=small.layout, classes=small.classes, up="y", source="tests"
    ) as writer:
        for number in range(len(small)):
            clip = small.clip(number)
            info = replace(clip.info, label=None if label[number] < 0 else int(label[number]))
            writer.add(replace(clip, info=info))
    lines = [f"{small.clips.id[number]},class {small.clips.label[number]}" for number in range(12)]
    (tmp_path / "mine.csv").write_text("\n".join(["id,label", *lines]) + "\n")
    store = open_store(tmp_path / "store")
    task = make_task(store, str(tmp_path / "mine.csv"), "subject=5,6")
    assert cluster_labels(task) == task.labels
    table = compare(
        tmp_path / "store", [str(tmp_path / "mine.csv")], "subject=5,6", ["supervised"],
        seeds=2, out=tmp_path / "out", runs=tmp_path / "runs",
    )  # fmt: skip
    assert "over seeds: trainings on the same labels." in markdown(table)
    table.columns = (*table.columns, replace(table.columns[0], name="drawn", own=None))
    assert f"drawn for it, but all on the same labels for: {tmp_path / 'mine.csv'}." in markdown(table)


def test_rows_of_other_data_and_of_quick_runs_are_no_rows(small_rows, tmp_path):
    store = small_store(tmp_path / "store")
    paths = {"out": tmp_path / "out", "runs": tmp_path / "runs"}
    compare(store.path, ["2/class"], None, ["psp"], seeds=1, **paths)
    experiment = own_comparison(store, ["2/class"], None, ["common-supervised"], 1, tmp_path / "out")
    quick = planned_runs(experiment.in_scope(Scope(quick=True)), store, Scope(quick=True), [], tmp_path / "out")
    assert quick == []
    whole = planned_runs(experiment, store, Scope(), ["common-supervised"], tmp_path / "out")
    assert [run.row.name for run in whole] == ["common-supervised", "common-psp"]
    other = small_store(tmp_path / "other", clips=40)
    rows = own_comparison(other, ["2/class"], None, ["common-supervised"], 1, tmp_path / "out").rows
    assert [row.name for row in rows] == ["common-supervised"]
    (tmp_path / "out" / "runs.csv").write_text("a;b\n1;2\n")
    with pytest.raises(CheckpointError, match="this result is damaged"):
        compare(store.path, ["2/class"], None, ["psp"], seeds=1, **paths)


def test_a_run_that_fails_or_is_stopped_is_told_after_the_table_is_written(small_rows, tmp_path, monkeypatch):
    store = small_store(tmp_path / "store")
    paths = {"out": tmp_path / "out", "runs": tmp_path / "runs"}

    def refuse(run, *_):
        if run.row.name == "common-psp":
            raise ZeroDivisionError("division by zero")
        return signal.SIGINT

    monkeypatch.setattr("psp.reproduce.runner.make_result", refuse)
    with pytest.raises(Interrupted):
        compare(store.path, ["2/class"], None, ["supervised"], seeds=1, **paths)
    assert len(list((tmp_path / "out").glob("*.md"))) == 1
    with pytest.raises(TrainingError, match="ZeroDivisionError: division by zero"):
        compare(store.path, ["2/class"], None, ["psp"], seeds=1, **paths)


def test_a_method_of_another_package_needs_a_name_and_options_of_its_own(monkeypatch):
    point = EntryPoint("own", "package:Own", GROUP)
    monkeypatch.setattr(EntryPoint, "load", lambda self: Own)
    assert foreign_methods([point]) == {"own": Own}
    with pytest.raises(ConfigError, match="package:Own is called 'moco', and so is another method"):
        foreign_methods([EntryPoint("moco", "package:Own", GROUP)])
    monkeypatch.setattr(EntryPoint, "load", lambda self: type("Same", (Supervised,), {}))
    with pytest.raises(ConfigError, match=r"the options of the method 'own' \(package:Own\) are those of 'supervised'"):
        foreign_methods([point])


def test_what_does_not_fit_is_refused(tmp_path):
    store = small_store(tmp_path / "store")
    with pytest.raises(ConfigError, match=r"no method 'mocco'.*'moco'"):
        rows_of(["mocco"], "common")
    with pytest.raises(ConfigError, match=r"the split none has no clips for testing.*--split"):
        own_comparison(store, ["2/class"], "none", ["common-moco"], 1, tmp_path)
    with pytest.raises(ConfigError, match="seeds"):
        own_comparison(store, ["2/class"], None, ["common-moco"], 0, tmp_path)
