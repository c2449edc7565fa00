from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from psp.dataset.budget import LabelBudget
from psp.dataset.split import Split
from psp.errors import BudgetError
from psp.evaluate import estimate as module
from psp.evaluate.estimate import classes_in_one_fold, estimate_accuracy, estimate_as_plain, fold_numbers
from psp.train.api import make_task
from psp.train.run_folder import Task
from runs import small_run, with_stage
from stores import own_store, table_store


def task_of(labels: list[int], **columns: list[Any]) -> Task:
    store = table_store([f"clip{number:03d}" for number in range(len(labels))], labels, **columns)
    return make_task(store, "all", "none")


def test_folds_hold_out_every_label_once_and_are_stratified():
    task = task_of([0] * 10 + [1] * 5 + [-1] * 3)
    number, groups = fold_numbers(task, 5)
    labels = np.array([0] * 10 + [1] * 5)
    assert groups is None
    assert [np.bincount(labels[number == fold], minlength=2).tolist() for fold in range(5)] == [[2, 1]] * 5
    assert not np.array_equal(number, fold_numbers(task, 5, seed=1)[0])


def test_clips_of_a_subject_are_held_out_together():
    subject = [number // 4 for number in range(24)]
    number, groups = fold_numbers(task_of([0, 1] * 12, subject=subject), 10)
    assert groups == "subject"
    assert all(len(set(number[4 * who : 4 * who + 4])) == 1 for who in range(6))
    assert set(number) == set(range(6))


@pytest.mark.parametrize("subjects", [("a", "b", ""), (1, 2, float("nan"))])
def test_clips_without_a_subject_are_held_out_together(subjects):
    task = task_of([0, 1, 0, -1] * 3, subject=[who for who in subjects for _ in range(4)])
    number, groups = fold_numbers(task, 3)
    index, _ = task.labels.resolve(task.store, task.split)
    splits = [part.split for part, _ in module._parts(task, index, number, groups)]
    assert [(len(each.train), len(each.tests["full"])) for each in splits] == [(8, 3)] * 3
    assert not any(set(each.train) & set(each.tests["full"]) for each in splits)


def test_classes_that_are_subjects_cannot_be_estimated():
    classes = [0] * 4 + [1] * 4 + [2] * 4
    with pytest.raises(BudgetError, match="the clips of each class are in one part, by subject"):
        fold_numbers(task_of(classes, subject=classes), 5)
    task = task_of(classes, subject=[0, 1, *classes[2:]])
    number, groups = fold_numbers(task, 5)
    assert groups == "subject"
    assert classes_in_one_fold(task, number) == ["class 1", "class 2"]
    assert classes_in_one_fold(task, np.arange(12) % 2) == []


def test_no_part_is_empty():
    """StratifiedGroupKFold leaves the third of five parts without clips."""
    subject, classes = [0] * 3 + [1] * 2 + [2] + [3] * 3 + [4] * 2, [0] * 3 + [1] * 2 + [2] + [0] * 3 + [1] * 2
    number, _ = fold_numbers(task_of(classes, subject=subject), 5)
    assert set(number) == {0, 1, 2, 3}


def test_subjects_are_kept_together_if_the_labels_are_not_those_of_the_store():
    store = table_store([f"clip{number:02}" for number in range(20)], [-1] * 20, subject=[n // 5 for n in range(20)])
    ids = tuple(store.clips.id.tolist())
    own = LabelBudget("labels.csv", "none", 0, ids, {name: n % 2 for n, name in enumerate(ids)}, classes=("a", "b"))
    task = make_task(replace(store, classes=("a", "b")), own, "none")
    number, groups = fold_numbers(task, 4)
    assert groups == "subject"
    assert all(len(set(number[5 * who : 5 * who + 5])) == 1 for who in range(4))


def test_too_few_labels_cannot_be_divided():
    with pytest.raises(BudgetError, match="2 labelled clips of 2 classes"):
        fold_numbers(task_of([0, 1, -1]), 5)


def test_an_estimate_is_made_by_models_that_did_not_see_the_clip(monkeypatch):
    """The held-out subjects are out of the training clips altogether; their labels are compared with the prediction."""
    store = own_store(None)
    task = make_task(store, "3/class", Split.undivided(store))
    trained, real = [], module.Run

    def noted(part, *rest):
        trained.append(part)
        return real(part, *rest)

    monkeypatch.setattr(module, "Run", noted)
    steps = []
    config = with_stage(small_run("supervised"), epochs=1, steps_per_epoch=1)
    found = estimate_accuracy(task, config, 3, "cpu", lambda fold, count, now: steps.append((fold, count)))
    assert steps == [(1, 3), (2, 3), (3, 3)]
    subject = store.clips.column("subject")
    for part in trained:
        held_out = part.split.tests["full"]
        sides = [set(subject[store.clips.indices_of(ids)].tolist()) for ids in (part.split.train, held_out)]
        assert not sides[0] & sides[1]
        assert set(part.labels.ids) == set(task.labels.ids) - set(held_out)
    assert sorted(name for part in trained for name in part.split.tests["full"]) == list(task.labels.ids)
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, atol=1e-5)
    plain = estimate_as_plain(found, task)
    right = sum(clip["class"] == clip["recognised"] for clip in plain["clips"])
    assert plain["accuracy"]["top1"] == pytest.approx(100 * right / 12)


def test_a_class_with_one_label_is_recognised_by_no_other_fold():
    store = own_store(None)
    ids = store.clips.id.tolist()
    chosen = tuple(ids[number] for number in (0, 4, 8, 12, 1, 5, 9, 13, 2))
    task = make_task(store, LabelBudget("mine", "none", 0, tuple(sorted(chosen))), "none")
    config = with_stage(small_run("supervised"), epochs=1, steps_per_epoch=1)
    found = estimate_accuracy(task, config, 2, "cpu")
    single = task.labels.ids.index(ids[2])
    assert found.probabilities.shape == (9, 3)
    assert found.probabilities[single, 2] == 0
