from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from psp.batches.augment import AugmentConfig
from psp.batches.loader import BatchConfig, Batches, Draw, stream
from psp.batches.resample import SampleConfig
from psp.batches.modalities import VIEWS
from psp.errors import ConfigError
from stores import small_store

CONFIG = BatchConfig(SampleConfig(frames=16), AugmentConfig(turn=30.0, mirror=0.5, noise=0.01))
CLIPS = np.arange(0, 48, 2)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return small_store(tmp_path_factory.mktemp("batches") / "store")


def test_every_pass_is_another_permutation_of_all_clips(store):
    order = stream(store, CLIPS, 8, seed=0, role="labelled")
    passes = [torch.cat([order.draw(step).clips for step in range(3 * n, 3 * n + 3)]) for n in range(4)]
    assert all(sorted(clips.tolist()) == CLIPS.tolist() for clips in passes)
    assert len({tuple(clips.tolist()) for clips in passes}) == 4


def test_a_draw_depends_on_the_step_alone(store):
    walked = stream(store, CLIPS, 7, seed=0, role="labelled")
    for step in range(9):
        walked.draw(step)
    jumped = stream(store, CLIPS, 7, seed=0, role="labelled").draw(9)
    assert torch.equal(walked.draw(9).clips, jumped.clips)
    assert torch.equal(walked.draw(9).keys, jumped.keys)


def test_a_batch_larger_than_the_clips_gives_repeated_clips_other_keys(store):
    draw = stream(store, CLIPS[:5], 12, seed=0, role="labelled").draw(0)
    assert len(set(draw.keys.tolist())) == 12


def test_roles_and_seeds_are_independent(store):
    draws = [stream(store, CLIPS, 24, *who).draw(0) for who in ((0, "a"), (0, "b"), (1, "a"))]
    assert len({tuple(draw.clips.tolist()) for draw in draws}) == 3


def test_shares_of_ranks_make_up_the_draw(store):
    draw = stream(store, CLIPS, 8, 0, "a").draw(0)
    shares = [draw.share(rank, 2) for rank in range(2)]
    assert sorted(torch.cat([share.clips for share in shares]).tolist()) == sorted(draw.clips.tolist())


def test_labelled_clips_may_be_changed_in_another_way(store):
    own = Batches(store, ("joint",), replace(CONFIG, augment_labelled=AugmentConfig()))
    for role, expected in (("labelled", AugmentConfig()), ("unlabelled", CONFIG.augment)):
        draw = stream(store, CLIPS, 8, 0, role).draw(0)
        alike = Batches(store, ("joint",), replace(CONFIG, augment=expected))
        for each in (draw, draw.share(1, 2)):
            assert torch.equal(own.training(each).views["joint"], alike.training(each).views["joint"])


def test_training_views_fit_together(store):
    batches = Batches(store, ("joint", "motion", "bone"), CONFIG)
    batch = batches.training(stream(store, CLIPS, 8, 0, "a").draw(0))
    assert batch.views["joint"].shape == (8, 2, 16, 20, 3)
    assert torch.allclose(batch.views["motion"][:, :, :-1], batch.views["joint"].diff(dim=2), atol=1e-6)
    assert batch.labels.tolist() == store.clips.label[batch.clips.numpy()].tolist()
    assert batch.persons.sum(dim=1).tolist() == store.clips.persons[batch.clips.numpy()].tolist()
    assert batch.views["joint"][~batch.persons].abs().sum() == 0
    assert batch.without_labels().labels.tolist() == [-1] * 8


def test_the_same_draw_gives_the_same_views_in_any_batch(store):
    batches = Batches(store, ("joint",), CONFIG)
    draw = stream(store, CLIPS, 8, 0, "a").draw(3)
    alone = batches.training(Draw(draw.clips[2:3], draw.keys[2:3])).views["joint"]
    assert torch.allclose(alone[0], batches.training(draw).views["joint"][2], atol=1e-6)


def test_recorded_motion_is_drawn_apart_from_the_joints(store):
    config = BatchConfig(SampleConfig(frames=16, train="random"), views="apart", motion="recorded")
    batches = Batches(store, ("joint", "motion"), config)
    draw = stream(store, CLIPS, 8, 0, "a").draw(0)
    motion = batches.training(draw).views["motion"]
    for row, index in enumerate(draw.clips.tolist()):
        recorded = np.diff(store.clip(index).joints[0], axis=0, append=store.clip(index).joints[0][-1:])
        distance = np.abs(motion[row, 0].numpy()[:, None] - recorded[None]).max(axis=(2, 3)).min(axis=1)
        assert distance.max() < 1e-5


def test_views_drawn_apart_differ_in_everything_but_the_clip(store):
    apart = Batches(store, ("joint", "motion"), replace(CONFIG, views="apart"))
    draw = stream(store, CLIPS, 8, 0, "a").draw(0)
    batch = apart.training(draw)
    alone = replace(CONFIG, views="apart")
    assert not torch.allclose(batch.views["motion"][:, :, :-1], batch.views["joint"].diff(dim=2), atol=1e-3)
    assert torch.equal(Batches(store, ("motion",), alone).training(draw).views["motion"], batch.views["motion"])


def test_recorded_motion_cannot_share_frames():
    with pytest.raises(ConfigError, match=r"data\.views=apart") as refusal:
        BatchConfig(motion="recorded")
    with pytest.raises(ConfigError, match="overhang"):
        BatchConfig(SampleConfig(overhang=0.2), views="apart", motion="recorded")
    with pytest.raises(ConfigError, match=r"data\.augment"):
        BatchConfig(augment=AugmentConfig(turn=30), views="apart", motion="recorded")
    assert refusal.value.where == "data.motion"


@pytest.mark.parametrize("motion", ["resampled", "recorded"])
def test_views_drawn_apart_are_built_once(store, monkeypatch, motion):
    augmented = []
    monkeypatch.setattr("psp.batches.loader.augment", lambda joints, *_: augmented.append(1) or joints)
    config = BatchConfig(CONFIG.sample, views="apart", motion=motion)
    batches = Batches(store, ("joint", "motion", "bone"), config)
    assert tuple(batches.training(stream(store, CLIPS, 8, 0, "a").draw(0)).views) == ("joint", "motion", "bone")
    assert len(augmented) == {"resampled": 3, "recorded": 2}[motion]


def test_recorded_motion_is_tested_on_recorded_frames(store):
    config = BatchConfig(SampleConfig(frames=16), views="apart", motion="recorded")
    batch = Batches(store, ("motion", "joint"), config).testing(torch.tensor([5]))
    recorded = np.diff(store.clip(5).joints, axis=1, append=store.clip(5).joints[:, -1:])
    frames = np.linspace(0, recorded.shape[1] - 1, 16, dtype=np.float32).astype(int)
    np.testing.assert_allclose(batch.views["motion"][0].numpy(), recorded[:, frames], atol=1e-6)


@pytest.mark.parametrize("views", ["together", "apart"])
def test_more_person_slots_are_empty_and_fewer_hold_the_first_persons(store, views):
    config, draw = replace(CONFIG, views=views), stream(store, CLIPS, 8, 0, "a").draw(0)
    usual = Batches(store, ("joint", "motion"), config)
    assert usual.most_persons == 2
    for persons in (1, 3):
        batches = Batches(store, ("joint", "motion"), config, persons=persons)
        shared = min(persons, 2)
        assert batches.most_persons == persons
        for made, expected in (
            (batches.training(draw), usual.training(draw)),
            (batches.testing(draw.clips), usual.testing(draw.clips)),
        ):
            assert torch.equal(made.persons[:, :shared], expected.persons[:, :shared])
            assert not made.persons[:, 2:].any()
            for view, joints in made.views.items():
                assert joints.shape[1] == persons
                assert torch.allclose(joints[:, :shared], expected.views[view][:, :shared], atol=1e-6)
                assert not joints[:, 2:].any()


def test_testing_resamples_the_whole_clip(store):
    batch = next(Batches(store, ("joint",), CONFIG).in_order(np.array([5, 6])))
    expected = store.clip(5).joints
    assert torch.allclose(batch.views["joint"][0, :2, 0], torch.from_numpy(expected[:, 0]), atol=1e-6)
    assert torch.allclose(batch.views["joint"][0, :2, -1], torch.from_numpy(expected[:, -1]), atol=1e-6)


def test_in_order_covers_every_clip_once(store):
    batches = Batches(store, ("joint",), replace(CONFIG, augment=AugmentConfig()))
    assert torch.cat([batch.clips for batch in batches.in_order(CLIPS, 5)]).tolist() == CLIPS.tolist()


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


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("views", ["together", "apart"])
def test_a_device_gets_the_draw_and_its_joints_and_nobody_waits_for_it(store, views, recorded):
    """The meta device computes nothing: whatever needs a value from it fails."""
    change = AugmentConfig(60, 20, 20, 0.3, 0.2, 0.5, 0.2, 0.5, 0.05)
    config = BatchConfig(SampleConfig(frames=16), change, views)
    if recorded and views == "apart":
        config = BatchConfig(SampleConfig(frames=16), views="apart", motion="recorded")
    batches = Batches(store, tuple(VIEWS), config, "meta")
    draw = stream(store, CLIPS, 8, 0, "a").draw(0)
    batches.training(draw)
    rows = batches.read(draw.clips)
    with Traffic() as traffic:
        batch = batches.training(draw, rows)
        assert batch.views["bone"].shape == (8, 2, 16, 20, 3)
    assert batch.persons.device.type == "cpu"
    assert sorted(traffic.copies) == sorted([tuple(rows.joints.shape), (8,), (8,), (8,), (8, 2)])
