from dataclasses import replace

import pytest

from psp.errors import CheckpointError, ConfigError
from psp.report.compare import compare, confusions, curves, differing_settings, short_names
from psp.train.api import make_task, start_run, train_run
from runs import SMALL_RUN, with_stage
from stores import small_store


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    task = make_task(small_store(folder / "store"), "2/class", "synthetic-xsub")
    first = train_run(task, SMALL_RUN, folder / "runs" / "first")
    second = train_run(task, replace(with_stage(SMALL_RUN, epochs=2), seed=1), folder / "runs" / "second")
    begun = start_run(task, SMALL_RUN, folder / "runs" / "begun", device="cpu").folder.path
    return compare([first, second, begun], "cpu")


def test_runs_are_opened_and_evaluated(runs):
    assert [run.name for run in runs] == ["first", "second", "begun"]
    first, second, begun = runs
    assert set(first.evaluation) == {"average", "last"}
    assert 0 <= second.evaluation["last"]["full"]["top1"] <= 100
    assert (begun.evaluation, begun.result, begun.metrics) == ({}, {}, [])


def test_only_settings_that_differ_are_listed(runs):
    assert differing_settings(runs) == {"seed": [0, 1, 0], "epochs": [3, 2, 3]}
    assert differing_settings(runs[:1]) == {}


def test_labels_split_and_clips_are_settings_too(tmp_path):
    stores = [small_store(tmp_path / f"store{clips}", clips) for clips in (48, 40)]
    task = make_task(stores[0], "2/class", "synthetic-xsub")
    fewer = replace(task, labels=replace(task.labels, ids=task.labels.ids[1:]))
    paths = [
        start_run(each, SMALL_RUN, tmp_path / name, "cpu").folder.path
        for name, each in (("a", task), ("b", fewer), ("c", make_task(stores[1], "2/class", "synthetic-xsub")))
    ]
    assert list(differing_settings(compare(paths[:2], "cpu"))) == ["labels, sha256"]
    assert {"clips, sha256", "split, sha256"} <= set(differing_settings(compare(paths[1:], "cpu")))


def test_curves_and_confusion_are_those_of_the_runs(runs):
    lines = runs[0].metrics
    assert curves(runs, "loss")["first"] == [(line["step"], line["loss"]) for line in lines]
    assert [len(curve) for curve in curves(runs, "accuracy").values()] == [6, 4, 0]
    matrices = confusions(runs)
    assert list(matrices) == ["first", "second"]
    assert sum(map(sum, matrices["first"])) == 24
    assert list(confusions([runs[0], replace(runs[1], classes=("a", "b"))])) == ["first"]


def test_steps_without_a_quantity_are_left_out(runs):
    metrics = [{"step": 1, "loss": 2.0}, {"step": 2, "loss": 1.0, "accuracy": 0.5}]
    assert curves([replace(runs[0], metrics=metrics)], "accuracy") == {"first": [(2, 0.5)]}


def test_names_are_as_short_as_they_can_be(tmp_path):
    paths = [tmp_path / "a" / "run", tmp_path / "b" / "run"]
    assert short_names(paths) == ["a/run", "b/run"]
    assert short_names(paths[:1]) == ["run"]
    with pytest.raises(ConfigError, match="twice"):
        short_names([paths[0], tmp_path / "a" / ".." / "a" / "run"])


def test_a_folder_that_is_no_run_is_named(tmp_path):
    with pytest.raises(CheckpointError, match="not a training run"):
        compare([tmp_path])
