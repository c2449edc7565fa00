import contextlib
import random
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch

from psp.batches.batch import Sample
from psp.errors import ConfigError
from psp.model.backbone import ModelConfig
from psp.model.encoder import EncoderConfig
from psp.model.predictor import Predictor, make_predictor
from psp.skeleton.catalogue import layout_by_name
from psp.train import device
from psp.train.device import (
    compile_encoders,
    device_by_name,
    keep_freed_memory,
    mixed_precision,
    precision_on,
    process_settings,
)

FAULTS = """
import resource, torch
from psp.train.device import keep_freed_memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(20):
        torch.ones(10_000_000)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

plain = faults()
assert keep_freed_memory()
torch.ones(10_000_000)
print(plain, faults())
"""


def test_the_cpu_is_always_there():
    assert device_by_name("cpu") == torch.device("cpu")
    assert device_by_name("auto").type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match="--device cpu"):
        device_by_name("cuda")


def tf32_flags() -> tuple[bool, bool]:
    return torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32


@pytest.mark.parametrize(("precision", "allowed"), [("float32", False), ("tf32", True), ("bf16", False)])
@pytest.mark.parametrize("before", [(True, False), (False, True)])
def test_only_tf32_rounds_to_tf32_and_only_inside_the_block(precision, allowed, before):
    usual = tf32_flags()
    try:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
        with process_settings(precision):
            assert tf32_flags() == (allowed, allowed)
        assert tf32_flags() == before
    finally:
        torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = usual


def test_random_states_are_restored_after_an_error_too():
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    with contextlib.suppress(ZeroDivisionError), process_settings("float32"):
        torch.manual_seed(torch.randint(9, ()).item())
        raise ZeroDivisionError
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1].tolist(), random.getstate()) == before[1:]


@pytest.mark.parametrize("precision", ["float32", "tf32", "bf16", "float64"])
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


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt belongs to glibc")
def test_freed_blocks_are_used_again_without_fresh_pages():
    done = subprocess.run([sys.executable, "-c", FAULTS], capture_output=True, text=True, check=True)
    plain, kept = map(int, done.stdout.split())
    assert kept < plain / 4


def test_other_systems_are_left_alone(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not keep_freed_memory()


def predictor() -> Predictor:
    torch.manual_seed(0)
    config = ModelConfig(EncoderConfig(blocks=((8, 8, 2, 2),), heads=2))
    return make_predictor(layout_by_name("kinect20"), 8, 3, config, ("joint", "motion"), "sum")


def gradients_of(network: Predictor) -> list[torch.Tensor]:
    joints = torch.rand(4, 1, 8, 20, 3, generator=torch.Generator().manual_seed(1))
    sample = Sample({"joint": joints, "motion": joints.flip(0)}, torch.ones(4, 1, dtype=torch.bool))
    logits = network.logits(sample)
    logits.square().sum().backward()
    return [logits.detach(), *(weight.grad for weight in network.parameters())]


def test_a_compiled_encoder_gives_the_same_gradients(monkeypatch):
    """With the graphs of torch.compile, and without its C++ compiler, which takes half a minute."""
    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    plain, compiled = predictor(), predictor()
    assert compile_encoders(compiled)
    assert compiled.state_dict().keys() == plain.state_dict().keys()
    for value, wanted in zip(gradients_of(compiled), gradients_of(plain), strict=True):
        torch.testing.assert_close(value, wanted, rtol=1e-3, atol=1e-4)


def test_without_a_compiler_nothing_changes(monkeypatch):
    def broken(function):
        def fail(*_):
            raise RuntimeError("no C++ compiler")

        return fail

    wanted, changed = gradients_of(predictor()), predictor()
    monkeypatch.setattr(torch, "compile", broken)
    assert not compile_encoders(changed)
    assert all(torch.equal(*pair) for pair in zip(gradients_of(changed), wanted, strict=True))
