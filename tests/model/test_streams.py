from dataclasses import replace

import torch

from psp.model.encoder import EncoderConfig
from psp.model.psp import ModelConfig, PSPNetwork
from psp.model.streams import StreamNetworks, make_network
from psp.model.weights import load_network, save_network
from psp.skeleton.kinect20 import KINECT20

SHARED = ModelConfig(EncoderConfig(((4, 8, 2, 2),), heads=2))
OWN = replace(SHARED, networks="own")
VIEWS = [torch.randn(2, 1, 8, 20, 3, generator=torch.Generator().manual_seed(seed)) for seed in range(3)]
PERSONS = torch.ones(2, 1, dtype=torch.bool)


def test_logits_are_the_sum_of_each_views_own_network():
    streams = make_network(KINECT20, 8, 4, OWN, 3).eval()
    assert isinstance(streams, StreamNetworks)
    own = [streams.of_view(i).logits([view], PERSONS) for i, view in enumerate(VIEWS)]
    torch.testing.assert_close(streams.logits(VIEWS, PERSONS), own[0] + own[1] + own[2])
    assert not torch.equal(streams.of_view(0).classifier.linear.weight, streams.of_view(1).classifier.linear.weight)


def test_a_shared_network_is_that_of_every_view():
    network = make_network(KINECT20, 8, 4, SHARED, 3)
    assert isinstance(network, PSPNetwork)
    assert network.of_view(0) is network.of_view(2)


def test_they_are_saved_and_loaded_together(tmp_path):
    streams = make_network(KINECT20, 8, 4, OWN, 3).eval()
    save_network(tmp_path / "streams.safetensors", streams)
    loaded = load_network(tmp_path / "streams.safetensors")
    assert torch.equal(loaded.logits(VIEWS, PERSONS), streams.logits(VIEWS, PERSONS))
