import numpy as np
import pytest

from psp.synthetic.body import body
from psp.synthetic.performance import perform
from psp.synthetic.sensor import Camera, draw_camera, hidden, lost_frames, measure, tracked

ROOM = np.array(perform(0, 4, 1, 1))
FRONT = Camera(azimuth=0.0, distance=3.0, height=1.0, pitch=0.0)


def distances(joints: np.ndarray) -> np.ndarray:
    flat = joints.reshape(-1, 3)[::7]
    return np.linalg.norm(flat[:, None] - flat[None], axis=-1)


def test_the_front_camera_only_shifts():
    np.testing.assert_allclose(FRONT.view(ROOM), ROOM + np.array([0, -1, 3]), atol=1e-12)


@pytest.mark.parametrize("number", [1, 2, 3])
def test_views_are_rigid_and_look_at_the_scene(number):
    camera = draw_camera(number, 3, np.random.default_rng(number))
    seen = camera.view(ROOM)
    np.testing.assert_allclose(distances(seen), distances(ROOM), atol=1e-12)
    assert seen[..., 2].min() > 2
    assert seen[..., 2].max() < 5
    assert camera.azimuth == (-45, 0, 45)[number - 1]


def test_the_left_shoulder_of_somebody_who_faces_the_camera_has_the_smaller_x():
    seen = FRONT.view(ROOM)
    left, right = body().shoulders
    assert (seen[0, :, left, 0] < seen[0, :, right, 0]).all()


def test_a_joint_behind_the_trunk_is_hidden_and_one_beside_it_is_not():
    seen = np.zeros((1, 1, 25, 3)) + np.array([0, 0, 3.0])
    seen[..., 1] = np.linspace(-0.8, 0.8, 25)
    hand, foot = body().joints.index("left hand"), body().joints.index("left foot")
    seen[0, 0, hand] = seen[0, 0, 0] * 1.1
    seen[0, 0, foot] = seen[0, 0, 0] * 1.1 + (0.5, 0, 0)
    assert hidden(seen)[0, 0].tolist() == [joint == hand for joint in range(25)]


def test_one_person_hides_another():
    seen = FRONT.view(np.concatenate([ROOM, ROOM + np.array([0, 0, 1.0])]))
    covered = hidden(seen)
    assert covered[1].mean() > 0.3
    assert covered[0].mean() < 0.2


def test_a_perfect_sensor_changes_nothing():
    seen = FRONT.view(ROOM)
    np.testing.assert_array_equal(measure(seen, 0.0, 0.0, np.random.default_rng(0)), seen)


def test_noise_grows_with_the_square_of_the_distance_and_towards_the_ends_of_limbs():
    near = np.zeros((1, 4000, 25, 3)) + np.array([0, 0, 2.0])
    error = [
        np.std(measure(near * scale, 1.0, 0.0, np.random.default_rng(0)) - near * scale, axis=(0, 1, 3))
        for scale in (1, 2)
    ]
    np.testing.assert_allclose(error[1] / error[0], 4, rtol=1e-3)
    assert error[0][body().joints.index("left hand tip")] > 3 * error[0][body().centre]


def test_hidden_joints_are_worse_and_some_freeze():
    seen = FRONT.view(np.concatenate([ROOM, ROOM + np.array([0, 0, 1.0])]))
    covered, measured = hidden(seen), measure(seen, 1.0, 1.0, np.random.default_rng(0))
    error = np.linalg.norm(measured - seen, axis=-1)
    assert error[covered].mean() > 3 * error[~covered].mean()
    still = (np.diff(measured, axis=1) == 0).all(axis=-1)
    assert still.any()
    assert not still[~covered[:, 1:]].any()


def test_frames_are_lost_at_about_the_rate_asked_for():
    rng = np.random.default_rng(0)
    lost = np.mean([lost_frames(60, 1.0, rng).mean() for _ in range(400)])
    assert 0.02 < lost < 0.05
    assert not lost_frames(60, 0.0, rng).any()


def test_a_body_is_lost_for_a_few_frames_of_a_few_clips():
    rng = np.random.default_rng(0)
    gaps = [np.count_nonzero(~tracked(2, 40, 1.0, rng)) for _ in range(400)]
    assert 4 < np.count_nonzero(gaps) < 40
    assert max(gaps) <= 5
    assert tracked(2, 40, 0.0, rng).all()
