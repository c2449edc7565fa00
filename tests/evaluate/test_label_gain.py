"""A simple classifier tells whether more labels would help."""

from collections.abc import Sequence

import numpy as np

from psp.dataset.store import Store
from psp.evaluate import label_gain as module
from psp.evaluate.estimate import fold_numbers
from psp.evaluate.label_gain import label_gain
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.recording import Clip, ClipInfo
from psp.train.api import make_task


def task_of(noise: float, clips: int, classes: int = 2, subjects: Sequence[str] = (), often: int = 1):
    """Clips of classes that differ in the direction in which a random half of the joints moves.

    Class 0 has `often` times as many clips as each other class.
    """
    label = [max(0, number % (often + classes - 1) - often + 1) for number in range(clips)]
    draw = np.random.default_rng(0)
    ways = draw.normal(size=(classes, 1, 17, 2)) * np.linspace(0, 1, 9)[None, :, None, None]
    made = [
        Clip(
            ClipInfo(f"c{number:04}", label[number], {"subject": subjects[number]} if subjects else {}),
            (ways[label[number]] + draw.normal(scale=noise, size=(9, 17, 2)))[None].astype(np.float32),
        )
        for number in range(clips)
    ]
    store = Store.in_memory(made, layout_by_name("coco17"), [f"class {n}" for n in range(classes)], up="-y")
    return make_task(store, "all", "none")


def test_easy_classes_need_no_more_labels_and_hard_ones_do():
    easy = label_gain(task_of(0.05, 40))
    assert easy.labels == (8, 16, 32)
    assert easy.accuracies == (100, 100, 100)
    assert (easy.last_doubling, easy.helps) == (0, False)
    hard = label_gain(task_of(6.0, 400, 8))
    assert hard.labels == (80, 160, 320)
    assert hard.helps
    assert hard.accuracies[0] < hard.accuracies[2]


def test_a_part_of_which_no_clip_is_drawn_is_left_out(monkeypatch):
    monkeypatch.setattr(module, "MOST", 30)
    drawn = np.random.default_rng(0).permutation(60)
    subjects = ["abc"[number // 2 % 3] for number in range(60)]
    subjects[drawn[-1]], subjects[drawn[0]] = "y", "z"
    task = task_of(0.05, 60, subjects=subjects)
    number, _ = fold_numbers(task, 5)
    assert set(number[drawn[:30]]) == {0, 2, 3, 4}
    assert label_gain(task).labels == (5, 11, 22)


def test_a_classifier_at_chance_says_nothing():
    assert label_gain(task_of(1e6, 200)) is None
    assert label_gain(task_of(1e6, 200, 3, often=18)) is None


def test_where_one_subject_has_nearly_all_labels_nothing_is_said():
    assert label_gain(task_of(0.05, 40, subjects=["a"] * 39 + ["b"])) is None


def test_too_few_labels_say_nothing():
    assert label_gain(task_of(0.1, 4, 4)) is None
    assert len(label_gain(task_of(0.1, 12, 4)).labels) == 2
