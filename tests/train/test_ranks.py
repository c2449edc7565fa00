import pytest
import torch
from torch import nn

from psp.batches.loader import Draw
from psp.train.ranks import Ranks


def test_alone_everything_is_ones_own():
    ranks = Ranks("cpu")
    draw, network = Draw(torch.arange(5), torch.arange(5)), nn.Linear(2, 1)
    network(torch.ones(1, 2)).sum().backward()
    ranks.check(1, 7)
    ranks.average_gradients(network)
    ranks.wait()
    assert (ranks.count, ranks.index, ranks.is_main, ranks.device.type) == (1, 0, True, "cpu")
    assert torch.equal(ranks.share(draw).clips, draw.clips)
    assert torch.equal(network.weight.grad, torch.ones(1, 2))
    assert ranks.largest(0, 15) == [0, 15]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_one_device_after_the_other():
    assert [Ranks(name).device.type for name in ("cpu", "cuda", "cpu")] == ["cpu", "cuda", "cpu"]
