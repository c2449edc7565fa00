import math

import pytest
import torch

from psp.batches.augment import rotation
from psp.batches.modalities import (
    MODALITIES,
    bone,
    check_modalities,
    distance,
    inter_person_distance,
    motion,
    usable,
    velocity,
    vertical,
    yaw_invariant,
)
from psp.errors import ConfigError
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.layout import Layout

KINECT20, HAND21 = layout_by_name("kinect20"), layout_by_name("hand21")
JOINTS = torch.randn(3, 1, 8, 20, 3, generator=torch.Generator().manual_seed(0))
PERSONS = torch.randn(2, 3, 4, 20, 3, generator=torch.Generator().manual_seed(1))
ANGLES = torch.tensor([0.3, 2.0, -math.pi])
UPS = ("x", "y", "z", "-x", "-y", "-z")
NEED_VERTICAL = ("yaw-invariant", "yaw-invariant velocity")


def turned(joints: torch.Tensor, axis: int) -> torch.Tensor:
    return torch.einsum("nmtvc,ndc->nmtvd", joints, rotation(ANGLES, axis))


def test_motion_adds_up_to_the_way_from_first_to_last_frame():
    moved = motion(JOINTS, KINECT20)
    assert torch.allclose(moved.sum(dim=2), JOINTS[:, :, -1] - JOINTS[:, :, 0], atol=1e-5)
    assert moved[:, :, -1].abs().max() == 0


def test_bones_added_from_the_centre_give_the_joints_back():
    bones = bone(JOINTS, KINECT20)
    hand = sum(bones[..., joint, :] for joint in (7, 6, 5, 4, 2, 1))
    assert torch.allclose(hand, JOINTS[..., 7, :] - JOINTS[..., 0, :], atol=1e-5)


@pytest.mark.parametrize("name", ["bone", "motion", "bone motion", "velocity", "distance"])
def test_where_the_body_stands_changes_nothing(name):
    make = MODALITIES[name].make
    moved = JOINTS + torch.tensor([1.0, 2.0, 3.0])
    assert torch.allclose(make(moved, KINECT20, "y"), make(JOINTS, KINECT20, "y"), atol=1e-5)


@pytest.mark.parametrize("up", [*UPS, "none"])
def test_every_modality_keeps_the_shape(up):
    assert all(each.make(JOINTS, KINECT20, up).shape == JOINTS.shape for each in MODALITIES.values())


def test_velocity_is_motion_on_the_scale_of_the_clip():
    assert torch.allclose(velocity(JOINTS, KINECT20), 4 * motion(JOINTS, KINECT20))


@pytest.mark.parametrize("up", UPS)
@pytest.mark.parametrize("name", NEED_VERTICAL)
def test_yaw_invariant_modalities_do_not_change_under_rotation_about_the_vertical_axis(name, up):
    make, axis = MODALITIES[name].make, "xyz".index(up[-1])
    expected = make(JOINTS, KINECT20, up)
    assert torch.allclose(make(turned(JOINTS, axis), KINECT20, up), expected, atol=1e-4)
    for other in {0, 1, 2} - {axis}:
        assert not torch.allclose(make(turned(JOINTS, other), KINECT20, up), expected, atol=1e-2)


@pytest.mark.parametrize("up", UPS)
def test_height_is_positive_upwards(up):
    joints = torch.zeros(1, 1, 4, 20, 3)
    joints[..., 7, "xyz".index(up[-1])] = -1.5 if up[0] == "-" else 1.5
    made = yaw_invariant(joints, KINECT20, up)[0, 0, :, 7]
    assert made[:, 0].tolist() == [1.5] * 4
    assert not made[:, 1:].any()


def test_the_axis_that_points_up():
    assert [vertical(up) for up in ("x", "-y", "z", "none")] == [(0, 1.0), (1, -1.0), (2, 1.0), (1, 1.0)]


@pytest.mark.parametrize(("up", "order"), [("y", (0, 1, 2)), ("z", (0, 2, 1)), ("x", (1, 0, 2))])
def test_yaw_invariant_is_height_reach_and_horizontal_speed(up, order):
    joints = torch.zeros(1, 1, 4, 20, 3)
    joints[:, :, :, 7] = torch.tensor([3.0, 1.5, 4.0])
    joints[:, :, 1:, 7, 0] += 2.0
    made = yaw_invariant(joints[..., order], KINECT20, up)[0, 0, :, 7]
    assert made[0].tolist() == [1.5, 5.0, 2.0]
    assert made[1:, 2].tolist() == [0.0, 0.0, 0.0]


def test_no_rotation_changes_distances():
    both = turned(turned(JOINTS, 1), 0)
    assert torch.allclose(distance(both + 1.0, KINECT20), distance(JOINTS, KINECT20), atol=1e-4)


def test_distances_are_those_from_left_hand_right_hand_and_centre():
    made = distance(JOINTS, KINECT20)[1, 0, 2]
    for column, joint in enumerate((7, 11, 0)):
        expected = [math.dist(JOINTS[1, 0, 2, other].tolist(), JOINTS[1, 0, 2, joint].tolist()) for other in range(20)]
        assert made[:, column].tolist() == pytest.approx(expected, abs=1e-5)


def test_distances_between_persons_are_the_smallest_over_the_other_persons():
    made = inter_person_distance(PERSONS, KINECT20)
    bodies = PERSONS[1, :, 2].tolist()
    for person, joint in ((0, 3), (1, 0), (2, 19)):
        here, others = bodies[person][joint], [body for number, body in enumerate(bodies) if number != person]
        centre = min(math.dist(here, other[KINECT20.centre]) for other in others)
        nearest = min(math.dist(here, there) for other in others for there in other)
        same = min(math.dist(here, other[joint]) for other in others)
        assert made[1, person, 2, joint].tolist() == pytest.approx([centre, nearest, same], abs=1e-5)


def test_absent_persons_have_no_distance_and_are_none_to_others():
    two = PERSONS.clone()
    two[:, 2] = 0
    made = inter_person_distance(two, KINECT20)
    assert torch.allclose(made[:, :2], inter_person_distance(PERSONS[:, :2], KINECT20))
    assert not made[:, 2].any()
    assert not inter_person_distance(JOINTS, KINECT20).any()


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_no_rotation_or_translation_of_the_scene_changes_distances_between_persons(axis):
    scene = torch.einsum("nmtvc,ndc->nmtvd", PERSONS + 1.0, rotation(ANGLES[:2], axis))
    assert torch.allclose(inter_person_distance(scene, KINECT20), inter_person_distance(PERSONS, KINECT20), atol=1e-4)


@pytest.mark.parametrize(
    ("layout", "up", "channels", "missing"),
    [
        (KINECT20, "y", 3, {}),
        (KINECT20, "-x", 3, {}),
        (KINECT20, "none", 3, dict.fromkeys(NEED_VERTICAL, "no axis points up")),
        (KINECT20, "-y", 2, dict.fromkeys(NEED_VERTICAL, "the recordings are two-dimensional")),
        (HAND21, "y", 3, {"distance": "layout 'hand21' has no hands"}),
        (
            HAND21, "none", 2,
            dict.fromkeys(NEED_VERTICAL, "the recordings are two-dimensional")
            | {"distance": "layout 'hand21' has no hands"},
        ),
    ],
)  # fmt: skip
def test_what_the_recordings_do_not_allow_is_refused_by_name_and_dropped(
    layout: Layout, up: str, channels: int, missing: dict[str, str]
):
    left = usable(tuple(MODALITIES), layout, up, channels, persons=2)
    assert left == tuple(name for name in MODALITIES if name not in missing)
    check_modalities(left, layout, up, channels)
    for name, reason in missing.items():
        with pytest.raises(ConfigError, match=f"the modality '{name}' cannot be computed: {reason}. Leave it out"):
            check_modalities(("joint", name), layout, up, channels)


def test_modalities_of_several_persons_are_of_no_use_to_one():
    alone, together = (usable(tuple(MODALITIES), KINECT20, "y", 3, persons) for persons in (1, 2))
    assert set(together) - set(alone) == {"inter-person distance"}


def test_a_modality_that_does_not_exist_is_refused():
    with pytest.raises(ConfigError, match=r"no modality 'joints'\. Did you mean 'joint'"):
        check_modalities(("joints",), KINECT20, "y", 3)
