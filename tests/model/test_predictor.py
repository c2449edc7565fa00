from dataclasses import replace

import pytest
import torch

from psp.model.backbone import ModelConfig
from psp.model.encoder import GRAPH, EncoderConfig
from psp.model.predictor import Predictor, make_predictor
from psp.skeleton.catalogue import layout_by_name
from samples import random_sample

KINECT20 = layout_by_name("kinect20")
ATTENTION = EncoderConfig(((8, 8, 2, 2), (8, 16, 4, 1)), heads=2)
ENCODERS = {
    "attention": ATTENTION,
    "graph": EncoderConfig(((8, 12, 3, 2),), joints="graph"),
    "together": EncoderConfig(((8, 12, 3, 2),), joints="together"),
}
MODALITIES = ("joint", "bone", "distance")


def predictor(fusion: str = "sum", encoder: EncoderConfig = ATTENTION, **changes) -> Predictor:
    torch.manual_seed(0)
    config = replace(ModelConfig(encoder), **changes)
    return make_predictor(KINECT20, 8, 5, config, MODALITIES, fusion).double().eval()


@pytest.mark.parametrize("networks", ["shared", "own"])
def test_logits_are_the_sum_over_the_modalities(networks):
    model, sample = predictor(networks=networks), random_sample(modalities=MODALITIES)
    single = []
    for name in MODALITIES:
        (encoded,) = model.encode([sample])[name]
        single.append(model.classifier(name).linear(encoded.pooled()))
    torch.testing.assert_close(model.logits(sample), sum(single))
    encoded = {name: parts[0] for name, parts in model.encode([sample]).items()}
    torch.testing.assert_close(model.classify(encoded), torch.stack(single))


@pytest.mark.parametrize("persons", ["present", "all"])
@pytest.mark.parametrize("networks", ["shared", "own"])
@pytest.mark.parametrize("kind", ENCODERS)
def test_dense_logits_are_the_logits(kind, networks, persons):
    model, sample = (
        predictor("mean", ENCODERS[kind], networks=networks, persons=persons),
        random_sample(5, modalities=MODALITIES),
    )
    torch.testing.assert_close(model.dense_logits(sample.modalities, sample.persons), model.logits(sample))


def test_fusion_is_the_softmax_of_the_sum_or_of_the_mean():
    sample = random_sample(modalities=MODALITIES)
    summed, mean = predictor("sum"), predictor("mean")
    assert torch.equal(summed.logits(sample), mean.logits(sample))
    torch.testing.assert_close(summed(sample), summed.logits(sample).softmax(1))
    torch.testing.assert_close(mean(sample), (mean.logits(sample) / 3).softmax(1))
    torch.testing.assert_close(mean(sample).sum(1), torch.ones(3).double())


def test_networks_are_shared_or_own():
    shared, own = predictor(networks="shared"), predictor(networks="own")
    assert shared.classifier("joint") is shared.classifier("distance")
    assert (len(shared.backbone.encoders), len(own.backbone.encoders)) == (1, 3)
    assert not torch.equal(own.classifier("joint").linear.weight, own.classifier("bone").linear.weight)
    assert own.classifier("distance") is own.classifiers[2]
    assert (own.classes, own.modalities) == (5, MODALITIES)


@pytest.mark.parametrize(("persons", "any_number"), [("present", True), ("all", False)])
def test_any_number_of_person_slots_unless_absent_persons_count(persons, any_number):
    assert predictor(persons=persons).any_persons is any_number


@pytest.mark.parametrize("networks", ["shared", "own"])
def test_gradients_reach_every_weight(networks):
    model, sample = predictor(networks=networks).train(), random_sample(modalities=MODALITIES)
    model.logits(sample).square().sum().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in model.parameters())


def test_dropout_acts_in_training_only():
    sample = random_sample(modalities=MODALITIES)
    model = predictor(dropout=0.5)
    assert torch.equal(model(sample), model(sample))
    assert not torch.equal(model.train().logits(sample), model.logits(sample))


def test_the_encoder_of_preset_best_makes_a_predictor():
    sample = random_sample(modalities=MODALITIES)
    assert predictor(encoder=EncoderConfig(GRAPH, joints="graph"))(sample).shape == (3, 5)
