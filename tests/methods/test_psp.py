import pytest
import torch
import torch.nn.functional as F

from psp.batches.loader import Batch
from psp.loss.ntxent import ntxent
from psp.loss.pseudo_label import pseudo_label
from psp.methods.method import ObjectiveConfig
from psp.methods.methods import METHODS
from psp.model.encoder import EncoderConfig
from psp.model.psp import ModelConfig, PSPNetwork
from psp.skeleton.kinect20 import KINECT20

ENCODER = EncoderConfig(((4, 4, 2, 2), (4, 8, 2, 1)), heads=2)


def batch(clips: int, seed: int) -> Batch:
    draw = torch.Generator().manual_seed(seed)
    views = {view: torch.randn(clips, 1, 8, 20, 3, generator=draw) for view in ("joint", "motion")}
    labels = torch.arange(clips) % 4
    return Batch(torch.arange(clips), labels, torch.ones(clips, 1, dtype=torch.bool), views)


def network(**settings) -> PSPNetwork:
    torch.manual_seed(0)
    return PSPNetwork(KINECT20, 8, 4, ModelConfig(ENCODER, **settings)).eval()


def test_the_objective_is_equation_16_written_out():
    net, labelled, unlabelled = network(), batch(3, 0), batch(5, 1)
    config = ObjectiveConfig(temperature=0.2, contrast=0.7)
    result = METHODS["psp"].step(net, labelled, unlabelled, config)
    views = [net.encode(unlabelled.views[view], unlabelled.persons) for view in ("joint", "motion")]
    joint, motion = (net.project(net.polymerise(view)) for view in views)
    contrast = sum(ntxent(joint[level], motion[level], 0.2) for level in ("body", "part", "joint"))
    logits = net(labelled.views["joint"], labelled.views["motion"], labelled.persons)
    expected = F.cross_entropy(logits, labelled.labels) + 0.7 * contrast
    torch.testing.assert_close(result.objective, expected)
    torch.testing.assert_close(result.logits, logits)


@pytest.mark.parametrize("levels", [("joint",), ("body", "part")])
def test_ablations_contrast_the_configured_levels_only(levels):
    result = METHODS["psp"].step(network(levels=levels), batch(3, 0), batch(5, 1), ObjectiveConfig())
    assert set(result.parts) == {"recognition", *(f"contrast {level}" for level in levels)}


def test_labels_of_unlabelled_clips_do_not_matter():
    unlabelled = batch(5, 1)
    step = METHODS["psp"].step
    with_labels = step(network(), batch(3, 0), unlabelled, ObjectiveConfig())
    without = step(network(), batch(3, 0), unlabelled.without_labels(), ObjectiveConfig())
    assert torch.equal(with_labels.objective, without.objective)


def test_pseudo_labels_are_added_with_their_weight():
    step, sure = METHODS["psp"].step, 0.3
    plain = step(network(), batch(3, 0), batch(5, 1), ObjectiveConfig())
    taught = step(network(), batch(3, 0), batch(5, 1), ObjectiveConfig(pseudo_label=0.5, confidence=sure))
    net, unlabelled = network(), batch(5, 1)
    own = [net.classify(net.encode(unlabelled.views[view], unlabelled.persons)) for view in ("joint", "motion")]
    torch.testing.assert_close(taught.objective, plain.objective + 0.5 * pseudo_label(*own, sure))
    assert float(taught.parts["pseudo-label"].detach()) > 0
