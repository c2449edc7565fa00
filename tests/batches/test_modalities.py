import math

import pytest
import torch

from psp.batches.augment import rotation
from psp.batches.modalities import VIEWS, bone_view, distance_view, motion_view, velocity_view, yaw_invariant_view
from psp.skeleton.kinect20 import KINECT20

JOINTS = torch.randn(3, 1, 8, 20, 3, generator=torch.Generator().manual_seed(0))


def test_motion_adds_up_to_the_way_from_first_to_last_frame():
    motion = motion_view(JOINTS, KINECT20)
    assert torch.allclose(motion.sum(dim=2), JOINTS[:, :, -1] - JOINTS[:, :, 0], atol=1e-5)
    assert motion[:, :, -1].abs().max() == 0


def test_bones_added_from_the_centre_give_the_joints_back():
    bones = bone_view(JOINTS, KINECT20)
    hand = sum(bones[..., joint, :] for joint in (7, 6, 5, 4, 2, 1))
    assert torch.allclose(hand, JOINTS[..., 7, :] - JOINTS[..., 0, :], atol=1e-5)


def test_bones_and_motions_do_not_see_where_the_body_stands():
    moved = JOINTS + torch.tensor([1.0, 2.0, 3.0])
    for name in ("bone", "motion", "bone motion"):
        same = torch.allclose(VIEWS[name](moved, KINECT20, "y"), VIEWS[name](JOINTS, KINECT20, "y"), atol=1e-5)
        assert same, name


def test_every_view_keeps_the_shape():
    assert all(view(JOINTS, KINECT20, "y").shape == JOINTS.shape for view in VIEWS.values())


def test_velocity_is_motion_on_the_scale_of_the_clip():
    assert torch.allclose(velocity_view(JOINTS, KINECT20), 4 * motion_view(JOINTS, KINECT20))


@pytest.mark.parametrize("up", ["y", "z"])
@pytest.mark.parametrize("name", ["yaw-invariant", "yaw-invariant velocity"])
def test_yaw_invariant_views_do_not_see_from_which_side_the_camera_looks(name, up):
    turned = torch.einsum("nmtvc,ndc->nmtvd", JOINTS, rotation(torch.tensor([0.3, 2.0, -math.pi]), up))
    expected = VIEWS[name](JOINTS, KINECT20, up)
    assert torch.allclose(VIEWS[name](turned, KINECT20, up), expected, atol=1e-4)
    tilted = torch.einsum("nmtvc,ndc->nmtvd", JOINTS, rotation(torch.tensor([0.3, 2.0, -math.pi]), "x"))
    assert not torch.allclose(VIEWS[name](tilted, KINECT20, up), expected, atol=1e-2)


def test_the_yaw_invariant_view_is_height_reach_and_speed_over_the_ground():
    joints = torch.zeros(1, 1, 4, 20, 3)
    joints[:, :, :, 7] = torch.tensor([3.0, 1.5, 4.0])
    joints[:, :, 1:, 7, 0] += 2.0
    view = yaw_invariant_view(joints, KINECT20)[0, 0, :, 7]
    assert view[0].tolist() == [1.5, 5.0, 2.0]
    assert view[1:, 2].tolist() == [0.0, 0.0, 0.0]


def test_distances_do_not_see_any_turn_of_the_camera():
    turned = torch.einsum("nmtvc,ndc->nmtvd", JOINTS, rotation(torch.tensor([0.3, 2.0, -1.0]), "y"))
    turned = torch.einsum("nmtvc,ndc->nmtvd", turned, rotation(torch.tensor([-2.0, 0.5, 1.0]), "x"))
    assert torch.allclose(distance_view(turned + 1.0, KINECT20), distance_view(JOINTS, KINECT20), atol=1e-4)


def test_distances_are_those_from_left_hand_right_hand_and_centre():
    view = distance_view(JOINTS, KINECT20)[1, 0, 2]
    for column, joint in enumerate((7, 11, 0)):
        expected = [math.dist(JOINTS[1, 0, 2, other].tolist(), JOINTS[1, 0, 2, joint].tolist()) for other in range(20)]
        assert view[:, column].tolist() == pytest.approx(expected, abs=1e-5)
