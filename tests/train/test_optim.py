from math import inf, nan

import pytest
import torch
from torch import nn

from psp.errors import ConfigError
from psp.methods import METHODS
from psp.methods.base import Setting
from psp.model.backbone import ModelConfig
from psp.model.encoder import EncoderConfig
from psp.skeleton.catalogue import layout_by_name
from psp.train.muon import Muon
from psp.train.optim import OptimConfig, learning_rate, make_optimiser, step_unless


def test_steps_follow_the_paper():
    config = OptimConfig(learning_rate=0.05, warmup=5, milestones=(60, 90))
    rates = [learning_rate(config, epoch, 120) for epoch in (2.5, 5, 59.9, 60, 90)]
    assert rates == pytest.approx([0.025, 0.05, 0.05, 0.005, 0.0005])


def test_cosine_goes_from_the_full_rate_to_its_final_share():
    config = OptimConfig(learning_rate=1.0, warmup=2, schedule="cosine", final=0.01)
    rates = [learning_rate(config, epoch, 10) for epoch in (0, 1, 2, 6, 10)]
    assert rates == pytest.approx([1e-3, 0.5, 1.0, 0.505, 0.01])


def test_adamw_decays_matrices_only():
    network = nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3))
    optimiser = make_optimiser(network, network.parameters(), OptimConfig("adamw", weight_decay=0.1))
    decayed, spared = optimiser.param_groups
    assert [weight.ndim for weight in decayed["params"]] == [2]
    assert decayed["weight_decay"] == 0.1
    assert spared["weight_decay"] == 0


@pytest.mark.parametrize("networks", ["shared", "own"])
def test_muon_takes_the_matrices_of_encoders_and_leaves_the_rest_to_adamw(networks):
    model = ModelConfig(EncoderConfig(((4, 4, 3, 2), (4, 8, 3, 1)), heads=2, joints="graph"), networks=networks)
    method = METHODS["psp"](METHODS["psp"].Config(), Setting(layout_by_name("kinect20"), 3, 10, 8, model))
    optimiser = make_optimiser(method, method.phase_parameters("main"), OptimConfig("muon", weight_decay=0.1))
    assert isinstance(optimiser, Muon)
    matrices, decayed, spared = (group["params"] for group in optimiser.param_groups)
    encoders = method.recogniser.backbone.encoders
    convolutions = [part.weight for part in encoders.modules() if isinstance(part, nn.Conv2d)]
    assert list(map(id, matrices)) == list(map(id, convolutions))
    assert {weight.ndim for weight in spared} == {1}
    everything = [*matrices, *decayed, *spared]
    assert len(everything) == len(list(method.parameters())) == len({id(weight) for weight in everything})


def test_only_the_weights_of_a_phase_are_changed():
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    before = [weight.detach().clone() for weight in network.parameters()]
    for kind in ("sgd", "adamw", "muon"):
        optimiser = make_optimiser(network, network[1].parameters(), OptimConfig(kind, 0.1))
        network(torch.ones(1, 2)).sum().backward()
        optimiser.step()
        assert all(torch.equal(*pair) for pair in zip(before[:2], network[0].parameters(), strict=True))
    assert not torch.equal(before[2], network[1].weight)


def test_sgd_uses_nesterov_momentum():
    network = nn.Linear(2, 2)
    optimiser = make_optimiser(network, network.parameters(), OptimConfig())
    assert isinstance(optimiser, torch.optim.SGD)
    assert optimiser.defaults["nesterov"]
    assert optimiser.defaults["momentum"] == 0.9


@pytest.mark.parametrize("kind", ["sgd", "adamw", "muon"])
def test_a_refused_step_moves_nothing(kind):
    network = nn.Linear(2, 2)
    optimiser = make_optimiser(network, network.parameters(), OptimConfig(kind))
    before = [weight.detach().clone() for weight in network.parameters()]
    for refused in (1.0, 0.0):
        network(torch.ones(1, 2)).sum().backward()
        step_unless(optimiser, torch.tensor(refused))
        moved = [not torch.equal(*pair) for pair in zip(before, network.parameters(), strict=True)]
        assert moved == [refused == 0.0] * 2


@pytest.mark.parametrize(
    ("name", "value"),
    [("learning_rate", 0.0), ("learning_rate", nan), ("learning_rate", inf), ("momentum", 1.0), ("momentum", -0.1),
     ("weight_decay", -1.0), ("warmup", -1.0), ("clip_norm", -1.0), ("factor", -0.1), ("final", nan)],
)  # fmt: skip
def test_impossible_settings_are_refused(name, value):
    with pytest.raises(ConfigError, match=rf"optim\.{name}"):
        OptimConfig(**{name: value})
