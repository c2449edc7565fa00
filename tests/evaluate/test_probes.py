"""Linear and nearest-neighbour probes of frozen features, and the stage that trains a classifier alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from psp.evaluate.accuracy import Accuracy
from psp.evaluate.probes import linear_scores, nearest_scores, probe_run
from psp.train.api import make_task, start_run
from psp.train.config import changed
from psp.train.run import Run
from runs import small_run
from stores import small_store


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    store = small_store(tmp_path_factory.mktemp("probes") / "store")
    return make_task(store, "2/class", "synthetic-xsub")


@pytest.mark.unchecked
@pytest.mark.parametrize("optimiser", ["adamw", "muon"])
def test_a_frozen_stage_trains_the_classifier_alone(task, optimiser):
    """The weights and the batch norms of the backbone are those that pre-training averaged."""
    config = changed(small_run("moco"), {"method": {"frozen": True}, "optim": {"optimiser": optimiser}})
    config = replace(config, stages=tuple(replace(stage, epochs=1) for stage in config.stages))
    run = Run(task, config, None, "cpu")
    before = {}

    def note(now) -> None:
        if now.stage == "finetune" and not before:
            before.update({name: value.clone() for name, value in run.trainer.method.backbone().state_dict().items()})

    run.train(note, handle_signals=False)
    after = run.model().predictor.backbone.state_dict()
    assert before
    assert all(torch.equal(value, after[name]) for name, value in before.items())


@pytest.mark.unchecked
@pytest.mark.parametrize("kind", ["linear", "knn"])
def test_probes_of_a_run_are_fitted_on_its_labels_and_measured_on_its_test_sets(task, tmp_path, kind):
    run = start_run(task, small_run("supervised"), tmp_path / "run", "cpu")
    run.train()
    found = probe_run(tmp_path / "run", kind)
    assert found.keys() == task.split.tests.keys()
    assert all(isinstance(each, Accuracy) and each.clips == len(task.split.tests[name]) for name, each in found.items())


@pytest.mark.parametrize("score", [linear_scores, nearest_scores])
def test_probes_recognise_separate_classes_and_leave_out_those_without_labels(score):
    draw = np.random.default_rng(0)
    labels = np.repeat([0, 2], 10)
    features = np.eye(3)[labels] * 5 + draw.normal(0, 0.1, (20, 3))
    scores = score(features, labels, features[::-1], 4)
    assert scores.argmax(axis=1).tolist() == labels[::-1].tolist()
    assert (scores[:, [1, 3]] < scores[:, [0, 2]].min()).all()


def test_classes_are_ranked_by_their_nearest_labelled_clip():
    known, labels = np.array([[1.0, 0.0], [0.0, 2.0], [-1.0, 0.0], [3.0, 3.0]]), np.array([2, 0, 3, 0])
    scores = nearest_scores(known, labels, np.array([[1.0, 0.1]]), 4)
    assert np.argsort(-scores[0]).tolist() == [2, 0, 3, 1]
