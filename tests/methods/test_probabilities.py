import pytest
import torch
from torch import nn

from psp.methods.methods import METHODS
from psp.methods.probabilities import class_probabilities


def test_what_is_learnt_as_a_sum_is_read_as_one():
    logits = torch.tensor([[0.0, torch.log(torch.tensor(3.0))]])
    for method in ("psp", "supervised"):
        torch.testing.assert_close(class_probabilities(logits, METHODS[method]), torch.tensor([[0.25, 0.75]]))


@pytest.mark.parametrize("name", ["streams", "taught"])
def test_views_that_learn_apart_and_agree_are_together_as_sure_as_each(name):
    method = METHODS[name]
    one = torch.randn(6, 4, generator=torch.Generator().manual_seed(0))
    found = class_probabilities(len(method.views) * one, method)
    torch.testing.assert_close(found, nn.functional.softmax(one, dim=1))
