"""The measurement of steps beside their cost by count."""

import pytest
import torch
from torch import nn

from benchmarks.methods import measured_method, operations
from psp.model.encoder import EncoderConfig


def test_a_step_is_timed_and_its_passes_are_counted():
    """One clip of MoCo: a query with gradients and a key without them."""
    found = measured_method("moco", EncoderConfig(((4, 8, 3, 2),), heads=2), 3, 8, 0.01)
    assert found["sample passes"] == 3 * (1 + 1 / 3)
    assert found["seconds"] > 0
    assert found["operations"] > 0


@pytest.mark.parametrize("gates", [3, 4])
def test_operations_of_recurrent_cells_are_counted(gates: int):
    """Two a multiplication; backward passes are two products for each one of the forward pass."""
    clips, frames, inputs, width = 8, 20, 32, 64
    cell = {3: nn.GRU, 4: nn.LSTM}[gates](inputs, width, batch_first=True)
    x = torch.randn(clips, frames, inputs, requires_grad=True)
    found = operations(lambda: cell(x)[0].sum().backward())
    forward = 2 * clips * frames * gates * width * (inputs + width)
    assert found == pytest.approx(3 * forward, rel=0.03)
