from itertools import combinations

import pytest
import torch

from psp.loss.coarse_to_fine import coarse_to_fine
from psp.loss.ntxent import ntxent

LEVELS = ("body", "part", "joint")
SUBSETS = [subset for size in (1, 2, 3) for subset in combinations(LEVELS, size)]


@pytest.mark.parametrize("levels", SUBSETS)
def test_the_loss_is_the_sum_over_the_given_levels(levels: tuple[str, ...]) -> None:
    torch.manual_seed(0)
    first, second = ({level: torch.randn(5, 4).double() for level in levels} for _ in range(2))
    expected = {level: ntxent(first[level], second[level], 0.07) for level in levels}
    total, terms = coarse_to_fine(first, second, 0.07)
    assert terms == expected
    torch.testing.assert_close(total, sum(expected.values()))
