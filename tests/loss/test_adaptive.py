"""FreeMatch's thresholds and fairness and SoftMatch's weights against their formulas, computed by hand."""

import math

import pytest
import torch

from psp.loss.adaptive import class_shares, class_thresholds, fairness, truncated_gaussian


def test_the_threshold_of_the_most_probable_class_is_the_confidence():
    found = class_thresholds(torch.tensor(0.8), torch.tensor([0.5, 0.25, 0.25]))
    torch.testing.assert_close(found, torch.tensor([0.8, 0.4, 0.4]))


def test_weights_follow_a_gaussian_below_the_mean_and_are_one_above():
    confidence = torch.tensor([0.9, 0.7, 0.5])
    found = truncated_gaussian(confidence, torch.tensor(0.7), torch.tensor(0.04), width=2.0)
    torch.testing.assert_close(found, torch.tensor([1.0, 1.0, math.exp(-(0.2**2) * 4 / 0.08)]))


def test_fairness_is_the_negative_cross_entropy_of_the_normalised_ratios():
    strong = torch.tensor([[0.6, 0.3, 0.1], [0.2, 0.7, 0.1], [0.1, 0.1, 0.8]], dtype=torch.float64)
    used = torch.tensor([True, True, False])
    classes, histogram = (torch.tensor(each, dtype=torch.float64) for each in ([0.5, 0.3, 0.2], [0.4, 0.4, 0.2]))
    mean, counts = [0.4, 0.5, 0.1], [0.5, 0.5, 1.0]  # class 2 was not predicted: its ratio is the mean itself
    found = [value / count for value, count in zip(mean, counts, strict=True)]
    found = [value / sum(found) for value in found]
    wanted = [0.5 / 0.4, 0.3 / 0.4, 0.2 / 0.2]
    wanted = [value / sum(wanted) for value in wanted]
    expected = sum(a * math.log(b) for a, b in zip(wanted, found, strict=True))
    assert float(fairness(strong, used, classes, histogram)) == pytest.approx(expected)
    assert float(fairness(strong, used & False, classes, histogram)) == 0


def test_shares_of_classes():
    torch.testing.assert_close(class_shares(torch.tensor([0, 2, 2, 2]), 4), torch.tensor([0.25, 0.0, 0.75, 0.0]))
