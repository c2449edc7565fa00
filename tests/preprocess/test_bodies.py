"""Persons are chosen among bodies by the rules, whatever the axis that points up."""

import numpy as np
import pytest

from psp.preprocess.bodies import BodyConfig, choose_bodies
from psp.skeleton.recording import ClipInfo, Recording


def body(first: int, last: int, *, width: float = 0.4, motion: float = 0.1) -> np.ndarray:
    """A cloud of joints 1.7 m high that moves; of 40 frames it is seen from `first` to before `last`."""
    cloud = np.linspace(-0.5, 0.5, 25)[:, None] * [width, 1.7, 0.3] + [0.2, 0.1, 3]
    joints = np.zeros((40, 25, 3))
    joints[first:last] = cloud + np.linspace(0, motion, last - first)[:, None, None] * [0, 0, 1]
    return joints


def recording_of(*bodies: np.ndarray, up: str = "y") -> Recording:
    joints = np.stack(bodies)
    return Recording(ClipInfo("clip"), joints, joints.any(axis=3).astype(np.float32), up)


def chosen(*bodies: np.ndarray, config: BodyConfig = BodyConfig(), up: str = "y") -> np.ndarray:  # noqa: B008
    recording = choose_bodies(recording_of(*bodies, up=up), config)[0]
    np.testing.assert_array_equal(recording.confidence, recording.joints.any(axis=3))
    return recording.joints


def test_the_liveliest_body_is_the_first_person():
    calm, lively = body(0, 40), body(0, 40, motion=1.0)
    np.testing.assert_array_equal(chosen(calm, lively), [lively, calm])


@pytest.mark.parametrize("ghost", [body(20, 31, motion=9.0), body(0, 40, width=2.0, motion=9.0)])
def test_flickers_and_furniture_are_dropped_unless_alone(ghost):
    person = body(0, 40)
    np.testing.assert_array_equal(chosen(ghost, person), [person])
    np.testing.assert_array_equal(chosen(ghost), [ghost])


def test_motion_in_wide_frames_does_not_count():
    person, wild = body(0, 40, motion=1.0), body(0, 40)
    wild[:10, :, 0] *= 20
    np.testing.assert_array_equal(chosen(wild, person), [person, wild])


def test_somebody_found_again_under_another_id_is_the_same_person():
    before, after, other = body(0, 15, motion=1.0), body(20, 40), body(0, 40, motion=0.5)
    np.testing.assert_array_equal(chosen(before, after, other), [before + after, other])


@pytest.mark.parametrize("persons", [1, 2, 3])
def test_at_most_so_many_persons_are_kept(persons):
    bodies = [body(0, 40, motion=number) for number in range(4)]
    recording, changes = choose_bodies(recording_of(*bodies), BodyConfig(persons=persons))
    np.testing.assert_array_equal(recording.joints, bodies[: -persons - 1 : -1])
    assert sum(changes.values()) == 4 - persons


@pytest.mark.parametrize("ghosts", [(body(0, 4), body(0, 9)), (body(0, 40, width=9.0), body(0, 40, width=2.0))])
def test_if_every_body_breaks_a_rule_somebody_stays(ghosts):
    assert len(chosen(*ghosts)) == 1


AXES = {"y": [0, 1, 2], "-y": [0, 1, 2], "z": [0, 2, 1], "x": [1, 0, 2], "-x": [1, 0, 2]}


@pytest.mark.parametrize("up", AXES)
@pytest.mark.parametrize("channels", [2, 3])
def test_width_and_height_follow_the_axis_that_points_up(up, channels):
    if up == "z" and channels == 2:
        return
    person, furniture = (each[..., AXES[up]][..., :channels] for each in (body(0, 40), body(0, 40, width=3.0)))
    np.testing.assert_array_equal(chosen(furniture, person, up=up), [person])
    assert len(chosen(furniture, person, up="none")) == 2


def test_joints_that_were_not_observed_have_no_influence():
    person, other = body(0, 40, motion=1.0), body(0, 40)
    recording = recording_of(person, other)
    recording.confidence[:, :, 3] = 0
    expected = choose_bodies(recording, BodyConfig())[0].joints
    for spoiled in (0.0, 90.0):
        recording.joints[:, ::2, 3] = spoiled
        found = choose_bodies(recording, BodyConfig())[0].joints
        np.testing.assert_array_equal(np.delete(found, 3, axis=2), np.delete(expected, 3, axis=2))
