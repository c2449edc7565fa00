import pytest
import torch
from torch import Tensor, nn

from psp.model.encoder import EncoderBlock, EncoderConfig
from psp.model.recompute import recomputed, recomputing, statistics_kept


def block() -> EncoderBlock:
    torch.manual_seed(0)
    return EncoderBlock((4, 8, 2, 2), EncoderConfig(heads=2), joints=5, frames=6).train()


def rows() -> Tensor:
    return torch.randn(3, 4, 6, 5, generator=torch.Generator().manual_seed(1))


def learnt(part: EncoderBlock, y: Tensor, x: Tensor) -> list[Tensor]:
    y.square().sum().backward()
    return [y.detach(), x.grad, *(weight.grad for weight in part.parameters()), *part.buffers()]


def bytes_kept(compute) -> int:
    """How much a computation leaves for the way back."""
    kept = 0

    def pack(tensor: Tensor) -> Tensor:
        nonlocal kept
        kept += tensor.numel() * tensor.element_size()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        compute()
    return kept


def test_values_gradients_and_statistics_are_the_same_to_the_last_bit():
    plain, again, around = block(), block(), block()
    x, y, z = (rows().requires_grad_() for _ in range(3))
    expected = learnt(plain, plain(x), x)
    with recomputing([around]):
        found = around(z)
    for part, values in (
        (again, learnt(again, recomputed(again, y, part=again), y)),
        (around, learnt(around, found, z)),
    ):
        assert len(values) == len(expected)
        assert all(torch.equal(value, wanted) for value, wanted in zip(values, expected, strict=True))
        assert "forward" not in vars(part)


def test_only_the_input_is_kept():
    part, x = block(), rows().requires_grad_()
    assert bytes_kept(lambda: recomputed(part, x, part=part)) <= x.numel() * 4 < bytes_kept(lambda: part(x)) / 5


def test_nesting_changes_nothing():
    plain, nested = block(), block()
    x, y = rows().requires_grad_(), rows().requires_grad_()

    def inside(x: Tensor) -> Tensor:
        with recomputing([nested.spatial, nested.temporal]):
            return nested(x)

    pairs = zip(learnt(plain, plain(x), x), learnt(nested, recomputed(inside, y, part=nested), y), strict=True)
    assert all(torch.equal(wanted, value) for wanted, value in pairs)


def test_statistics_are_kept_even_if_something_fails():
    norm = nn.BatchNorm2d(4)

    def fail() -> None:
        with statistics_kept(norm):
            norm(torch.full((2, 4, 1, 1), float("nan")))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert torch.equal(norm.running_mean, torch.zeros(4))
    assert int(norm.num_batches_tracked) == 0
