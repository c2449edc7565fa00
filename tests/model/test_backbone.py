from dataclasses import replace

import pytest
import torch

from psp.batches.batch import Sample
from psp.errors import ConfigError
from psp.model.backbone import Backbone, ModelConfig
from psp.model.encoder import EncoderConfig, make_encoder
from psp.skeleton.catalogue import layout_by_name
from samples import random_sample

KINECT20 = layout_by_name("kinect20")
CONFIG = ModelConfig(EncoderConfig(((8, 8, 2, 2), (8, 16, 4, 1)), heads=2))
MODALITIES = ("joint", "motion")


def backbone(networks: int = 1, config: ModelConfig = CONFIG, **changes) -> Backbone:
    torch.manual_seed(0)
    encoders = [make_encoder(KINECT20, 8, replace(config.encoder, **changes)) for _ in range(networks)]
    model = replace(config, encoder=replace(config.encoder, **changes))
    return Backbone(encoders, MODALITIES, KINECT20, 8, model).double().eval()


def padded(sample: Sample) -> Sample:
    """The same clips with a third slot for persons, which holds something and counts as empty."""
    made = {
        name: torch.cat([values, torch.full_like(values[:, :1], 7.0)], 1) for name, values in sample.modalities.items()
    }
    return Sample(made, torch.cat([sample.persons, torch.zeros(len(sample), 1, dtype=torch.bool)], 1))


@pytest.mark.parametrize("networks", [1, 2])
def test_every_modality_of_every_sample_is_encoded_as_if_alone(networks):
    model, samples = backbone(networks), [random_sample(3), random_sample(5)]
    features = model.encode(samples)
    assert list(features) == list(MODALITIES)
    for number, (name, parts) in enumerate(features.items()):
        encoder = model.encoders[number if networks == 2 else 0]
        for part, sample in zip(parts, samples, strict=True):
            expected = encoder(sample.modalities[name][sample.persons].permute(0, 3, 1, 2))
            torch.testing.assert_close(part.features, expected)
            assert part.clips == len(sample)
            assert part.row_clip.tolist() == sample.persons.nonzero()[:, 0].tolist()


def test_a_shared_network_takes_its_statistics_over_all_modalities_and_samples():
    model, samples = backbone().train(), [random_sample(3), random_sample(5)]
    model.encode(samples)
    norm = model.encoders[0].input.norm
    assert int(norm.num_batches_tracked) == 1
    own = backbone(2).train()
    own.encode(samples)
    assert [int(encoder.input.norm.num_batches_tracked) for encoder in own.encoders] == [1, 1]


@pytest.mark.parametrize("persons", ["present", "all"])
@pytest.mark.parametrize("networks", [1, 2])
def test_dense_features_are_the_pooled_ones(persons, networks):
    model, sample = backbone(networks, replace(CONFIG, persons=persons)), random_sample(4)
    for name, (encoded,) in model.encode([sample]).items():
        dense = model.dense_features(name, sample.modalities[name], sample.persons)
        torch.testing.assert_close(dense, encoded.pooled())


def test_present_equals_all_when_everybody_is_there():
    sample = random_sample(3, 1)
    present, everyone = (backbone(config=replace(CONFIG, persons=persons)) for persons in ("present", "all"))
    pairs = zip(present.encode([sample]).values(), everyone.encode([sample]).values(), strict=True)
    assert all(torch.equal(one.features, other.features) for (one,), (other,) in pairs)


def test_empty_person_slots_change_nothing_unless_absent_persons_count():
    sample = random_sample(3)
    for persons, alike in (("present", True), ("all", False)):
        model = backbone(config=replace(CONFIG, persons=persons)).train()
        usual, more = (model.encode([each])["joint"][0].pooled() for each in (sample, padded(sample)))
        assert torch.allclose(usual, more) is alike


@pytest.mark.parametrize("temporal_map", [False, True])
def test_a_fixed_number_of_frames_is_said(temporal_map):
    model, longer = backbone(temporal="attention", temporal_map=temporal_map), random_sample(2, frames=12)
    model.encode([random_sample(2)])
    if temporal_map:
        with pytest.raises(ConfigError, match="12 frames, but this network needs 8"):
            model.encode([longer])
    else:
        assert model.encode([longer])["joint"][0].features.shape == (3, 16, 6, 20)


def test_another_skeleton_is_refused():
    with pytest.raises(ConfigError, match="25 joints, but the network needs 20"):
        backbone().encode([random_sample(joints=25)])


def test_impossible_configurations_are_refused():
    with pytest.raises(ConfigError, match=r"model\.dropout: 1\.5"):
        ModelConfig(dropout=1.5)
    with pytest.raises(ConfigError, match=r"model\.encoder\.dropout: -1"):
        EncoderConfig(dropout=-1.0)
