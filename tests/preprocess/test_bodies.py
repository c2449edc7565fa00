import numpy as np
import pytest

from psp.preprocess.bodies import BodyConfig, choose_bodies
from psp.skeleton.recording import RawRecording


def body(first: int, last: int, *, width: float = 0.4, motion: float = 0.1) -> np.ndarray:
    """A cloud of joints 1.7 m high that moves; of 40 frames it is seen from `first` to before `last`."""
    cloud = np.linspace(-0.5, 0.5, 25)[:, None] * [width, 1.7, 0.3] + [0.2, 0.1, 3]
    joints = np.zeros((40, 25, 3))
    joints[first:last] = cloud + np.linspace(0, motion, last - first)[:, None, None] * [0, 0, 1]
    return joints


def recording_of(*bodies: np.ndarray) -> RawRecording:
    joints = np.stack(bodies)
    return RawRecording("clip", joints, joints.any(axis=(2, 3)))


def chosen(*bodies: np.ndarray, config: BodyConfig = BodyConfig()) -> np.ndarray:  # noqa: B008
    return choose_bodies(recording_of(*bodies), config)[0].joints


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
