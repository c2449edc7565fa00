import torch
from torch import nn

from psp.model.backbone import ModelConfig
from psp.model.encoder import EncoderConfig
from psp.model.predictor import make_predictor
from psp.skeleton.catalogue import layout_by_name
from psp.train.ema import EMA, averaged_predictor, averaged_state


class Owner(nn.Module):
    """A module with a trained network, a frozen copy of it, and a buffer of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
        self.frozen = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2)).requires_grad_(False)
        self.register_buffer("bank", torch.zeros(3))


def test_the_average_of_constant_weights_is_the_weights():
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    ema = EMA(network, 0.9)
    for step in range(5):
        ema.update(step)
    assert all(torch.allclose(ema.state[name], value) for name, value in network.state_dict().items())


def test_the_average_is_the_recursion_written_out():
    network = nn.Linear(1, 1, bias=False)
    network.weight.data.fill_(0.0)
    ema, expected = EMA(network, 0.9), 0.0
    for step in range(200):
        network.weight.data.fill_(float(step))
        ema.update(step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    assert abs(float(ema.state["weight"]) - expected) < 1e-3


def test_counters_are_copied():
    network = nn.Sequential(nn.BatchNorm1d(2))
    ema = EMA(network, 0.9)
    network(torch.randn(4, 2))
    ema.update(0)
    assert int(ema.state["0.num_batches_tracked"]) == 1


def test_trained_weights_and_their_batch_norms_are_averaged_and_nothing_else():
    owner = Owner()
    assert set(averaged_state(owner)) == {f"network.{name}" for name in owner.network.state_dict()}


def test_a_part_reads_the_average_as_it_moves():
    owner = Owner()
    ema = EMA(owner, 0.5)
    twin = ema.averaged(owner.network, owner)
    owner.network[0].weight.data.fill_(7.0)
    ema.update(100)
    assert torch.equal(twin[0].weight, ema.state["network.0.weight"])
    assert not torch.equal(twin[0].weight, owner.network[0].weight)
    assert not twin.training
    assert not any(weight.requires_grad for weight in twin.parameters())


def test_a_stored_average_is_taken_over():
    first, second = (EMA(nn.Linear(2, 2), 0.9) for _ in range(2))
    second.load(first.state)
    assert all(torch.equal(value, second.state[name]) for name, value in first.state.items())


def test_the_averaged_predictor_is_one_of_its_own():
    config = ModelConfig(EncoderConfig(((4, 4, 2, 2),), heads=2), networks="own")
    predictor = make_predictor(layout_by_name("kinect20"), 8, 3, config, ("joint", "motion"), "sum")
    method = nn.ModuleDict({"recogniser": predictor})
    ema = EMA(method, 0.9)
    with torch.no_grad():
        predictor.classifiers[1].linear.bias.fill_(1.0)
    teacher = averaged_predictor(ema, method, predictor)
    assert teacher.modalities == predictor.modalities
    assert torch.equal(teacher.classifiers[1].linear.bias, ema.state["recogniser.classifiers.1.linear.bias"])
    assert not torch.equal(teacher.classifiers[1].linear.bias, predictor.classifiers[1].linear.bias)
    assert averaged_predictor(ema, method, None) is None
