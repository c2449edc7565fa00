import pytest
import torch

from benchmarks.ranks import _judged, measure_ranks
from benchmarks.step import StepSettings


def test_ranks_share_a_batch():
    found = measure_ranks(StepSettings(shape="nw-ucla", clips=4), ["tiny"], [2], torch.device("cpu"), seconds=0.1)
    assert found["settings"]["clips"] == 4
    two = found["sizes"]["tiny"]["2"]
    assert two["clips per second"] == pytest.approx(4 / two["seconds of a step"])


def test_the_speed_up_is_that_over_one_rank():
    judged = _judged({1: 6.0, 2: 4.0}, 12, torch.device("cpu"))
    assert [each["speed-up"] for each in judged.values()] == [1.0, 1.5]
    assert [each["clips per second"] for each in judged.values()] == [2.0, 3.0]
