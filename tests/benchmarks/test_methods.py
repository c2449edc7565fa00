"""The measurement of steps beside their cost by count."""

from benchmarks.methods import measured_method
from psp.model.encoder import EncoderConfig


def test_a_step_is_timed_and_its_passes_are_counted():
    """One clip of MoCo: a query with gradients and a key without them."""
    found = measured_method("moco", EncoderConfig(((4, 8, 3, 2),), heads=2), 3, 8, 0.01)
    assert found["sample passes"] == 3 * (1 + 1 / 3)
    assert found["seconds"] > 0
