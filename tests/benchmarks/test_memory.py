import torch

from benchmarks.memory import measure_memory
from benchmarks.step import StepSettings
from psp.model.memory import MemoryConfig


def test_recomputing_needs_less_memory():
    ways = {"plain": MemoryConfig(), "recompute": MemoryConfig(recompute=True)}
    found = measure_memory(StepSettings("tiny", "nw-ucla", clips=33), torch.device("cpu"), ways)["ways"]
    assert found["plain"]["of plain"] == found["plain"]["times plain"] == 1
    assert found["recompute"]["peak bytes"] < found["plain"]["peak bytes"]
    assert found["recompute"]["seconds"] > 0
