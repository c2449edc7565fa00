import json

import numpy as np
import pytest

from psp.evaluate.accuracy import wilson
from psp.evaluate.suspects import Suspect, is_better_than_guessing, suspects, suspects_of_run
from psp.files import write_json
from psp.train.api import make_task, train_run
from psp.train.run_folder import RunFolder
from runs import small_run, with_stage
from stores import small_store

IDS = [f"clip{number}" for number in range(8)]


def test_improbable_labels_are_named_the_most_improbable_first():
    probabilities = np.tile([0.8, 0.2], (8, 1))
    probabilities[2], probabilities[5], probabilities[6] = [0.05, 0.95], [0.2, 0.8], [0.4, 0.6]
    found = suspects(IDS, np.zeros(8, dtype=np.int64), probabilities, ("wave", "clap"))
    assert found == [Suspect("clip2", "wave", "clap", 0.95, 0.05), Suspect("clip5", "wave", "clap", 0.8, 0.2)]


def test_a_model_that_has_learnt_nothing_suspects_nobody():
    probabilities = np.tile([0.1, 0.9], (8, 1))
    assert suspects(IDS, np.array([0, 0, 0, 1, 1, 1, 1, 1]), probabilities, ("wave", "clap")) == []


@pytest.mark.parametrize("name", ["evaluation.json", "estimate.json"])
def test_a_run_is_better_than_guessing_by_its_interval(tmp_path, name):
    folder = RunFolder(tmp_path)
    assert is_better_than_guessing(folder)
    for right, better in ((5, False), (9, True)):
        confusion = [[right, 10 - right], [10 - right, right]]
        figures = {"clips": 20, "top1": 10.0 * right, "top5": 100.0, "interval": wilson(2 * right, 20)}
        found = {**figures, "per_class": [10.0 * right] * 2, "confusion": confusion}
        inside = {"weights": {"average": {"full": found}}} if name == "evaluation.json" else {"accuracy": found}
        estimate = {"folds": 2, "kept together": None, "clips": []} if name == "estimate.json" else {}
        write_json(tmp_path / name, {"classes": ["wave", "clap"], **estimate, **inside})
        assert is_better_than_guessing(folder) is better


def test_suspects_of_a_run_are_written_with_the_names_of_its_classes(tmp_path):
    task = make_task(small_store(tmp_path / "store"), "3/class", "synthetic-xsub")
    run = train_run(task, with_stage(small_run("supervised"), epochs=12), tmp_path / "run")
    found = suspects_of_run(run, device="cpu")
    written = json.loads((run / "suspects.json").read_text())
    assert [each["id"] for each in written] == [each.id for each in found]
    label = {name: f"class {int(name[4:]) % 4}" for name in task.labels.ids}
    assert all(each.label == label[each.id] != each.likely for each in found)
