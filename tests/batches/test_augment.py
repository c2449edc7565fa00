import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from psp.batches.augment import (
    AugmentConfig,
    Space,
    augment,
    augment_confidence,
    freeze_joints,
    geometry,
    hold_frames,
    mirror,
    rotation,
)
from psp.dataset.clip_table import keys_of_ids
from psp.skeleton.catalogue import layout_by_name, layout_names

KEYS = torch.from_numpy(keys_of_ids(f"clip {number}" for number in range(64)))
LAYOUT = layout_by_name("kinect20")
SPACE, FLAT = Space(LAYOUT), Space(LAYOUT, "-y", 2)
EVERYTHING = AugmentConfig(60, 20, 20, 0.3, 0.2, 0.5, 0.2, 0.5, 0.05)
EVERYBODY = torch.ones(64, 2, dtype=torch.bool)
EVERYBODY[::2, 1] = False


@pytest.fixture
def joints() -> torch.Tensor:
    drawn = torch.randn(64, 2, 16, 20, 3, generator=torch.Generator().manual_seed(0))
    drawn[::2, 1] = 0
    return drawn


@pytest.fixture
def flat(joints) -> torch.Tensor:
    return joints * torch.tensor([1.0, 1.0, 0.0])


def lengths(joints: torch.Tensor) -> torch.Tensor:
    return (joints - joints[..., torch.from_numpy(LAYOUT.parents.copy()), :]).norm(dim=-1)


def test_nothing_configured_changes_nothing(joints):
    assert torch.equal(augment(joints, EVERYBODY, KEYS, SPACE, AugmentConfig()), joints)


@pytest.mark.parametrize("axis", range(3))
def test_rotation_is_that_of_scipy(axis):
    angle = torch.linspace(-math.pi, math.pi, 9)
    expected = Rotation.from_euler("xyz"[axis], angle.numpy()[:, None]).as_matrix()
    np.testing.assert_allclose(rotation(angle, axis).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("up", ["x", "y", "z", "-y"])
def test_rotations_keep_bone_lengths_and_turning_keeps_height(joints, up):
    space, height = Space(LAYOUT, up), "xyz".index(up[-1])
    turned = augment(joints, EVERYBODY, KEYS, space, AugmentConfig(turn=60.0))
    assert torch.allclose(turned[..., height], joints[..., height], atol=1e-5)
    assert not torch.allclose(turned, joints, atol=0.1)
    rolled = augment(joints, EVERYBODY, KEYS, space, AugmentConfig(turn=60.0, tilt=20.0, roll=20.0))
    assert torch.allclose(lengths(rolled), lengths(joints), atol=1e-4)


def test_scale_multiplies_every_length_of_a_clip_by_one_number(joints):
    scaled = augment(joints, EVERYBODY, KEYS, SPACE, AugmentConfig(scale=0.2))
    ratio = (lengths(scaled) / lengths(joints))[:, 0, :, 1:]
    assert torch.allclose(ratio, ratio[:, :1, :1].expand_as(ratio), atol=1e-3)
    assert 0.8 <= float(ratio.min()) < float(ratio.max()) <= 1.2


def test_shear_has_a_unit_diagonal():
    matrix = geometry(KEYS, AugmentConfig(shear=0.3), SPACE)
    assert torch.equal(matrix.diagonal(dim1=1, dim2=2), torch.ones(64, 3))
    assert 0.25 < float((matrix - torch.eye(3)).abs().max()) <= 0.3


@pytest.mark.parametrize(
    ("up", "channels", "side"),
    [("y", 3, 0), ("-y", 3, 0), ("z", 3, 0), ("x", 3, 1), ("x", 2, 1), ("-y", 2, 0), ("none", 2, 0)],
)
@pytest.mark.parametrize("name", layout_names())
def test_mirroring_twice_changes_nothing_and_swaps_left_and_right(name, up, channels, side):
    layout = layout_by_name(name)
    space, joints = Space(layout, up, channels), torch.randn(4, 1, 5, len(layout.joints), 3)
    chosen = torch.tensor([True, False, True, False])
    once = mirror(joints, chosen, space)
    assert torch.equal(mirror(once, chosen, space), joints)
    assert torch.equal(once[1], joints[1])
    sign = torch.ones(3)
    sign[side] = -1
    assert torch.equal(once[0], joints[0][..., layout.mirror.copy(), :] * sign)
    for left, right in layout.mirror_pairs:
        assert torch.equal(once[0, ..., left, :], joints[0, ..., right, :] * sign)


def test_mirror_probability_is_met(joints):
    one = joints[:1].expand(64, -1, -1, -1, -1)
    changed = (augment(one, EVERYBODY, KEYS, SPACE, AugmentConfig(mirror=0.5)) != one).flatten(1).any(dim=1)
    assert 20 <= int(changed.sum()) <= 44


def test_frozen_joints_stand_still_and_others_do_not_change(joints):
    masked = torch.zeros(64, 20, dtype=torch.bool)
    masked[:, 7] = True
    frozen = freeze_joints(joints, masked)
    assert float(frozen[:, :, :, 7].std(dim=2).max()) < 1e-5
    assert torch.equal(frozen[:, :, :, :7], joints[:, :, :, :7])


def test_held_frames_repeat_the_first_of_them(joints):
    held = hold_frames(joints, KEYS, 1.0)
    for before, after in zip(joints[:, 0, :, 0, 0], held[:, 0, :, 0, 0], strict=True):
        changed = (before != after).nonzero().flatten().tolist()
        assert len(changed) <= 5
        if changed:
            assert changed == list(range(changed[0], changed[-1] + 1))
            assert (after[changed] == before[changed[0] - 1]).all()
    assert torch.equal(hold_frames(joints, KEYS, 0.0), joints)


def test_noise_has_its_size_and_absent_persons_stay_absent(joints):
    noisy = augment(joints, EVERYBODY, KEYS, SPACE, AugmentConfig(noise=0.05))
    assert abs(float((noisy - joints)[1::2].std()) - 0.05) < 0.002
    assert augment(joints, EVERYBODY, KEYS, SPACE, EVERYTHING)[::2, 1].abs().max() == 0


def test_a_joint_at_the_origin_is_changed_like_any_other(joints):
    joints[1] = 0
    assert augment(joints, EVERYBODY, KEYS, SPACE, AugmentConfig(noise=0.05))[1].ne(0).all()


@pytest.mark.parametrize("up", ["-y", "y", "x", "none"])
def test_two_dimensional_clips_are_changed_in_their_plane(flat, up):
    changed = augment(flat, EVERYBODY, KEYS, Space(LAYOUT, up, 2), EVERYTHING)
    assert not changed[..., 2].any()
    assert not torch.allclose(changed[..., :2], flat[..., :2], atol=0.1)


def test_of_the_rotations_only_roll_turns_two_dimensional_clips(flat):
    assert torch.equal(augment(flat, EVERYBODY, KEYS, FLAT, AugmentConfig(turn=60, tilt=60)), flat)
    rolled = augment(flat, EVERYBODY, KEYS, FLAT, AugmentConfig(roll=60))
    assert torch.allclose(lengths(rolled), lengths(flat), atol=1e-4)
    assert not torch.allclose(rolled, flat, atol=0.1)


def test_a_clip_is_augmented_alike_in_any_batch(joints):
    whole = augment(joints, EVERYBODY, KEYS, SPACE, EVERYTHING)
    part = augment(joints[9:12], EVERYBODY[9:12], KEYS[9:12], SPACE, EVERYTHING)
    assert torch.allclose(part, whole[9:12], atol=1e-6)


@pytest.mark.parametrize(
    "config", [AugmentConfig(mirror=0.5), AugmentConfig(frame_mask=0.5), EVERYTHING, AugmentConfig()]
)
def test_confidence_follows_the_joints(config):
    """A body at rest whose height is its confidence: mirroring and held frames change both alike."""
    confidence = torch.rand(64, 2, 16, 20, generator=torch.Generator().manual_seed(0))
    body = torch.zeros(64, 2, 16, 20, 3)
    body[..., 1] = confidence
    moved = replace(config, turn=0, tilt=0, roll=0, shear=0, scale=0, joint_mask=0, noise=0)
    expected = augment(body, torch.ones(64, 2, dtype=torch.bool), KEYS, SPACE, moved)[..., 1]
    assert torch.equal(augment_confidence(confidence, KEYS, SPACE, config), expected)
    assert torch.equal(expected, confidence) is (config == AugmentConfig())
