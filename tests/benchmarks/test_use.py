import importlib
import json

from benchmarks import machine
from benchmarks.use import measure_use


def test_every_program_is_measured_beside_its_floor(monkeypatch):
    monkeypatch.setattr(machine, "PRODUCT_SIZE", {"cpu": 256})
    monkeypatch.setattr(machine, "COPY_BYTES", {"cpu": 2**22})
    monkeypatch.setattr(importlib.import_module("benchmarks.use"), "FRAMES", 6)
    found = measure_use(("tiny",), persons=2, many=2, seconds=0.01)
    assert json.loads(json.dumps(found)) == found
    tiny = found["sizes"]["tiny"]
    assert tiny["parameters"] > 10_000
    for program in ("PyTorch", "onnxruntime"):
        assert 0 < tiny[program]["milliseconds of one clip"] < 10_000
        assert tiny[program]["many clips, times the floor"] > 0.5
        assert (
            tiny[program]["milliseconds a frame without an answer"] < tiny[program]["milliseconds a frame of a stream"]
        )
