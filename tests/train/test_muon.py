import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from psp.train.muon import Muon, orthogonal


def optimiser_of(layer: nn.Linear, **changes) -> Muon:
    settings = {"learning_rate": 0.1, "weight_decay": 0.0, "momentum": 0.9} | changes
    return Muon([layer.weight], [{"params": [layer.bias], "weight_decay": 0.0}], **settings)


@given(st.integers(1, 12), st.integers(1, 12), st.integers(0, 99))
def test_all_directions_of_a_matrix_become_about_equally_large(rows, columns, seed):
    matrices = torch.randn(2, rows, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    left, before, right = torch.linalg.svd(matrices, full_matrices=False)
    found = left.mT @ orthogonal(matrices) @ right.mT
    sizes = found.diagonal(dim1=1, dim2=2)
    assert torch.allclose(found, torch.diag_embed(sizes), atol=1e-6), "directions stay what they are"
    large = before > 0.05 * torch.linalg.matrix_norm(matrices)[:, None]
    assert ((sizes > 0.3) & (sizes < 1.3))[large].all()


def test_a_step_goes_against_the_gradient_with_the_size_of_adamw():
    layer = nn.Linear(64, 32)
    weight, optimiser = layer.weight.detach().clone(), optimiser_of(layer)
    layer.weight.grad, layer.bias.grad = torch.randn(32, 64), torch.ones(32)
    gradient = layer.weight.grad.clone()
    optimiser.step()
    step = layer.weight.detach() - weight
    assert (step * gradient).sum() < 0
    assert step.square().mean().sqrt().item() == pytest.approx(0.1 * 0.2, rel=0.25)


def test_the_momentum_is_a_running_mean_of_gradients_blended_with_the_last():
    layer = nn.Linear(2, 2, bias=False)
    optimiser = Muon([layer.weight], [], 0.1, 0.0, 0.9)
    for gradient in (torch.eye(2), -torch.eye(2)):
        layer.weight.grad = gradient
        optimiser.step()
    mean = 0.9 * 0.1 - 0.1
    assert torch.allclose(optimiser.state[layer.weight]["momentum"], mean * torch.eye(2))


def test_weights_decay_towards_zero():
    layer = nn.Linear(8, 8)
    weight = layer.weight.detach().clone()
    optimiser = optimiser_of(layer, weight_decay=0.5)
    layer.weight.grad = torch.zeros(8, 8)
    optimiser.step()
    assert torch.allclose(layer.weight, weight * (1 - 0.1 * 0.5))


def test_other_weights_follow_adamw():
    ours, theirs = nn.Linear(3, 3), nn.Linear(3, 3)
    theirs.load_state_dict(ours.state_dict())
    optimisers = optimiser_of(ours), torch.optim.AdamW([theirs.bias], 0.1, weight_decay=0.0, fused=True)
    for layer, optimiser in zip((ours, theirs), optimisers, strict=True):
        layer.weight.grad, layer.bias.grad = torch.ones(3, 3), torch.tensor([1.0, -2.0, 3.0])
        optimiser.step()
    assert torch.equal(ours.bias, theirs.bias)


def test_matrices_of_a_shape_step_as_they_would_alone():
    def stepped(weights: list[nn.Parameter]) -> list[torch.Tensor]:
        optimiser = Muon(weights, [], 0.1, 0.1, 0.9)
        for number, weight in enumerate(weights):
            weight.grad = torch.full_like(weight, 1.0 + number).tril()
        optimiser.step()
        return [weight.detach() for weight in weights]

    def kernels() -> list[nn.Parameter]:
        return [nn.Parameter(torch.ones(4, 3, 5, 1)) for _ in range(2)]

    together = stepped(kernels())
    assert torch.allclose(together[0], stepped(kernels()[:1])[0])


def test_a_refused_step_moves_nothing():
    layer = nn.Linear(4, 4)
    before = [weight.detach().clone() for weight in layer.parameters()]
    optimiser = optimiser_of(layer, weight_decay=0.1)
    layer.weight.grad, layer.bias.grad = torch.full((4, 4), torch.nan), torch.ones(4)
    optimiser.found_inf = torch.ones(())
    optimiser.step()
    assert all(torch.equal(old, new) for old, new in zip(before, layer.parameters(), strict=True))


def test_its_state_can_be_stored_and_read_back():
    layer = nn.Linear(4, 4)
    first, second = optimiser_of(layer), optimiser_of(layer)
    layer.weight.grad, layer.bias.grad = torch.randn(4, 4), torch.randn(4)
    first.step()
    second.load_state_dict(first.state_dict())
    assert torch.equal(second.state[layer.weight]["momentum"], first.state[layer.weight]["momentum"])
