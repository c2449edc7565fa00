from math import inf, nan

import pytest
import torch
from torch import nn

from psp.errors import ConfigError
from psp.model.encoder import EncoderConfig
from psp.model.psp import ModelConfig, PSPNetwork
from psp.skeleton.layouts import layout_by_name
from psp.train.muon import Muon
from psp.train.optim import OptimConfig, learning_rate, make_optimiser


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
    decayed, spared = make_optimiser(network, OptimConfig("adamw", weight_decay=0.1)).param_groups
    assert [weight.ndim for weight in decayed["params"]] == [2]
    assert decayed["weight_decay"] == 0.1
    assert spared["weight_decay"] == 0


def test_muon_takes_the_matrices_of_encoders_and_leaves_the_rest_to_adamw():
    model = ModelConfig(EncoderConfig(((4, 4, 3, 2), (4, 8, 3, 1)), joints="graph"))
    network = PSPNetwork(layout_by_name("kinect20"), 8, 3, model)
    optimiser = make_optimiser(network, OptimConfig("muon", weight_decay=0.1))
    assert isinstance(optimiser, Muon)
    matrices, decayed, spared = (group["params"] for group in optimiser.param_groups)
    convolutions = [part.weight for part in network.encoder.modules() if isinstance(part, nn.Conv2d)]
    assert list(map(id, matrices)) == list(map(id, convolutions))
    assert {weight.ndim for weight in spared} == {1}
    everything = [*matrices, *decayed, *spared]
    assert len(everything) == len(list(network.parameters())) == len({id(weight) for weight in everything})


def test_sgd_uses_nesterov_momentum():
    optimiser = make_optimiser(nn.Linear(2, 2), OptimConfig())
    assert isinstance(optimiser, torch.optim.SGD)
    assert optimiser.defaults["nesterov"]
    assert optimiser.defaults["momentum"] == 0.9


@pytest.mark.parametrize(
    ("name", "value"),
    [("learning_rate", 0.0), ("learning_rate", nan), ("learning_rate", inf), ("momentum", 1.0), ("momentum", -0.1),
     ("weight_decay", -1.0), ("warmup", -1.0), ("clip_norm", -1.0), ("factor", -0.1), ("final", nan)],
)  # fmt: skip
def test_impossible_settings_are_refused(name, value):
    with pytest.raises(ConfigError, match=rf"optim\.{name}"):
        OptimConfig(**{name: value})
