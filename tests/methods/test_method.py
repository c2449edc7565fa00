from math import inf, nan

import pytest
import torch

from psp.errors import ConfigError
from psp.methods.method import ObjectiveConfig, StepResult


@pytest.mark.parametrize(
    ("name", "value"),
    [("temperature", 0.0), ("temperature", nan), ("contrast", -1.0), ("contrast", inf), ("label_smoothing", 1.0)],
)
def test_impossible_objectives_are_refused(name, value):
    with pytest.raises(ConfigError, match=rf"objective\.{name}"):
        ObjectiveConfig(**{name: value})


def test_accuracy_is_that_of_clips_with_a_label():
    logits = torch.eye(4)
    assert StepResult(torch.zeros(()), {}, logits, torch.tensor([0, 1, 3, -1])).accuracy == pytest.approx(2 / 3)
    assert StepResult(torch.zeros(()), {}, logits, torch.tensor([-1, -1, -1, -1])).accuracy == 0
