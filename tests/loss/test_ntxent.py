import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pytorch_metric_learning.losses import NTXentLoss

from psp.loss.ntxent import ntxent


def features(n: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    first, second = torch.randn(2, n, 7, generator=generator, dtype=torch.float64)
    return first, second


@pytest.mark.parametrize("temperature", [0.07, 0.5, 2.0])
@pytest.mark.parametrize("n", [2, 5, 33])
def test_against_pytorch_metric_learning(n: int, temperature: float) -> None:
    first, second = features(n)
    labels = torch.arange(n).repeat(2)
    expected = NTXentLoss(temperature)(torch.cat([first, second]), labels)
    torch.testing.assert_close(ntxent(first, second, temperature), expected, rtol=1e-12, atol=1e-12)


def test_one_clip_alone_costs_nothing() -> None:
    assert ntxent(*features(1), 0.07) == 0


def test_orthogonal_clips_have_a_closed_form() -> None:
    unit = torch.eye(4, dtype=torch.float64)
    expected = math.log(math.exp(2) + 6) - 2
    assert math.isclose(ntxent(unit, unit, 0.5).item(), expected, rel_tol=1e-12)


def test_equal_features_cost_the_logarithm_of_the_others() -> None:
    same = torch.ones(6, 3, dtype=torch.float64)
    assert math.isclose(ntxent(same, same, 0.07).item(), math.log(11), rel_tol=1e-12)


@given(st.permutations(range(6)), st.floats(0.1, 10))
def test_order_modality_and_length_do_not_matter(order: list[int], length: float) -> None:
    first, second = features(6)
    loss = ntxent(first, second, 0.1)
    for other in (
        ntxent(first[order], second[order], 0.1),
        ntxent(second, first, 0.1),
        ntxent(first * length, second, 0.1),
    ):
        torch.testing.assert_close(other, loss)


def test_small_temperatures_and_low_precision_stay_finite() -> None:
    first, second = (x.bfloat16().requires_grad_() for x in features(8))
    with torch.autocast("cpu", torch.bfloat16):
        loss = ntxent(first, second, 1e-4)
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.isfinite()
    assert first.grad.isfinite().all()


def test_gradient_against_finite_differences() -> None:
    first, second = (x.requires_grad_() for x in features(4))
    assert torch.autograd.gradcheck(lambda a, b: ntxent(a, b, 0.5), (first, second))
