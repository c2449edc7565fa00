import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from psp.loss.classification import (
    accuracy,
    align_distribution,
    classification,
    confident_cross_entropy,
    divergence,
    soft_cross_entropy,
)

LOGITS = torch.tensor([[1.0, -0.5, 2.0], [0.0, 3.0, 0.1]], dtype=torch.float64)
LABELS = torch.tensor([2, 0])


def probabilities(seed: int, n: int = 6, k: int = 4) -> torch.Tensor:
    return torch.randn(n, k, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).softmax(1)


def test_equation_15() -> None:
    probability = LOGITS.exp() / LOGITS.exp().sum(1, keepdim=True)
    expected = -(probability[0, 2].log() + probability[1, 0].log()) / 2
    torch.testing.assert_close(classification(LOGITS, LABELS), expected)


@pytest.mark.parametrize("smoothing", [0.1, 1.0])
def test_smoothing_mixes_the_label_with_all_classes(smoothing: float) -> None:
    uniform = -LOGITS.log_softmax(1).mean(1).mean()
    expected = (1 - smoothing) * classification(LOGITS, LABELS) + smoothing * uniform
    torch.testing.assert_close(classification(LOGITS, LABELS, smoothing), expected)


def test_clips_without_a_label_do_not_count() -> None:
    logits = torch.cat([LOGITS, torch.randn(2, 3, dtype=torch.float64)]).requires_grad_()
    loss = classification(logits, torch.tensor([2, 0, -1, -1]), 0.1)
    torch.testing.assert_close(loss, classification(LOGITS, LABELS, 0.1))
    loss.backward()
    assert logits.grad is not None
    assert not logits.grad[2:].any()
    assert classification(LOGITS, torch.tensor([-1, -1])) == 0


def test_uniform_logits_cost_the_logarithm_of_the_classes() -> None:
    assert math.isclose(classification(torch.zeros(4, 10), torch.arange(4)).item(), math.log(10), rel_tol=1e-6)


def test_soft_labels_of_one_class_are_hard_labels() -> None:
    expected = classification(LOGITS, LABELS)
    torch.testing.assert_close(soft_cross_entropy(LOGITS, F.one_hot(LABELS, 3).double(), 2.0), expected)


def test_soft_cross_entropy_against_its_definition() -> None:
    logits, targets = torch.randn(6, 4, dtype=torch.float64), probabilities(0)
    torch.testing.assert_close(soft_cross_entropy(logits, targets), -(targets * logits.log_softmax(1)).sum(1).mean())
    sharp = torch.stack([row**3 / (row**3).sum() for row in targets])
    torch.testing.assert_close(soft_cross_entropy(logits, targets, 3.0), soft_cross_entropy(logits, sharp))


def test_soft_cross_entropy_is_least_at_its_target() -> None:
    targets = probabilities(1)
    logits = targets.log().requires_grad_()
    soft_cross_entropy(logits, targets).backward()
    torch.testing.assert_close(logits.grad, torch.zeros_like(targets))


def test_only_confident_clips_count() -> None:
    targets = torch.tensor([[0.9, 0.05, 0.05], [0.5, 0.3, 0.2]], dtype=torch.float64)
    logits = LOGITS.clone().requires_grad_()
    loss, share = confident_cross_entropy(logits, targets, 0.8)
    assert share == 0.5
    torch.testing.assert_close(loss, -LOGITS.log_softmax(1)[0, 0] / 2)
    loss.backward()
    assert not logits.grad[1].any()


def test_a_threshold_of_zero_counts_all_and_one_above_all_none() -> None:
    targets = probabilities(2, 2, 3)
    loss, share = confident_cross_entropy(LOGITS, targets, 0.0)
    assert share == 1
    torch.testing.assert_close(loss, classification(LOGITS, targets.argmax(1)))
    assert confident_cross_entropy(LOGITS, targets, 1.0) == (0, 0)


@given(st.integers(0, 1000))
def test_aligned_targets_are_probabilities_in_the_same_proportion(seed: int) -> None:
    targets, mean = probabilities(seed), probabilities(seed + 1, 1)[0]
    aligned = align_distribution(targets, mean)
    torch.testing.assert_close(aligned.sum(1), torch.ones(6, dtype=torch.float64))
    ratio = aligned * mean / targets
    torch.testing.assert_close(ratio, ratio[:, :1].expand_as(ratio))


def test_alignment_takes_a_bias_away_and_keeps_uniform_targets() -> None:
    bias = torch.tensor([[0.7, 0.2, 0.1]])
    torch.testing.assert_close(align_distribution(bias, bias[0]), torch.full((1, 3), 1 / 3))
    torch.testing.assert_close(align_distribution(bias, torch.full((3,), 1 / 3)), bias)
    assert align_distribution(bias, torch.tensor([0.0, 0.5, 0.5])).isfinite().all()


def test_divergence_against_its_definition() -> None:
    targets, logits = probabilities(3), torch.randn(6, 4, dtype=torch.float64)
    expected = (targets * (targets.log() - logits.log_softmax(1))).sum(1)
    torch.testing.assert_close(divergence(targets, logits), expected)
    assert divergence(targets, targets.log()).abs().max() < 1e-12
    assert (divergence(targets, logits) > 0).all()


def test_accuracy_is_the_share_of_the_labelled_clips() -> None:
    logits = torch.eye(3)[[0, 1, 2, 2]]
    assert accuracy(logits, torch.tensor([0, 1, 0, -1])) == 2 / 3
    assert accuracy(logits, torch.full((4,), -1)) == 0
