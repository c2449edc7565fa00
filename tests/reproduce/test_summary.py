import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from psp.reproduce.summary import paired_difference, summarise

values = st.lists(st.floats(0, 100).map(lambda x: round(x, 3)), min_size=2, max_size=9)


def test_mean_and_deviation_in_closed_form():
    found = summarise([1.0, 2.0, 3.0, 4.0])
    assert found.mean == 2.5
    assert found.deviation == pytest.approx(math.sqrt(5 / 3))
    assert str(found) == "2.5 ± 1.3"
    assert str(summarise([61.26])) == "61.3"


def test_the_interval_of_two_pairs_in_closed_form():
    """With one degree of freedom t is Cauchy's, whose quantile is tan(pi (p - 1/2)); s / sqrt(2) of {0, 2} is 1."""
    found = paired_difference([5.0, 9.0], [5.0, 7.0])
    assert found.mean == 1
    assert found.half_width == pytest.approx(math.tan(math.pi * 0.475))
    assert str(found) == "+1.0 [-11.7, +13.7], n = 2"


@given(values, st.randoms())
def test_the_interval_is_that_of_a_paired_t_test(ours, random):
    others = [value + random.uniform(-5, 5) for value in ours]
    found = paired_difference(ours, others)
    expected = stats.ttest_rel(ours, others).confidence_interval(0.95)
    low, high = found.mean - found.half_width, found.mean + found.half_width
    np.testing.assert_allclose([low, high], [expected.low, expected.high], rtol=1e-6, atol=1e-6)


def test_one_pair_has_no_interval():
    assert str(paired_difference([3.0], [5.0])) == "-2.0, n = 1"
