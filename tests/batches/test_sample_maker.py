from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from psp.batches.augment import AugmentConfig
from psp.batches.batch import Batch, BatchSpec, DataConfig
from psp.batches.loader import SampleMaker
from psp.batches.modalities import MODALITIES, motion, usable
from psp.batches.resample import ResampleConfig, even_positions
from psp.batches.sampler import Draw, Sampler
from psp.dataset.store import Store
from psp.skeleton.recording import Clip, ClipInfo
from stores import own_store, small_store

STRONG = AugmentConfig(60, 20, 20, 0.3, 0.2, 0.5, 0.2, 0.5, 0.05)
WEAK = AugmentConfig(turn=30.0, mirror=0.5, noise=0.01)
CONFIG = DataConfig(ResampleConfig(frames=16), WEAK, STRONG)
APART = replace(CONFIG, modalities="apart")
RECORDED = DataConfig(ResampleConfig(frames=16, train="random"), modalities="apart", motion="recorded")
CONFIGS = {"together": CONFIG, "apart": APART, "recorded": RECORDED}
CLIPS = np.arange(0, 48, 2)


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    return small_store(tmp_path_factory.mktemp("samples") / "store")


@pytest.fixture(scope="module")
def flat() -> Store:
    """Two-dimensional clips with confidence, image coordinates."""
    return own_store(None, "coco17")


def draw(store: Store, step: int = 0, size: int = 8) -> Draw:
    return Sampler(store, CLIPS, size, 0, "a").draw(step)


def spec(*modalities: str, augmentations: tuple = ("weak",)) -> BatchSpec:
    return BatchSpec("train", 8, modalities, augmentations)


def test_modalities_that_share_frames_fit_together(store):
    chosen = draw(store)
    sample = SampleMaker(store, CONFIG).batch(chosen, spec("joint", "motion", "bone")).sample
    assert sample.modalities["joint"].shape == (8, 2, 16, 20, 3)
    torch.testing.assert_close(sample.modalities["motion"], motion(sample.modalities["joint"], store.layout))
    assert sample.persons.sum(dim=1).tolist() == store.clips.persons[chosen.index.numpy()].tolist()
    assert sample.modalities["joint"][~sample.persons].abs().sum() == 0
    assert sample.confidence is None


def test_the_same_draw_gives_the_same_sample_in_any_batch(store):
    maker, chosen = SampleMaker(store, CONFIG), draw(store, 3)
    alone = maker.batch(Draw(chosen.index[2:3], chosen.keys[2:3]), spec("joint")).sample
    whole = maker.batch(chosen, spec("joint")).sample
    assert torch.allclose(alone.modalities["joint"][0], whole.modalities["joint"][2], atol=1e-6)


def test_augmentations_are_those_of_their_names(store):
    chosen = draw(store)
    batch = SampleMaker(store, CONFIG).batch(chosen, spec("joint", augmentations=("none", "weak", "strong")))
    for number, change in enumerate((AugmentConfig(), WEAK, STRONG)):
        own = SampleMaker(store, replace(CONFIG, weak=change)).batch(chosen, spec("joint", augmentations=("weak",) * 3))
        expected = own.samples[number].modalities["joint"]
        assert torch.equal(batch.samples[number].modalities["joint"], expected)


@pytest.mark.parametrize("config", [CONFIG, APART, replace(CONFIG, resample=ResampleConfig(16, "whole"))])
def test_samples_of_the_same_clips_are_independent(store, config):
    maker, chosen = SampleMaker(store, config), draw(store)
    batch = maker.batch(chosen, spec("joint", augmentations=("strong", "strong", "strong")))
    joints = [sample.modalities["joint"] for sample in batch.samples]
    assert len(joints) == 3
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert ((joints[one] - joints[other]).abs().amax((1, 2, 3, 4)) > 0.01).all()
    first = maker.batch(chosen, spec("joint", augmentations=("strong",)))
    assert torch.equal(first.sample.modalities["joint"], joints[0])
    assert torch.equal(batch.index, chosen.index)
    assert all(torch.equal(sample.persons, batch.sample.persons) for sample in batch.samples)


def test_recorded_motion_is_drawn_apart_from_the_joints(store):
    batch = SampleMaker(store, RECORDED).batch(draw(store), spec("joint", "motion"))
    for row, index in enumerate(batch.index.tolist()):
        recorded = np.diff(store.clip(index).joints[0], axis=0, append=store.clip(index).joints[0][-1:])
        moved = batch.sample.modalities["motion"][row, 0].numpy()
        assert np.abs(moved[:, None] - recorded[None]).max(axis=(2, 3)).min(axis=1).max() < 1e-5


def test_modalities_drawn_apart_differ_in_everything_but_the_clip(store):
    maker, chosen = SampleMaker(store, APART), draw(store)
    both = maker.batch(chosen, spec("joint", "motion")).sample.modalities
    assert not torch.allclose(both["motion"], motion(both["joint"], store.layout), atol=1e-3)
    assert torch.equal(maker.batch(chosen, spec("motion")).sample.modalities["motion"], both["motion"])


def test_recorded_motion_is_tested_on_recorded_frames(store):
    sample = SampleMaker(store, RECORDED).whole(torch.tensor([5]), ("motion", "joint")).sample
    recorded = np.diff(store.clip(5).joints, axis=1, append=store.clip(5).joints[:, -1:])
    frames = np.linspace(0, recorded.shape[1] - 1, 16, dtype=np.float32).astype(int)
    np.testing.assert_allclose(sample.modalities["motion"][0].numpy(), recorded[:, frames], atol=1e-6)


@pytest.mark.parametrize("config", [CONFIG, APART], ids=["together", "apart"])
def test_more_person_slots_are_empty_and_fewer_hold_the_first_persons(store, config):
    chosen, names = draw(store), ("joint", "motion")
    usual = SampleMaker(store, config)
    assert usual.persons == 2
    for persons in (1, 3):
        maker, shared = SampleMaker(store, config, persons=persons), min(persons, 2)
        for made, expected in (
            (maker.batch(chosen, spec(*names)).sample, usual.batch(chosen, spec(*names)).sample),
            (maker.whole(chosen.index, names).sample, usual.whole(chosen.index, names).sample),
        ):
            assert torch.equal(made.persons[:, :shared], expected.persons[:, :shared])
            assert not made.persons[:, 2:].any()
            for name, values in made.modalities.items():
                assert values.shape[1] == persons
                assert torch.allclose(values[:, :shared], expected.modalities[name][:, :shared], atol=1e-6)
                assert not values[:, 2:].any()


def test_whole_clips_go_from_the_first_frame_to_the_last(store):
    joints = SampleMaker(store, CONFIG).whole(torch.tensor([5]), ("joint",)).sample.modalities["joint"]
    expected = torch.from_numpy(store.clip(5).joints)
    assert torch.allclose(joints[0, :, [0, -1]], expected[:, [0, -1]], atol=1e-6)


def test_in_order_covers_every_clip_once(store):
    batches = list(SampleMaker(store, CONFIG).in_order(CLIPS, ("joint",), 5))
    assert torch.cat([batch.index for batch in batches]).tolist() == CLIPS.tolist()
    assert {type(batch) for batch in batches} == {Batch}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_modalities_have_the_wanted_precision(store, dtype):
    maker = SampleMaker(store, CONFIG, dtype=dtype)
    for batch in (maker.batch(draw(store), spec("joint", "motion")), maker.whole(torch.arange(3), ("joint",))):
        assert {values.dtype for values in batch.sample.modalities.values()} == {dtype}


@pytest.mark.parametrize("config", [CONFIG, APART], ids=["together", "apart"])
def test_two_dimensional_clips_have_depth_zero_in_every_usable_modality(flat, config):
    names = usable(tuple(MODALITIES), flat.layout, flat.up, flat.channels, 1)
    assert names == ("joint", "motion", "bone", "bone motion", "velocity", "distance")
    maker, chosen = SampleMaker(flat, config), draw(flat)
    batch = maker.batch(chosen, spec(*names, augmentations=("none", "weak", "strong")))
    for sample in (*batch.samples, maker.whole(chosen.index, names).sample):
        for name in names[:-1]:
            assert not sample.modalities[name][..., 2].any(), name
            assert sample.modalities[name][..., :2].any(), name
    joints = SampleMaker(flat, CONFIG).whole(torch.tensor([5]), ("joint",)).sample.modalities["joint"]
    assert torch.allclose(joints[0, :, -1, :, :2], torch.from_numpy(flat.clip(5).joints[:, -1]), atol=1e-6)


def test_confidence_is_interpolated_at_the_frames_of_the_joints(flat):
    sample = SampleMaker(flat, CONFIG, confidence=True).whole(torch.tensor([5, 9]), ("joint",)).sample
    assert sample.confidence.shape == (2, 1, 16, 17)
    for row, index in enumerate((5, 9)):
        clip = flat.clip(index)
        at = even_positions(torch.tensor([clip.frames]), 16)[0].numpy()
        expected = [np.interp(at, np.arange(clip.frames), clip.confidence[0, :, joint]) for joint in range(17)]
        np.testing.assert_allclose(sample.confidence[row, 0].numpy(), np.stack(expected, 1), atol=1e-5)


@pytest.mark.parametrize("modalities", ["together", "apart"])
def test_confidence_goes_with_the_joints_through_every_augmentation(modalities):
    """The second coordinate of every joint is its confidence, which scales and shifts cannot hide."""
    clips, number = [], np.random.default_rng(0)
    for index in range(48):
        seen = number.random((1, 12 + index % 5, 17)).astype(np.float16).astype(np.float32)
        joints = np.stack([number.random(seen.shape, dtype=np.float32), seen], axis=-1)
        clips.append(Clip(ClipInfo(f"{index}", 0), joints, seen))
    store = Store.in_memory(clips, own_store(None, "coco17").layout, ["a"], up="-y")
    config = DataConfig(ResampleConfig(16), strong=AugmentConfig(mirror=0.5, frame_mask=0.5), modalities=modalities)
    batch = SampleMaker(store, config, confidence=True).batch(
        draw(store), spec("joint", "bone", augmentations=("strong", "strong"))
    )
    for sample in batch.samples:
        torch.testing.assert_close(sample.confidence, sample.modalities["joint"][..., 1], atol=1e-5, rtol=0)


def test_absent_persons_have_no_confidence(flat):
    sample = SampleMaker(flat, CONFIG, persons=3, confidence=True).whole(torch.tensor([5]), ("joint",)).sample
    assert sample.confidence[:, 0].any()
    assert not sample.confidence[:, 1:].any()


class Traffic(TorchDispatchMode):
    """Notes what is copied to a device, and refuses what waits for one."""

    def __init__(self) -> None:
        super().__init__()
        self.copies = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        assert function.overloadpacket not in (torch.ops.aten._local_scalar_dense, torch.ops.aten.nonzero)
        made = function(*args, **(kwargs or {}))
        if function.overloadpacket in (torch.ops.aten._to_copy, torch.ops.aten.copy_):
            source = args[1] if function.overloadpacket is torch.ops.aten.copy_ else args[0]
            if source.device.type == "cpu" and made.device.type != "cpu":
                self.copies.append(tuple(made.shape))
        return made


@pytest.mark.parametrize("name", CONFIGS)
def test_a_device_gets_the_draw_and_its_joints_and_nothing_waits_for_it(store, name):
    """The meta device computes nothing: whatever needs a value from it fails."""
    maker, chosen = SampleMaker(store, CONFIGS[name], "meta", confidence=True), draw(store)
    wanted = spec("joint", "motion", "bone", "yaw-invariant velocity", "distance", augmentations=("none", "strong"))
    maker.batch(chosen, wanted)
    rows = maker.read(chosen.index)
    with Traffic() as traffic:
        sample = maker.batch(chosen, wanted, rows).samples[1]
        assert sample.modalities["bone"].shape == (8, 2, 16, 20, 3)
    assert sample.persons.device.type == "cpu"
    assert sorted(traffic.copies) == sorted([tuple(rows.joints.shape), (8,), (8,), (8,), (8, 2)])
