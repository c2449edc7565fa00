import pytest
import torch

from psp.batches.augment import AugmentConfig
from psp.batches.batch import Batch, DataConfig, LabelledBatch
from psp.batches.resample import ResampleConfig
from psp.errors import ConfigError
from samples import random_sample


def test_recorded_motion_needs_frames_of_its_own_and_no_augmentation():
    with pytest.raises(ConfigError, match=r"Set data\.modalities to apart") as refusal:
        DataConfig(motion="recorded")
    assert refusal.value.where == "data.motion"
    with pytest.raises(ConfigError, match=r"data\.resample\.overhang"):
        DataConfig(ResampleConfig(overhang=0.2), modalities="apart", motion="recorded")
    for change in ({"weak": AugmentConfig(turn=30)}, {"strong": AugmentConfig(noise=0.1)}):
        with pytest.raises(ConfigError, match=r"data\.strong.*cannot be augmented"):
            DataConfig(**change, modalities="apart", motion="recorded")
    DataConfig(modalities="apart", motion="recorded")


def test_only_labelled_batches_have_labels():
    index, samples = torch.arange(3), (random_sample(3), random_sample(3, seed=1))
    batch = Batch(index, index, samples)
    assert not hasattr(batch, "labels")
    labelled = LabelledBatch(index, index, samples, torch.tensor([2, 0, 1]))
    assert isinstance(labelled, Batch)
    assert (len(labelled), labelled.sample) == (3, samples[0])


def test_one_modality_of_a_sample():
    sample = random_sample(3)
    only = sample.only("motion")
    assert list(only.modalities) == ["motion"]
    assert only.modalities["motion"] is sample.modalities["motion"]
    assert only.persons is sample.persons
    assert len(only) == 3
