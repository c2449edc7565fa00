import subprocess
import sys

import pytest
import torch

from psp.model.encoder import EncoderConfig
from psp.model.psp import ModelConfig, PSPNetwork
from psp.skeleton.layouts import LAYOUTS
from psp.train.compiled import can_compile, compile_encoder


def network() -> PSPNetwork:
    torch.manual_seed(0)
    config = ModelConfig(EncoderConfig(blocks=((8, 8, 2, 2),), heads=2), levels=())
    return PSPNetwork(LAYOUTS["kinect20"], 8, 3, config)


def learnt(network: PSPNetwork) -> list[torch.Tensor]:
    views = torch.rand(4, 1, 8, 20, 3, generator=torch.Generator().manual_seed(1))
    logits = network(views, views.flip(0), torch.ones(4, 1, dtype=torch.bool))
    logits.square().sum().backward()
    return [logits.detach(), *(weight.grad for weight in network.parameters())]


def compare() -> None:
    """Compile, and compare with the plain encoder; called in a process without the tests' checks of types."""
    plain, compiled = network(), network()
    assert compile_encoder(compiled)
    assert compiled.state_dict().keys() == plain.state_dict().keys()
    for value, wanted in zip(learnt(compiled), learnt(plain), strict=True):
        torch.testing.assert_close(value, wanted, rtol=1e-3, atol=1e-4)


@pytest.mark.skipif(not can_compile(torch.device("cpu")), reason="torch.compile does not work on this machine")
def test_a_compiled_encoder_learns_the_same() -> None:
    subprocess.run([sys.executable, __file__], check=True)


def test_without_a_compiler_nothing_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(function):
        def fail(*_):
            raise RuntimeError("no C++ compiler")

        return fail

    wanted, changed = learnt(network()), network()
    monkeypatch.setattr(torch, "compile", broken)
    assert not compile_encoder(changed)
    assert all(torch.equal(*pair) for pair in zip(learnt(changed), wanted, strict=True))


if __name__ == "__main__":
    compare()
