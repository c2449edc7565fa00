import numpy as np
import pytest

from psp.figures.layouts import positions
from psp.figures.pose import flat, in_space, mover, telling_frames
from psp.skeleton.catalogue import layout_by_name
from stores import BEETLE

KINECT20 = layout_by_name("kinect20")

STANDING = np.concatenate([positions(KINECT20), np.zeros((20, 1))], axis=1)


def rotation(axis: int, degrees: float) -> np.ndarray:
    first, second = [each for each in range(3) if each != axis]
    turned = np.eye(3)
    cosine, sine = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    turned[[first, second], [first, second]] = cosine
    turned[first, second], turned[second, first] = -sine, sine
    return turned


def test_the_mover_is_the_person_who_moves_most_and_appearing_is_no_movement():
    joints = np.ones((3, 6, 20, 3))
    joints[1, :, :, 0] += np.linspace(0, 1, 6)[:, None]
    joints[2, :3] = 0
    joints[2, 3:] = 50
    assert mover(joints) == 1


def test_the_telling_frame_is_the_wider_one_and_its_companion_is_the_other_extreme():
    joints = np.repeat(STANDING[None], 9, axis=0)
    joints[:, 7, 0] += [0, 0, 0, 1, 4, 1, 0, -1, 0]
    joints += np.arange(9)[:, None, None]  # walking away changes no pose
    assert telling_frames(joints, KINECT20.centre) == (7, 4)


def test_frames_without_the_person_tell_nothing():
    joints = np.repeat(STANDING[None] + 3, 5, axis=0)
    joints[3, 7] += 1
    joints[0] = 0
    first, telling = telling_frames(joints, KINECT20.centre)
    assert (first, telling) == (1, 3)


@pytest.mark.parametrize("turn", [0, 50, 180])
@pytest.mark.parametrize("tilt", [0, 30])
def test_a_standing_person_faces_the_reader_upright_from_wherever_it_was_recorded(turn: float, tilt: float):
    recorded = STANDING @ rotation(1, turn).T @ rotation(0, tilt).T
    seen = flat(np.stack([recorded, recorded]), KINECT20)
    np.testing.assert_allclose(seen[0], positions(KINECT20), atol=1e-6)


def test_layouts_without_shoulders_and_spine_and_flat_recordings_can_be_drawn():
    layout = BEETLE
    assert layout.shoulders is None
    clips = np.random.default_rng(0).normal(0, 1, (5, len(layout.joints), 2))
    poses = in_space(clips)
    assert np.array_equal(poses[..., :2], clips)
    seen = flat(poses, layout)
    np.testing.assert_allclose(seen[:, layout.centre, 0], 0, atol=1e-12)
    for ours, theirs in zip(seen, clips, strict=True):  # rotated, perhaps mirrored: distances stay
        ours, theirs = (np.linalg.norm(each[:, None] - each, axis=2) for each in (ours, theirs))
        np.testing.assert_allclose(ours, theirs, atol=1e-9)
