import time

import pytest
import torch

from benchmarks.timing import LEAST, measure, synchronise

CPU = torch.device("cpu")


def test_a_call_takes_as_long_as_it_sleeps():
    timing = measure(lambda: time.sleep(0.01), CPU, seconds=0.1)
    assert 0.01 <= timing.fastest <= timing.median <= timing.slowest
    assert timing.median == pytest.approx(0.01, rel=0.9)
    assert LEAST <= timing.calls <= 10


def test_slow_calls_are_few_but_never_too_few():
    called = []
    timing = measure(lambda: called.append(time.sleep(0.02)), CPU, seconds=0.001)
    assert timing.calls == LEAST
    assert len(called) == LEAST + 1, "one call warms up, since it took longer than was given"


def test_waiting_for_a_processor_does_nothing():
    synchronise(CPU)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch sees no GPU here")
def test_work_on_a_gpu_is_timed_there():
    device = torch.device("cuda")
    matrix = torch.randn(4096, 4096, device=device)
    timing = measure(lambda: matrix @ matrix, device, seconds=0.2)
    assert timing.median > 2 * 4096**3 / 1e15
