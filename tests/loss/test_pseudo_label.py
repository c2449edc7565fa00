import pytest
import torch
import torch.nn.functional as F

from psp.loss.pseudo_label import pseudo_label

SURE = torch.tensor([[4.0, 0.0, 0.0]])
UNSURE = torch.tensor([[0.1, 0.0, 0.0]])


def test_unsure_predictions_teach_nothing():
    assert pseudo_label(UNSURE, UNSURE, 0.8) == 0


def test_a_sure_prediction_is_the_label_of_both_views():
    label = torch.tensor([0])
    expected = (F.cross_entropy(2 * SURE, label) + F.cross_entropy(2 * UNSURE, label)) / 2
    torch.testing.assert_close(pseudo_label(SURE, UNSURE, 0.8), expected)


def test_the_mean_is_over_all_clips():
    both = pseudo_label(torch.cat([SURE, UNSURE]), torch.cat([SURE, UNSURE]), 0.8)
    torch.testing.assert_close(both, pseudo_label(SURE, SURE, 0.8) / 2)


@pytest.mark.parametrize("confidence", [0.3, 0.8])
def test_the_choice_of_the_label_has_no_gradient(confidence):
    first = SURE.clone().requires_grad_()
    pseudo_label(first, UNSURE, confidence).backward()
    alone = SURE.clone().requires_grad_()
    (F.cross_entropy(2 * alone, torch.tensor([0])) / 2).backward()
    torch.testing.assert_close(first.grad, alone.grad)
