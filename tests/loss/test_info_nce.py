import math

import pytest
import torch
import torch.nn.functional as F

from psp.loss.info_nce import info_nce


def unit(n: int, seed: int) -> torch.Tensor:
    drawn = torch.randn(n, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return F.normalize(drawn)


@pytest.mark.parametrize("temperature", [0.07, 1.0])
def test_against_its_definition(temperature: float) -> None:
    query, key, bank = unit(5, 0), unit(5, 1), unit(9, 2)
    each = []
    for one, positive in zip(query, key, strict=True):
        own = math.exp(float(one @ positive) / temperature)
        others = sum(math.exp(float(one @ negative) / temperature) for negative in bank)
        each.append(-math.log(own / (own + others)))
    assert math.isclose(info_nce(query, key, bank, temperature).item(), sum(each) / 5, rel_tol=1e-12)


def test_an_orthogonal_bank_has_a_closed_form() -> None:
    axes = torch.eye(6, dtype=torch.float64)
    loss = info_nce(axes[:2], axes[:2], axes[2:], 0.5)
    assert math.isclose(loss.item(), math.log(math.exp(2) + 4) - 2, rel_tol=1e-12)


def test_nothing_to_be_told_from_costs_nothing() -> None:
    assert info_nce(unit(3, 0), unit(3, 1), unit(0, 2), 0.07) == 0


def test_half_precision_stays_finite() -> None:
    query, key, bank = (unit(4, seed).bfloat16().requires_grad_() for seed in range(3))
    with torch.autocast("cpu", torch.bfloat16):
        loss = info_nce(query, key, bank, 1e-4)
    loss.backward()
    assert loss.dtype == torch.float32
    assert loss.isfinite()
    assert query.grad.isfinite().all()


def test_gradient_against_finite_differences() -> None:
    parts = [unit(3, seed).requires_grad_() for seed in range(3)]
    assert torch.autograd.gradcheck(lambda *given: info_nce(*given, 0.5), parts)
