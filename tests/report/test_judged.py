import numpy as np
import pytest

from labelling import NAMES, store_to_label, truth
from psp.evaluate.trained import open_trained
from psp.files import write_json
from psp.report.clip_pool import ClipPool
from psp.report.compare import compare
from psp.report.judged import Judged, confident_mistakes, judge, least_certain, right_ones
from psp.report.paired import difference
from psp.report.run_details import details
from psp.train.api import make_task, train_run
from runs import small_run, with_stage
from stores import own_store


def judged(labels, probabilities) -> Judged:
    values = np.array(probabilities)
    return Judged(np.arange(len(values)), np.array(labels), values, None, True)


FOUND = judged(
    [0, 0, 0, 0, 1, 1, -1],
    [[0.9, 0.1], [0.1, 0.9], [0.2, 0.8], [0.3, 0.7], [0.45, 0.55], [0.95, 0.05], [0.51, 0.49]],
)


def test_the_most_confident_mistakes_are_of_different_confusions():
    assert confident_mistakes(FOUND) == [5, 1, 2]
    assert confident_mistakes(FOUND, most=1) == [5]


def test_the_least_certain_have_the_smallest_margin():
    assert least_certain(FOUND, 2) == [6, 4]


def test_right_ones_are_one_of_each_class():
    assert right_ones(FOUND) == [0, 4]
    assert right_ones(FOUND, most=1) == [0]


@pytest.fixture(scope="module")
def labelled(tmp_path_factory):
    """A run without test clips, its store and its 16 labels of 48 clips, in classes of another order than the names."""
    folder = tmp_path_factory.mktemp("judged")
    store = store_to_label(folder / "store")
    labels = {name: truth(name) for name in store.clips.id[:16].tolist()}
    (folder / "given.csv").write_text("id,label\n" + "".join(f"{name},{label}\n" for name, label in labels.items()))
    task = make_task(store, str(folder / "given.csv"), "none")
    return train_run(task, with_stage(small_run("supervised"), epochs=1), folder / "run"), store, labels, task.classes


def test_labels_of_a_file_are_those_of_the_clips(labelled):
    path, store, labels, classes = labelled
    found = judge(open_trained(path, device="cpu"))
    assert set(classes) == set(NAMES)
    known = found.labels >= 0
    assert {
        store.clips.id[index]: classes[label]
        for index, label in zip(found.index[known], found.labels[known], strict=True)
    } == labels
    shown = details(compare([path], "cpu")[0], path, 0, 10**6, "cpu").content["examples"]
    assert {name: classes[label] for _, name, label, _ in shown if label != ""} == labels


def test_probabilities_that_an_estimate_does_not_state_are_not_known(labelled):
    """Every class is taken for the next one with a probability of 0.4."""
    path, _, labels, classes = labelled
    wrong = {name: classes[(classes.index(label) + 1) % 4] for name, label in labels.items()}
    confusion = [[4 * (column == (row + 1) % 4) for column in range(4)] for row in range(4)]
    accuracy = {"clips": 16, "top1": 0.0, "top5": 100.0, "interval": [0.0, 20.0], "per_class": [0.0] * 4}
    clips = [{"id": name, "class": labels[name], "recognised": wrong[name], "probability": 0.4} for name in labels]
    estimate = {"folds": 2, "kept together": None, "classes": classes, "clips": clips}
    write_json(path / "estimate.json", {**estimate, "accuracy": {**accuracy, "confusion": confusion}})
    try:
        content = details(compare([path], "cpu")[0], path, 0, 10**6, "cpu").content
    finally:
        (path / "estimate.json").unlink()
    assert len(content["groups"]["mistakes"]) == 8
    for _, name, label, chances in content["examples"][:16]:
        assert chances == [[classes.index(wrong[name]), 0.4], [label, None]]


def test_the_difference_of_two_runs_counts_clips_that_changed():
    ids = [f"clip{number}" for number in range(100)]
    first = {name: number < 60 for number, name in enumerate(ids)}
    second = {name: 5 <= number < 80 for number, name in enumerate(ids)}
    found = difference(first, second)
    assert (found.gained, found.lost) == (20, 5)
    assert found.points == pytest.approx(15)
    # the standard error of a paired difference: sqrt(20 + 5 - 15^2 / 100) / 100
    assert found.interval == pytest.approx((15 - 196 * 0.22750**0.5 / 10, 15 + 196 * 0.22750**0.5 / 10), abs=0.01)
    assert found.p == pytest.approx(0.00408, abs=1e-5)  # twice the binomial tail of 5 or fewer of 25
    assert difference(first, {**second, "another": True}) is None
    assert difference({}, {}) is None


def test_clips_that_do_not_fit_a_page_are_left_out():
    store = own_store(None, "coco17")
    sizes = {}
    for size in (1_000_000, 60_000, 10_000):
        pool = ClipPool(store, size)
        pool.show([3, 5])
        pool.keep(range(len(store)))
        _, clips = pool.packed()
        sizes[size] = sum(len(clip["data"]) + len(clip.get("confidence", "")) for clip in clips.values())
        assert sizes[size] <= size
        assert list(clips)[:2] == [3, 5]
        assert len(clips) == len(store) or size == 10_000
    assert sizes[60_000] < sizes[1_000_000]
