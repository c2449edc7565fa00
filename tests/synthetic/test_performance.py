import numpy as np
import pytest

from psp.synthetic.body import body
from psp.synthetic.classes import ACTIONS, ENCOUNTERS, SYNTHETIC_CLASSES
from psp.synthetic.performance import mirrored, perform
from psp.synthetic.randomness import SUBJECT, generator
from psp.synthetic.subject import draw_subject

JOINT = {name: number for number, name in enumerate(body().joints)}
SOLES = [JOINT[f"{side} {joint}"] for side in ("left", "right") for joint in ("ankle", "foot")]


def performances(name: str, number: int = 8) -> list[np.ndarray]:
    return [perform(0, SYNTHETIC_CLASSES.index(name), subject, 1) for subject in range(1, number + 1)]


@pytest.mark.parametrize("name", SYNTHETIC_CLASSES)
def test_everybody_stays_above_the_floor_moves_smoothly_and_in_the_room(name):
    for joints in performances(name, 3):
        assert joints.shape[0] == (2 if name in ENCOUNTERS else 1)
        assert 32 <= joints.shape[1] <= 120
        assert joints[..., 1].min() > -0.05
        assert joints[..., 1].max() < 2.7
        assert np.abs(joints[..., [0, 2]]).max() < 3
        assert np.abs(np.diff(joints, axis=1)).max() * 30 < 14


@pytest.mark.parametrize("name", ["drink", "bow", "sit down", "stand up", "pick up", "wave"])
def test_standing_feet_do_not_slide(name):
    for joints in performances(name, 4):
        feet = joints[0][:, SOLES].mean(axis=1)
        assert np.abs(feet - feet[0])[:, [0, 2]].max() < 0.02


def test_the_foot_that_carries_a_walker_does_not_slide():
    for joints in performances("walk", 4):
        left, right = joints[0, :, SOLES[:2]].mean(axis=0), joints[0, :, SOLES[2:]].mean(axis=0)
        lifted = joints[0, :, SOLES[2:], 1].min(axis=0) - joints[0, :, SOLES[:2], 1].min(axis=0) > 0.05
        speed = np.abs(np.diff(left, axis=0))[:, [0, 2]].max(axis=1)
        carrying = lifted[1:] & lifted[:-1]
        assert carrying.sum() > 3
        assert speed[carrying].max() < 0.01
        assert np.linalg.norm(joints[0, -1, 0] - joints[0, 0, 0]) > 0.7
        assert np.linalg.norm(np.diff(right, axis=0), axis=1).max() > 0.03


def test_people_sit_down_and_stand_up():
    for down, up in zip(performances("sit down"), performances("stand up"), strict=True):
        assert down[0, 0, 0, 1] - down[0, -1, 0, 1] > 0.25
        assert up[0, -1, 0, 1] - up[0, 0, 0, 1] > 0.25


def test_jumpers_leave_the_floor():
    assert all(joints[0][:, SOLES, 1].min(axis=1).max() > 0.12 for joints in performances("jump"))


def test_hands_reach_the_head_in_a_phone_call():
    for joints in performances("phone call"):
        hands = joints[0][:, [JOINT["left hand"], JOINT["right hand"]]]
        apart = np.linalg.norm(hands - joints[0][:, [JOINT["head"]]], axis=2)
        assert apart.min() < 0.25


@pytest.mark.parametrize("name", ["shake hands", "hand over"])
def test_right_hands_meet(name):
    apart = [
        np.linalg.norm(joints[0, :, JOINT["right hand"]] - joints[1, :, JOINT["right hand"]], axis=1).min()
        for joints in performances(name, 12)
    ]
    assert np.mean(apart) < 0.10
    assert max(apart) < 0.22


@pytest.mark.parametrize("name", ["push", "hug"])
def test_one_reaches_the_other(name):
    for joints in performances(name):
        hands = joints[0][:, [JOINT["left hand"], JOINT["right hand"]]]
        apart = np.linalg.norm(hands[:, :, None] - joints[1][:, None, :9], axis=-1)
        assert apart.min() < 0.25


@pytest.mark.parametrize("name", ENCOUNTERS)
def test_the_two_face_each_other(name):
    for joints in performances(name, 4):
        across = joints[:, 0, JOINT["left hip"]] - joints[:, 0, JOINT["right hip"]]
        ahead = np.cross(across, (0, 1, 0))[:, [0, 2]]
        between = (joints[1, 0, 0] - joints[0, 0, 0])[[0, 2]]
        assert ahead[0] @ between > 0
        assert ahead[1] @ between < 0


def test_people_mostly_use_the_hand_that_they_prefer():
    agreed = 0
    for subject in range(1, 41):
        joints = perform(0, SYNTHETIC_CLASSES.index("throw"), subject, 1)[0]
        way = [
            np.linalg.norm(np.diff(joints[:, JOINT[hand]], axis=0), axis=1).sum()
            for hand in ("left hand", "right hand")
        ]
        agreed += (way[0] > way[1]) == draw_subject(generator(0, SUBJECT, subject)).left_handed
    assert agreed >= 34


def test_the_mirror_image_of_a_mirror_image_is_the_original():
    joints = perform(0, 4, 1, 1)
    np.testing.assert_array_equal(mirrored(mirrored(joints)), joints)
    np.testing.assert_allclose(mirrored(joints)[..., JOINT["left hand"], 0], -joints[..., JOINT["right hand"], 0])


def test_performances_cannot_be_overwritten():
    with pytest.raises(ValueError, match="read-only"):
        perform(0, 0, 1, 1)[:] = 0


def test_there_are_enough_classes():
    assert len(ACTIONS) >= 12
    assert len(ENCOUNTERS) >= 3
