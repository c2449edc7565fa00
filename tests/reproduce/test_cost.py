import pytest

from experiments import SMALL
from psp.reproduce.cost import Cost, expected_costs, steps_and_clips
from psp.reproduce.experiment import Scope, plan
from psp.train.api import make_task, start_run
from stores import small_store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return small_store(tmp_path_factory.mktemp("cost") / "store")


def test_the_formula():
    assert Cost("best", "5 %", runs=3, steps=1000, clips=64, clips_per_second=80.0).seconds == 800


def test_steps_are_those_that_the_trainer_takes(store, tmp_path):
    for run in plan(SMALL, [store], Scope()) + plan(SMALL, [store], Scope(quick=True)):
        task = make_task(store, run.budget, run.column.benchmark)
        training = start_run(task, run.config, run.folder(tmp_path), "cpu")
        assert steps_and_clips(run)[0] == training.trainer.steps


def test_unlabelled_clips_count_where_they_are_used(store):
    labels, psp = plan(SMALL, [store], Scope())[:2]
    assert steps_and_clips(labels)[1] == 4
    assert steps_and_clips(psp)[1] == 12


def test_each_system_is_measured_on_each_data_set_once(store, monkeypatch):
    asked = []

    def measured(run, device):
        asked.append(run.row.name)
        return 10.0

    monkeypatch.setattr("psp.reproduce.cost.measured_speed", measured)
    costs = list(expected_costs(plan(SMALL, [store], Scope()), "cpu"))
    assert asked == ["labels", "psp"]
    assert [(cost.column, cost.runs) for cost in costs] == [
        ("2 labels", 2), ("2 labels", 2), ("4 labels", 1), ("4 labels", 1),
    ]  # fmt: skip


def test_speed_is_measured_and_leaves_nothing_behind(store, tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (cost,) = expected_costs(plan(SMALL, [store], Scope())[:1], "cpu")
    assert cost.clips_per_second > 0
    assert not list(tmp_path.iterdir())
