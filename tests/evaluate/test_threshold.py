"""The threshold of no class is chosen on labelled clips outside the budget, else on the cross-validation."""

import json

import numpy as np
import pytest

from psp.cli.main import main
from psp.errors import ConfigError
from psp.evaluate.predict import predict_store
from psp.evaluate.threshold import threshold_of_run
from psp.evaluate.trained import open_trained
from psp.train.api import make_task, train_run
from runs import SMALL_RUN, with_stage
from stores import small_store


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Runs with two labels of a class and with all labels."""
    folder = tmp_path_factory.mktemp("runs")
    store = small_store(folder / "store")
    config = with_stage(SMALL_RUN, epochs=1)
    return [
        train_run(make_task(store, each, "synthetic-xsub"), config, folder / each[0]) for each in ("2/class", "all")
    ]


def test_it_is_chosen_on_training_clips_outside_the_budget(runs, monkeypatch):
    monkeypatch.setattr("psp.evaluate.threshold.FEWEST", 1)
    run = open_trained(runs[0], device="cpu")
    table = run.store.clips
    training, used = set(run.task.split.train), set(run.task.labels.ids)
    held_out = [n for n, id in enumerate(table.id.tolist()) if id in training - used]
    rows = predict_store(run.model, run.store).numpy()[held_out]
    right = rows.argmax(axis=1) == table.label[held_out]
    found = threshold_of_run(runs[0], "cpu")
    assert (found.clips, found.right) == (len(held_out), right.sum())
    best = rows.max(axis=1)[right]
    assert found.probability in best
    assert (best >= found.probability).mean() >= 0.95


def test_without_held_out_clips_it_is_chosen_on_the_cross_validation(runs, monkeypatch):
    with pytest.raises(ConfigError, match=r"0 clips whose labels were not used .* 20 are needed") as refusal:
        threshold_of_run(runs[1], "cpu")
    assert "--estimate" in refusal.value.remedy
    with pytest.raises(ConfigError, match="holds no clips"):
        threshold_of_run(runs[1] / "model.safetensors", "cpu")
    clips = [
        {"id": str(n), "class": "a", "recognised": "ab"[n % 2], "probability": 1 - n / 100} for n in range(40)
    ]  # fmt: skip
    monkeypatch.setattr("psp.evaluate.threshold.read_estimate", lambda path: {"clips": clips})
    (runs[1] / "estimate.json").touch()
    found = threshold_of_run(runs[1], "cpu")
    (runs[1] / "estimate.json").unlink()
    assert (found.clips, found.right, found.probability) == (40, 20, pytest.approx(0.62))


def test_predict_uses_it_only_if_asked(runs, monkeypatch, capsys):
    store = str(runs[0].parent / "store")
    assert main(["predict", str(runs[1]), store, "--none-below", "auto"]) == 2
    assert "Give a probability" in capsys.readouterr().err
    monkeypatch.setattr("psp.evaluate.threshold.FEWEST", 1)
    probability = threshold_of_run(runs[0], "cpu").probability
    for options, none in ((["--none-below", "auto"], True), ([], False)):
        assert main(["predict", str(runs[0]), store, "--show", "jsonl", *options]) == 0
        out = capsys.readouterr()
        found = [json.loads(line) for line in out.out.splitlines()]
        best = np.array([max(each["probabilities"].values()) for each in found])
        assert [each["label"] is None for each in found] == (none & (best < probability - 1e-6)).tolist()
        assert (f"none below {probability:.2f}" in out.err) is none
