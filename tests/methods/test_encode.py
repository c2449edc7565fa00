import torch

from psp.data.batches import Batch
from psp.methods.encode import encode_views
from psp.model.encoder import EncoderConfig
from psp.model.psp import ModelConfig, PSPNetwork
from psp.skeleton.kinect20 import KINECT20


def batch(clips: int, seed: int) -> Batch:
    draw = torch.Generator().manual_seed(seed)
    views = {view: torch.randn(clips, 2, 8, 20, 3, generator=draw) for view in ("joint", "motion")}
    persons = torch.tensor([[True, row % 2 == 0] for row in range(clips)])
    return Batch(torch.arange(clips), torch.arange(clips), persons, views)


def test_every_view_of_every_batch_comes_back_in_its_place():
    network = PSPNetwork(KINECT20, 8, 4, ModelConfig(EncoderConfig(((4, 8, 2, 2),), heads=2))).eval()
    batches = [batch(3, 0), batch(5, 1)]
    features = encode_views(network, batches)
    assert list(features) == ["joint", "motion"]
    for view, parts in features.items():
        for part, each in zip(parts, batches, strict=True):
            alone = network.encode(each.views[view], each.persons)
            torch.testing.assert_close(network.classify(part), network.classify(alone))
