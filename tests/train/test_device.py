import pytest
import torch

from psp.errors import ConfigError
from psp.train import device
from psp.train.device import allow_tf32, device_by_name, mixed_precision, precision_on


def test_the_cpu_is_always_there():
    assert device_by_name("cpu") == torch.device("cpu")
    assert device_by_name("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match="--device cpu"):
        device_by_name("cuda")


@pytest.mark.parametrize(("precision", "allowed"), [("float32", False), ("tf32", True), ("bf16", False)])
def test_only_tf32_rounds_to_tf32(precision, allowed):
    allow_tf32(precision)
    assert torch.backends.cuda.matmul.allow_tf32 == torch.backends.cudnn.allow_tf32 == allowed


@pytest.mark.parametrize("precision", ["float32", "tf32", "bf16"])
@pytest.mark.parametrize("hardware", [True, False])
def test_bf16_is_used_where_the_device_multiplies_it(precision, hardware, monkeypatch):
    monkeypatch.setattr(device, "multiplies_bf16", lambda _: hardware)
    with mixed_precision(precision, torch.device("cpu")):
        product = torch.ones(2, 2) @ torch.ones(2, 2)
    assert product.dtype == (torch.bfloat16 if precision == "bf16" and hardware else torch.float32)


@pytest.mark.parametrize("precision", ["float32", "tf32", "bf16"])
def test_a_processor_without_bf16_computes_in_single_precision_whatever_is_wanted(precision, monkeypatch):
    monkeypatch.setattr(device, "multiplies_bf16", lambda _: False)
    assert precision_on(torch.device("cpu"), precision) == "float32"
