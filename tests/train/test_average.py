import torch
from torch import nn

from psp.train.average import WeightAverage


def test_the_average_of_constant_weights_is_the_weights():
    network = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average = WeightAverage(network, 0.9)
    for step in range(5):
        average.update(step)
    assert all(torch.allclose(average.state[name], value) for name, value in network.state_dict().items())


def test_the_average_is_the_recursion_written_out():
    network = nn.Linear(1, 1, bias=False)
    network.weight.data.fill_(0.0)
    average, expected = WeightAverage(network, 0.9), 0.0
    for step in range(200):
        network.weight.data.fill_(float(step))
        average.update(step)
        decay = min(0.9, (1 + step) / (10 + step))
        expected = decay * expected + (1 - decay) * step
    assert abs(float(average.state["weight"]) - expected) < 1e-3


def test_counters_are_copied():
    network = nn.BatchNorm1d(2)
    average = WeightAverage(network, 0.9)
    network(torch.randn(4, 2))
    average.update(0)
    assert int(average.state["num_batches_tracked"]) == 1
