import pytest
import torch

from benchmarks.ranks import measure_ranks
from benchmarks.step import StepSettings


def test_one_and_two_ranks_are_timed_at_the_same_batch():
    found = measure_ranks(StepSettings(shape="nw-ucla", clips=4), ["tiny"], [1, 2], torch.device("cpu"), seconds=0.1)
    assert found["settings"]["clips"] == 4
    assert list(found["sizes"]["tiny"]) == ["1", "2"]
    one, two = found["sizes"]["tiny"].values()
    assert one["speed-up"] == 1
    assert two["speed-up"] == pytest.approx(one["seconds of a step"] / two["seconds of a step"])
    assert two["clips per second"] == pytest.approx(4 / two["seconds of a step"])
