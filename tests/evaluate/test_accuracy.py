import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, top_k_accuracy_score

from psp.evaluate.accuracy import BINS, Confusion, accuracy, calibration, wilson, worst_confusions


def test_it_agrees_with_scikit_learn():
    draw = torch.Generator().manual_seed(0)
    logits, labels = torch.randn(200, 8, generator=draw), torch.randint(0, 8, (200,), generator=draw)
    found, guesses = accuracy(logits, labels), logits.argmax(dim=1).numpy()
    assert found.top1 == pytest.approx(100 * top_k_accuracy_score(labels.numpy(), logits.numpy(), k=1))
    assert found.top5 == pytest.approx(100 * top_k_accuracy_score(labels.numpy(), logits.numpy(), k=5))
    matrix = confusion_matrix(labels.numpy(), guesses)
    assert np.array_equal(found.confusion, matrix)
    assert found.per_class == pytest.approx(100 * matrix.diagonal() / matrix.sum(axis=1))


def test_a_class_without_test_clips_has_no_accuracy():
    found = accuracy(torch.eye(3)[:2], torch.tensor([0, 1]))
    assert found.per_class == (100.0, 100.0, None)
    assert found.top5 == 100.0


def test_a_class_that_the_model_does_not_know_counts_as_wrong():
    found = accuracy(torch.eye(3)[[0, 1, 1]], torch.tensor([0, 1, -1]))
    assert (found.clips, found.top1) == (3, pytest.approx(200 / 3))
    assert np.sum(found.confusion) == 2
    assert found.per_class == (100.0, 100.0, None)


@given(clips=st.integers(1, 5000), share=st.floats(0, 1))
def test_the_interval_is_wilsons(clips: int, share: float):
    hits = round(share * clips)
    expected = binomtest(hits, clips).proportion_ci(0.95, method="wilson")
    assert wilson(hits, clips) == pytest.approx((100 * expected.low, 100 * expected.high), abs=1e-4)


def test_the_most_frequent_confusions_come_first():
    logits = torch.eye(3)[[0, 1, 1, 2, 2, 2]]
    found = accuracy(logits, torch.tensor([0, 0, 0, 1, 2, 2]))
    pairs = [Confusion("a", "b", 2, 3), Confusion("b", "c", 1, 1)]
    assert worst_confusions(found, "abc") == pairs
    assert worst_confusions(found, "abc", most=1) == pairs[:1]


def test_the_calibration_error_is_that_of_guo_et_al():
    draw = np.random.default_rng(0)
    found, labels = draw.dirichlet(np.full(4, 0.4), 500), draw.integers(-1, 4, 500)
    sure, right, expected = found.max(axis=1), found.argmax(axis=1) == labels, 0.0
    for low in range(BINS):
        inside = (sure >= low / BINS) & ((sure < (low + 1) / BINS) | (low == BINS - 1))
        if inside.any():
            expected += 100 * inside.mean() * abs(sure[inside].mean() - right[inside].mean())
    result = calibration(torch.from_numpy(found), torch.from_numpy(labels))
    assert result.error == pytest.approx(expected, abs=0.006)
    assert result.confidence == pytest.approx(100 * sure.mean(), abs=0.006)


@pytest.mark.parametrize(("right", "error"), [(True, 0.0), (False, 100.0)])
def test_certain_probabilities_are_calibrated_if_they_are_right(right: bool, error: float):
    assert calibration(torch.eye(3), torch.arange(3) if right else torch.tensor([1, 2, 0])).error == error
