import torch
import torch.nn.functional as F

from psp.batches.loader import Batch
from psp.methods.method import ObjectiveConfig
from psp.methods.methods import METHODS
from psp.model.encoder import EncoderConfig
from psp.model.psp import ModelConfig, PSPNetwork
from psp.skeleton.kinect20 import KINECT20


def test_every_stream_learns_to_recognise_by_itself_and_predicts_together():
    network = PSPNetwork(KINECT20, 8, 4, ModelConfig(EncoderConfig(((4, 8, 2, 2),), heads=2), levels=())).eval()
    method, persons = METHODS["streams"], torch.ones(3, 1, dtype=torch.bool)
    views = {view: torch.randn(3, 1, 8, 20, 3) for view in method.views}
    labelled = Batch(torch.arange(3), torch.arange(3), persons, views)
    result = method.step(network, labelled, None, ObjectiveConfig(label_smoothing=0.1))
    own = [network.logits([view], persons) for view in views.values()]
    losses = [F.cross_entropy(logits, labelled.labels, label_smoothing=0.1) for logits in own]
    torch.testing.assert_close(result.objective, sum(losses) / len(losses))
    torch.testing.assert_close(result.logits, network.logits(list(views.values()), persons))
