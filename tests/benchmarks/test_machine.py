import json

import pytest
import torch

from benchmarks import machine
from benchmarks.machine import copy_rate, matrix_rate, provenance

CPU = torch.device("cpu")


def test_machine_and_versions_are_named():
    found = provenance(CPU)
    assert found["versions"]["torch"] == torch.__version__
    assert found["versions"]["psp-learning"]
    assert found["cores"] >= 1
    assert found["processor"]
    assert json.loads(json.dumps(found)) == found


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_rates_are_of_a_plausible_order(monkeypatch, dtype):
    monkeypatch.setattr(machine, "PRODUCT_SIZE", {"cpu": 256})
    monkeypatch.setattr(machine, "COPY_BYTES", {"cpu": 2**22})
    assert 1e7 < matrix_rate(CPU, dtype, seconds=0.01) < 1e14
    assert 1e7 < copy_rate(CPU, seconds=0.01) < 1e13
