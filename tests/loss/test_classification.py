import math

import pytest
import torch

from psp.loss.recognition import recognition

LOGITS = torch.tensor([[1.0, -0.5, 2.0], [0.0, 3.0, 0.1]], dtype=torch.float64)
LABELS = torch.tensor([2, 0])


def test_equation_15() -> None:
    probability = LOGITS.exp() / LOGITS.exp().sum(1, keepdim=True)
    expected = -(probability[0, 2].log() + probability[1, 0].log()) / 2
    torch.testing.assert_close(recognition(LOGITS, LABELS), expected)


@pytest.mark.parametrize("smoothing", [0.1, 1.0])
def test_smoothing_mixes_the_label_with_all_classes(smoothing: float) -> None:
    log_probability = LOGITS.log_softmax(1)
    uniform = -log_probability.mean(1).mean()
    expected = (1 - smoothing) * recognition(LOGITS, LABELS) + smoothing * uniform
    torch.testing.assert_close(recognition(LOGITS, LABELS, smoothing), expected)


def test_clips_without_a_label_do_not_count() -> None:
    logits = torch.cat([LOGITS, torch.randn(2, 3, dtype=torch.float64)]).requires_grad_()
    loss = recognition(logits, torch.tensor([2, 0, -1, -1]), 0.1)
    torch.testing.assert_close(loss, recognition(LOGITS, LABELS, 0.1))
    loss.backward()
    assert logits.grad is not None
    assert not logits.grad[2:].any()
    assert recognition(LOGITS, torch.tensor([-1, -1])) == 0


def test_ignorance_is_worth_the_logarithm_of_the_classes() -> None:
    assert math.isclose(recognition(torch.zeros(4, 10), torch.arange(4)).item(), math.log(10), rel_tol=1e-6)
