import torch
import torch.nn.functional as F

from psp.batches.loader import Batch
from psp.methods.method import ObjectiveConfig
from psp.methods.methods import METHODS
from psp.model.encoder import EncoderConfig
from psp.model.psp import ModelConfig, PSPNetwork
from psp.skeleton.kinect20 import KINECT20


def test_the_objective_is_the_cross_entropy_of_the_summed_logits():
    network = PSPNetwork(KINECT20, 8, 4, ModelConfig(EncoderConfig(((4, 8, 2, 2),), heads=2), levels=())).eval()
    views = {view: torch.randn(3, 1, 8, 20, 3) for view in ("joint", "motion")}
    persons = torch.ones(3, 1, dtype=torch.bool)
    labelled = Batch(torch.arange(3), torch.arange(3), persons, views)
    result = METHODS["supervised"].step(network, labelled, None, ObjectiveConfig(label_smoothing=0.1))
    logits = network(views["joint"], views["motion"], persons)
    expected = F.cross_entropy(logits, labelled.labels, label_smoothing=0.1)
    torch.testing.assert_close(result.objective, expected)
