import time

import pytest
import torch

from psp.methods.method import StepResult
from psp.train.meter import Meter


def result(objective: float) -> StepResult:
    parts = {"recognition": torch.tensor(objective / 2), "contrast joint": torch.tensor(0.25)}
    return StepResult(torch.tensor(objective), parts, torch.eye(4), torch.tensor([0, 1, 2, 0]))


def test_a_reading_holds_the_numbers_of_its_step():
    reading = Meter(clips=8).read(result(0.1), 3)
    assert (reading.step, reading.accuracy) == (3, 0.75)
    assert reading.objective == float(torch.tensor(0.1))
    assert reading.parts == {"recognition": float(torch.tensor(0.05)), "contrast joint": 0.25}


def test_times_are_those_between_readings(monkeypatch):
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    meter = Meter(clips=8, step=10, seconds=5.0)
    now[0] += 4
    assert meter.read(result(1.0), 12).clips_per_second == pytest.approx(4.0)
    assert meter.read(result(1.0), 12).clips_per_second == pytest.approx(4.0)  # the same step again
    now[0] += 60
    meter.restart()
    now[0] += 1
    assert meter.read(result(1.0), 13).clips_per_second == pytest.approx(8.0)
    assert meter.seconds == pytest.approx(10.0)
