from dataclasses import replace

import pytest

from experiments import SMALL
from psp.methods import METHODS
from psp.reproduce.cost import Cost, StageCost, expected_costs, steps_and_clips
from psp.reproduce.experiment import Scope, plan
from psp.train.api import make_task, start_run
from stores import small_store


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return small_store(tmp_path_factory.mktemp("cost") / "store")


def test_the_formula():
    pretrain, finetune = StageCost(1000, 64, clips_per_second=80.0), StageCost(500, 32, clips_per_second=40.0)
    cost = Cost("best", "5 %", runs=3, stages=(pretrain, finetune))
    assert pretrain.seconds == 800
    assert cost.seconds == 1200
    assert (cost.steps, cost.clips) == (1500, 53)
    assert cost.clips_per_second == pytest.approx(80_000 / 1200)


def test_steps_are_those_that_the_trainer_takes(store, tmp_path):
    for run in plan(SMALL, [store], Scope()) + plan(SMALL, [store], Scope(quick=True)):
        task = make_task(store, run.budget, run.column.split)
        training = start_run(task, run.config, run.folder(tmp_path), "cpu")
        assert steps_and_clips(run) == [(training.trainer.steps, training.trainer.meter.clips)]


def test_unlabelled_clips_count_where_they_are_used(store):
    labels, psp = plan(SMALL, [store], Scope())[:2]
    assert steps_and_clips(labels)[0][1] == 4
    assert steps_and_clips(psp)[0][1] == 12


def test_every_stage_of_a_run_is_measured(store):
    (run,) = plan(SMALL, [store], Scope())[:1]
    last = run.config.last
    pretrain = replace(last, name="pretrain", method=METHODS["moco"].Config(), epochs=2)
    config = replace(run.config, stages=(pretrain, replace(last, name="finetune", initialise="backbone")))
    (cost,) = expected_costs([replace(run, config=config)], "cpu")
    assert len(cost.stages) == 2
    assert all(stage.steps and stage.clips and stage.seconds > 0 for stage in cost.stages)


def test_each_system_is_measured_on_each_data_set_once(store, monkeypatch):
    asked = []

    def measured(run, stage, device):
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
