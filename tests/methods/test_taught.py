from dataclasses import replace

import torch

from psp.batches.loader import Batch
from psp.loss.coarse_to_fine import coarse_to_fine
from psp.loss.taught import taught
from psp.methods.method import ObjectiveConfig
from psp.methods.methods import METHODS
from psp.methods.psp import contrasting
from psp.model.encoder import EncoderConfig
from psp.model.psp import ModelConfig, PSPNetwork
from psp.skeleton.kinect20 import KINECT20

METHOD = METHODS["taught"]
CONFIG = ObjectiveConfig(temperature=0.2, contrast=0.7, pseudo_label=0.5, sharpness=2.0)


def batch(clips: int, seed: int) -> Batch:
    draw = torch.Generator().manual_seed(seed)
    views = {view: torch.randn(clips, 1, 8, 20, 3, generator=draw) for view in METHOD.views}
    return Batch(torch.arange(clips), torch.arange(clips) % 4, torch.ones(clips, 1, dtype=torch.bool), views)


def network() -> PSPNetwork:
    torch.manual_seed(0)
    return PSPNetwork(KINECT20, 8, 4, ModelConfig(EncoderConfig(((4, 8, 2, 2),), heads=2))).eval()


def test_without_beliefs_it_is_recognition_in_streams_and_the_contrast_of_joints_and_motion():
    net, labelled, unlabelled = network(), batch(3, 0), batch(5, 1)
    result = METHOD.step(net, labelled, unlabelled, CONFIG)
    joint, velocity = (
        contrasting(net, net.encode(unlabelled.views[view], unlabelled.persons)) for view in ("joint", "velocity")
    )
    contrast, _ = coarse_to_fine(joint, velocity, 0.2)
    streams = METHODS["streams"].step(net, labelled, None, CONFIG)
    torch.testing.assert_close(result.objective, streams.objective + 0.7 * contrast)
    torch.testing.assert_close(result.logits, streams.logits)


def test_beliefs_are_taught_to_every_view_with_their_weight():
    net, labelled, unlabelled = network(), batch(3, 0), batch(5, 1)
    beliefs = torch.rand(5, 4, generator=torch.Generator().manual_seed(2)).softmax(dim=1)
    untaught = METHOD.step(net, labelled, unlabelled, CONFIG)
    result = METHOD.step(net, labelled, replace(unlabelled, beliefs=beliefs), CONFIG)
    own = [taught(net.logits([view], unlabelled.persons), beliefs, 2.0) for view in unlabelled.views.values()]
    torch.testing.assert_close(result.objective, untaught.objective + 0.5 * sum(own) / len(own))


def test_labels_of_unlabelled_clips_do_not_matter():
    net, labelled, unlabelled = network(), batch(3, 0), batch(5, 1)
    with_labels = METHOD.step(net, labelled, unlabelled, CONFIG)
    assert torch.equal(with_labels.objective, METHOD.step(net, labelled, unlabelled.without_labels(), CONFIG).objective)
