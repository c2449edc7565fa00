import pytest
import torch
from torch import Tensor, nn

from psp.errors import ConfigError
from psp.model.batch_norm import BatchNorm, joint_moments, moments
from ranks import on_two_ranks

SHARES = (slice(0, 5), slice(5, 7))
LAYOUTS = {"channels first": torch.contiguous_format, "channels last": torch.channels_last}


def values(dtype: torch.dtype = torch.float64) -> Tensor:
    """A mean that is large beside the deviation, as it would spoil a difference of sums."""
    x = torch.randn(7, 3, 4, 5, generator=torch.Generator().manual_seed(0), dtype=dtype)
    return x * torch.tensor([1.0, 1e-2, 5.0]).view(3, 1, 1) + torch.tensor([0.0, 1e3, -2.0]).view(3, 1, 1)


def prepared(kind: type[nn.BatchNorm2d], dtype: torch.dtype = torch.float64) -> nn.BatchNorm2d:
    norm = kind(3).to(dtype)
    with torch.no_grad():
        norm.weight.copy_(torch.tensor([0.5, 1.5, -1.0]))
        norm.bias.copy_(torch.tensor([1.0, 0.0, 2.0]))
    return norm


def step(norm: nn.BatchNorm2d, x: Tensor, direction: Tensor) -> dict[str, Tensor]:
    """Two training steps, so that the running statistics are not only the start."""
    norm(x * 2)
    x = x.clone(memory_format=torch.preserve_format).requires_grad_()
    y = norm(x)
    (y * direction).sum().backward()
    gradients = {"x": x.grad, "weight gradient": norm.weight.grad, "bias gradient": norm.bias.grad}
    return {"y": y.detach(), **gradients, **{name: value.clone() for name, value in norm.state_dict().items()}}


def direction(x: Tensor) -> Tensor:
    return torch.randn(x.shape, generator=torch.Generator().manual_seed(1), dtype=x.dtype)


def on_rank(rank: int) -> dict[str, dict[str, Tensor]]:
    x, share = values(), SHARES[rank]
    shares = {name: x[share].contiguous(memory_format=layout) for name, layout in LAYOUTS.items()}
    return {name: step(prepared(BatchNorm), own, direction(x)[share]) for name, own in shares.items()}


@pytest.fixture(scope="module")
def ranks(tmp_path_factory) -> list[dict[str, dict[str, Tensor]]]:
    return on_two_ranks(on_rank, tmp_path_factory.mktemp("ranks"))


def test_alone_it_is_pytorchs_to_the_last_bit():
    x = values(torch.float32)
    ours, theirs = (step(prepared(kind, torch.float32), x, direction(x)) for kind in (BatchNorm, nn.BatchNorm2d))
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_two_ranks_normalise_as_one_does_the_joined_batch(ranks, layout):
    x = values()
    whole = step(prepared(nn.BatchNorm2d), x, direction(x))
    first, second = (found[layout] for found in ranks)
    for name in ("y", "x"):
        torch.testing.assert_close(torch.cat([first[name], second[name]]), whole[name], rtol=1e-9, atol=1e-9)
    for name in ("weight gradient", "bias gradient"):
        torch.testing.assert_close(first[name] + second[name], whole[name], rtol=1e-9, atol=1e-9)
    for name in ("running_mean", "running_var", "num_batches_tracked"):
        torch.testing.assert_close(first[name], whole[name], rtol=1e-10, atol=1e-10)
        assert torch.equal(first[name], second[name])


def test_half_precision_keeps_statistics_in_single_precision():
    x = values(torch.float32)[:, :1].to(torch.bfloat16)
    count, mean, variance = moments(x)
    assert (count.dtype, mean.dtype, variance.dtype) == (torch.float32,) * 3
    torch.testing.assert_close(variance, x.float().var((0, 2, 3), correction=0))


def test_moments_of_one_rank_are_joint_already():
    own = moments(values())
    torch.testing.assert_close(joint_moments(*own), own)


def test_evaluation_asks_no_other_rank():
    norm, x = prepared(BatchNorm).eval(), values()
    assert torch.equal(norm(x), prepared(nn.BatchNorm2d).eval()(x))


def test_one_value_a_channel_has_no_variance():
    with pytest.raises(ConfigError, match="larger batches or chunks"):
        BatchNorm(3)(torch.ones(1, 3, 1, 1))
    assert BatchNorm(3).eval()(torch.ones(1, 3, 1, 1)).shape == (1, 3, 1, 1)
