import json

import numpy as np

from psp.evaluate.suspects import Suspect, suspects, suspects_of_run
from psp.train.api import make_task, train_run
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


def test_suspects_of_a_run_are_written_with_the_names_of_its_classes(tmp_path):
    task = make_task(small_store(tmp_path / "store"), "3/class", "synthetic-xsub")
    run = train_run(task, with_stage(small_run("supervised"), epochs=12), tmp_path / "run")
    found = suspects_of_run(run, device="cpu")
    written = json.loads((run / "suspects.json").read_text())
    assert [each["id"] for each in written] == [each.id for each in found]
    label = {name: f"class {int(name[4:]) % 4}" for name in task.labels.ids}
    assert all(each.label == label[each.id] != each.likely for each in found)
