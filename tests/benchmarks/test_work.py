import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.work import Rates, Work, count_work


def test_a_matrix_product_is_counted_forward_and_backward():
    layer = nn.Linear(5, 7, bias=False)
    x = torch.randn(3, 5, requires_grad=True)
    work = count_work(lambda: layer(x).sum().backward(), layer)
    numbers = 3 * 5 + 5 * 7 + 3 * 7
    assert work == Work(((2 * 3 * 5 * 7, 4 * numbers),) * 3, 0), "y = x w, and going back the gradients of x and w"


def test_norms_and_activations_move_their_values_three_times():
    network = nn.Sequential(nn.Conv2d(2, 4, 1, bias=False), nn.BatchNorm2d(4), nn.LeakyReLU())
    work = count_work(lambda: network(torch.randn(3, 2, 5, 6)).sum().backward(), network)
    assert work.between == 2 * 3 * 2 * (4 * 3 * 4 * 5 * 6)
    assert work.operations == 2 * 2 * (3 * 5 * 6 * 2 * 4), "the input needs no gradient"


def test_operations_are_those_of_pytorchs_own_counter():
    network = nn.Sequential(nn.Conv2d(3, 8, (7, 1), padding=(3, 0)), nn.LeakyReLU(), nn.Flatten(), nn.Linear(80, 3))
    x = torch.randn(2, 3, 5, 2)
    with FlopCounterMode(display=False) as counter:
        network(x).sum().backward()
    assert count_work(lambda: network(x).sum().backward(), network).operations == counter.get_total_flops()


def test_each_product_is_limited_by_what_it_has_more_of():
    work = Work(((100, 1), (1, 100)), between=40)
    assert work.floor(Rates(10, 10)) == pytest.approx(20)
    assert work.floor_of_layers(Rates(10, 10)) == pytest.approx(24)
    assert (work.operations, work.bytes) == (101, 101)


def test_no_hook_stays_behind():
    network = nn.Sequential(nn.LeakyReLU())
    count_work(lambda: network(torch.zeros(1)), network)
    assert not network[0]._forward_hooks
