"""Masks of frames, joints, parts and moving joints, changes of time, neighbours, and means over rows."""

import math

import pytest
import torch

from psp.batches.batch import Batch, Sample
from psp.methods.assl import neighbour_features
from psp.methods.base import Passes, StepContext
from psp.methods.colorization import coloured_cloud
from psp.methods.masked_motion import SEGMENT, MAMPConfig, motion_mask
from psp.methods.masking import hide, masked_frames, masked_joints, rank_mean
from psp.methods.moco import reversed_in_time
from psp.methods.ms2l import ORDERS, shuffled
from psp.methods.x_car import LearnableAugmentation
from runs import small_method
from samples import random_sample

KEYS = torch.arange(200) * 7919


def test_masked_frames_are_one_block_that_begins_anywhere():
    mask = masked_frames(KEYS, 10, 0.3)[:, 0, :, 0]
    assert mask.sum(1).tolist() == [3] * 200
    starts = mask.int().argmax(dim=1)
    assert set(starts.tolist()) == set(range(8))
    assert all(mask[clip, start : start + 3].all() for clip, start in enumerate(starts))


def test_single_joints_are_masked_with_the_probability():
    mask = masked_joints(KEYS, 50, 0.2)
    assert float(mask.float().mean()) == pytest.approx(0.2, abs=0.02)


def test_hidden_positions_are_zero_in_every_modality_and_others_unchanged():
    sample = random_sample(3)
    mask = masked_frames(KEYS[:3], 8, 0.5).expand(-1, 1, -1, 20) | masked_joints(KEYS[:3], 20, 0.3)
    for name, values in hide(sample, mask).modalities.items():
        chosen = mask[..., None].expand_as(values)
        assert not values[chosen].any()
        assert torch.equal(values[~chosen], sample.modalities[name][~chosen])


def test_the_mean_weighs_rows_by_their_counts():
    assert float(rank_mean(torch.tensor([6.0, 2.0]), torch.tensor([2.0, 2.0]))) == 2.0
    assert float(rank_mean(torch.zeros(2), torch.zeros(2))) == 0.0


def test_moving_joints_are_masked_more_often():
    moved = torch.zeros(200, 12, 5)
    moved[:, :, 2] = 1.0
    mask = motion_mask(moved, KEYS, MAMPConfig(share=0.4))
    segments = mask[:, 0, ::SEGMENT]
    assert segments.flatten(1).sum(1).tolist() == [6] * 200
    assert torch.equal(segments.repeat_interleave(SEGMENT, dim=1), mask[:, 0])
    share = mask.float().mean((0, 1, 2))
    assert float(share[2]) > 2 * float(share[[0, 1, 3, 4]].max())


def test_whole_parts_are_masked():
    method = small_method("skeleton-mae", share=0.5)
    sample = random_sample(3)
    mask = method.mask(Batch(torch.arange(3), KEYS[:3], (sample,)))
    parts = method.setting.layout.parts.values()
    for clip in mask[:, 0]:
        assert torch.equal(clip, clip[:1].expand_as(clip))
        hidden = [{bool(clip[0, joint]) for joint in part} for part in parts]
        assert all(len(each) == 1 for each in hidden)
        assert sum(each == {True} for each in hidden) == round(0.5 * len(parts))


def test_time_is_reversed_and_differences_change_sign():
    sample = random_sample(2)
    found = reversed_in_time(sample, torch.tensor([True, False]))
    for name, sign in (("joint", 1), ("motion", -1)):
        values = sample.modalities[name]
        assert torch.equal(found.modalities[name][0], sign * values[0].flip(1))
        assert torch.equal(found.modalities[name][1], values[1])


def test_segments_are_put_into_the_order():
    frames = torch.arange(7.0)[None, None, :, None, None].expand(6, 1, 7, 2, 3)
    sample = Sample({"joint": frames}, torch.ones(6, 1, dtype=torch.bool))
    found = shuffled(sample, torch.arange(6)).modalities["joint"][:, 0, :, 0, 0]
    segments = ([0, 1, 2], [3, 4], [5, 6])
    assert found.tolist() == [[float(frame) for part in order for frame in segments[part]] for order in ORDERS]


def test_the_learnable_augmentation_starts_as_rotation_shear_and_scale():
    turned = LearnableAugmentation(90.0, 0.0, 2.0).matrix()
    torch.testing.assert_close(turned @ turned.T, 4 * torch.eye(3), atol=1e-5, rtol=0)
    assert float(torch.det(turned.detach())) == pytest.approx(8)
    sheared = LearnableAugmentation(0.0, 0.25, 1.0).matrix()
    torch.testing.assert_close(sheared, torch.full((3, 3), 0.25) + 0.75 * torch.eye(3))


def test_neighbours_have_the_same_class_and_are_weighted_by_similarity():
    features = torch.tensor([[1.0, 0.0], [0.9, 0.1], [0.0, 1.0], [1.0, 0.01]])
    found = neighbour_features(features, torch.tensor([0, 0, 0, 1]), 2)
    first = torch.nn.functional.cosine_similarity(features[:1], features[1:3])
    torch.testing.assert_close(found[0], first.softmax(0) @ features[1:3])
    torch.testing.assert_close(found[3], features[3])


def test_colours_run_over_frames_or_joints():
    rows = torch.randn(1, 3, 5, 3)
    for by_frame, place in ((True, 0), (False, 1)):
        cloud = coloured_cloud(rows, by_frame, 1.0)
        assert torch.equal(cloud[..., :3], rows.flatten(2).transpose(1, 2))
        colours = cloud[0, :, 3:].view(5, 3, 3).transpose(0, place)[:, 0]
        assert colours[0].tolist() == [1, 0, 0]
        assert colours[-1].tolist() == [0, 0, 1]
        assert colours[len(colours) // 2].tolist() == [0, 1, 0]


def test_the_target_momentum_of_byol_rises_to_one():
    method = small_method("byol", momentum=0.9)
    kept = []
    for step in (0, 5, 10):
        with torch.no_grad():
            for weight in method.key.parameters():
                weight.fill_(1.0)
            for weight in method.query.parameters():
                weight.fill_(0.0)
        method.on_step_end(StepContext(step, 10, 2, None, Passes(), torch.arange(6)))
        kept.append(float(next(method.key.parameters()).flatten()[0]))
    assert kept == pytest.approx([0.9, 1 - 0.1 * (1 + math.cos(math.pi / 2)) / 2, 1.0])
