"""The calibration of finished runs."""

import json

import pytest
import torch

from benchmarks.__main__ import main
from benchmarks.calibration import best_temperature
from psp.evaluate.evaluate import evaluate_run
from psp.train.api import make_task, train_run
from runs import SMALL_RUN, with_stage
from stores import small_store


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_temperature_of_labels_is_found(temperature: float):
    draw = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(4000, 5, generator=draw)
    labels = torch.multinomial((logits / temperature).softmax(dim=1), 1, generator=draw)[:, 0]
    assert best_temperature(logits, labels) == pytest.approx(temperature, rel=0.1)


def test_a_run_is_measured_with_labels_that_it_did_not_use(tmp_path, capsys):
    task = make_task(small_store(tmp_path / "store"), "2/class", "synthetic-xsub")
    train_run(task, with_stage(SMALL_RUN, epochs=1), tmp_path / "run")
    out = tmp_path / "found.json"
    assert main(["calibration", str(tmp_path / "run"), "--out", str(out)]) == 0
    found = json.loads(out.read_text())["runs"]["run"]
    assert found["held-out clips"] == len(task.split.train) - 8
    evaluate_run(tmp_path / "run")
    for name, each in json.loads((tmp_path / "run/evaluation.json").read_text())["calibration"].items():
        assert found["test sets"][name]["as it is"] == pytest.approx(each, abs=0.02)
    assert "temperature" in capsys.readouterr().out
