import math

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from psp.batches.augment import AugmentConfig, augment, freeze_joints, geometry, hold_frames, mirror, rotation
from psp.batches.counter_rng import keys_of_ids
from psp.skeleton.layouts import LAYOUTS

KEYS = keys_of_ids(f"clip {number}" for number in range(64))
LAYOUT = LAYOUTS["kinect20"]


@pytest.fixture
def joints() -> torch.Tensor:
    drawn = torch.randn(64, 2, 16, 20, 3, generator=torch.Generator().manual_seed(0))
    drawn[::2, 1] = 0
    return drawn


def lengths(joints: torch.Tensor) -> torch.Tensor:
    return (joints - joints[..., torch.from_numpy(LAYOUT.parents.copy()), :]).norm(dim=-1)


def test_nothing_configured_changes_nothing(joints):
    assert torch.equal(augment(joints, KEYS, LAYOUT, AugmentConfig()), joints)


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_rotation_is_that_of_scipy(axis):
    angle = torch.linspace(-math.pi, math.pi, 9)
    expected = Rotation.from_euler(axis, angle.numpy()[:, None]).as_matrix()
    np.testing.assert_allclose(rotation(angle, axis).numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("up", ["y", "z"])
def test_rotations_keep_bone_lengths_and_turning_keeps_height(joints, up):
    turned = augment(joints, KEYS, LAYOUT, AugmentConfig(turn=60.0), up)
    height = "xyz".index(up)
    assert torch.allclose(turned[..., height], joints[..., height], atol=1e-5)
    assert not torch.allclose(turned, joints, atol=0.1)
    rolled = augment(joints, KEYS, LAYOUT, AugmentConfig(turn=60.0, tilt=20.0, roll=20.0), up)
    assert torch.allclose(lengths(rolled), lengths(joints), atol=1e-4)


def test_scale_multiplies_every_length_of_a_clip_by_one_number(joints):
    ratio = (lengths(augment(joints, KEYS, LAYOUT, AugmentConfig(scale=0.2))) / lengths(joints))[:, 0, :, 1:]
    assert torch.allclose(ratio, ratio[:, :1, :1].expand_as(ratio), atol=1e-3)
    assert 0.8 <= float(ratio.min()) < float(ratio.max()) <= 1.2


def test_shear_has_a_unit_diagonal():
    matrix = geometry(KEYS, AugmentConfig(shear=0.3))
    assert torch.equal(matrix.diagonal(dim1=1, dim2=2), torch.ones(64, 3))
    assert 0.25 < float((matrix - torch.eye(3)).abs().max()) <= 0.3


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_mirroring_twice_changes_nothing_and_swaps_the_hands(layout):
    joints = torch.randn(4, 1, 5, len(layout.joints), 3)
    chosen = torch.tensor([True, False, True, False])
    once = mirror(joints, chosen, layout)
    assert torch.equal(mirror(once, chosen, layout), joints)
    assert torch.equal(once[1], joints[1])
    left, right = layout.mirror_pairs[0]
    assert torch.equal(once[0, ..., left, 1:], joints[0, ..., right, 1:])
    assert torch.equal(once[0, ..., left, 0], -joints[0, ..., right, 0])


def test_mirror_probability_is_met(joints):
    one = joints[:1].expand(64, -1, -1, -1, -1)
    changed = (augment(one, KEYS, LAYOUT, AugmentConfig(mirror=0.5)) != one).flatten(1).any(dim=1)
    assert 20 <= int(changed.sum()) <= 44


def test_frozen_joints_stand_still_and_others_do_not_change(joints):
    masked = torch.zeros(64, 20, dtype=torch.bool)
    masked[:, 7] = True
    frozen = freeze_joints(joints, masked)
    assert float(frozen[:, :, :, 7].std(dim=2).max()) < 1e-5
    assert torch.equal(frozen[:, :, :, :7], joints[:, :, :, :7])


def test_held_frames_repeat_the_first_of_their_stretch(joints):
    held = hold_frames(joints, KEYS, 1.0)
    for before, after in zip(joints[:, 0, :, 0, 0], held[:, 0, :, 0, 0], strict=True):
        changed = (before != after).nonzero().flatten().tolist()
        assert len(changed) <= 5
        if changed:
            assert changed == list(range(changed[0], changed[-1] + 1))
            assert (after[changed] == before[changed[0] - 1]).all()
    assert torch.equal(hold_frames(joints, KEYS, 0.0), joints)


def test_noise_has_its_size_and_absent_persons_stay_absent(joints):
    noisy = augment(joints, KEYS, LAYOUT, AugmentConfig(noise=0.05))
    assert abs(float((noisy - joints)[1::2].std()) - 0.05) < 0.002
    everything = AugmentConfig(60, 20, 20, 0.3, 0.2, 0.5, 0.2, 0.5, 0.05)
    assert augment(joints, KEYS, LAYOUT, everything)[::2, 1].abs().max() == 0


def test_a_clip_is_augmented_alike_in_any_batch(joints):
    config = AugmentConfig(60, 20, 20, 0.3, 0.2, 0.5, 0.2, 0.5, 0.05)
    whole = augment(joints, KEYS, LAYOUT, config)
    assert torch.allclose(augment(joints[9:12], KEYS[9:12], LAYOUT, config), whole[9:12], atol=1e-6)
