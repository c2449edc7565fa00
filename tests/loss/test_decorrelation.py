"""VICReg's terms against numpy's covariance, and BYOL's regression by hand; also reversed gradients."""

import numpy as np
import pytest
import torch

from psp.loss.adversarial import logistic, reversed_gradient
from psp.loss.classification import entropy, squared_difference
from psp.loss.decorrelation import covariance, regression, vicreg


def test_the_terms_equal_their_formulas():
    draw = np.random.default_rng(0)
    pair = [draw.normal(0, 0.5, (20, 6)) for _ in range(2)]
    matrices = [np.cov(each, rowvar=False) for each in pair]
    hinge = [np.maximum(0, 1 - np.sqrt(np.diag(each) + 1e-4)).mean() for each in matrices]
    off_diagonal = [((each - np.diag(np.diag(each))) ** 2).sum() / 6 for each in matrices]
    wanted = ((pair[0] - pair[1]) ** 2).mean(), np.mean(hinge), sum(off_diagonal)
    found = [float(term) for term in vicreg(*map(torch.from_numpy, pair))]
    assert found == pytest.approx(wanted)


def test_independent_dimensions_have_no_covariance_and_copied_ones_have():
    one = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]], dtype=torch.float64)
    assert float(covariance(one)) == pytest.approx(0)
    assert float(covariance(one[:, :1].expand(-1, 2))) == pytest.approx((4 / 3) ** 2)


def test_the_regression_loss_is_zero_for_equal_and_four_for_opposite_directions():
    features = torch.randn(5, 3, dtype=torch.float64)
    assert float(regression(2 * features, features)) == pytest.approx(0)
    assert float(regression(-features, features)) == pytest.approx(4)


def test_gradients_are_reversed():
    features = torch.ones(2, 3, requires_grad=True)
    (reversed_gradient(features) * 3).sum().backward()
    assert torch.equal(features.grad, torch.full((2, 3), -3.0))


def test_the_logistic_loss_of_undecided_scores_is_log_two():
    for real in (0.0, 1.0):
        assert float(logistic(torch.zeros(4), real)) == pytest.approx(np.log(2))
    assert float(logistic(torch.full((4,), 9.0), 1.0)) < 1e-3 < 8 < float(logistic(torch.full((4,), 9.0), 0.0))


def test_entropy_and_difference_of_probabilities():
    logits = torch.tensor([[0.0, 0.0, 0.0, 0.0], [50.0, 0.0, 0.0, 0.0]])
    torch.testing.assert_close(
        entropy(logits), torch.tensor([np.log(4.0), 0.0], dtype=torch.float32), atol=1e-6, rtol=0
    )
    targets = torch.tensor([[1.0, 0.0, 0.0, 0.0]] * 2)
    wanted = ((0.75**2 + 3 * 0.25**2) + 0.0) / 8
    assert float(squared_difference(logits, targets)) == pytest.approx(wanted)
