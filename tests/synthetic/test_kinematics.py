import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psp.synthetic.body import body
from psp.synthetic.kinematics import (
    CHANNELS,
    SEGMENTS,
    positions,
    segment_rotations,
    turn_about_vertical,
)
from psp.synthetic.subject import limb_offsets

OFFSETS = limb_offsets(np.random.default_rng(3))
SOLES = [body().joints.index(f"{side} {joint}") for side in ("left", "right") for joint in ("ankle", "foot")]


def posed(frames: int = 1, **degrees: float) -> np.ndarray:
    angles = np.zeros((frames, len(CHANNELS)))
    for channel, value in degrees.items():
        angles[:, CHANNELS.index(channel.replace("_", " "))] = value
    return angles


def bone(joints: np.ndarray, start: str, end: str) -> np.ndarray:
    vector = joints[0, body().joints.index(end)] - joints[0, body().joints.index(start)]
    return vector / np.linalg.norm(vector)


def random_angles(seed: int, frames: int = 4) -> np.ndarray:
    angles = np.random.default_rng(seed).uniform(-80, 80, (frames, len(CHANNELS)))
    angles[:, CHANNELS.index("lift")] = 0
    return angles


def test_every_joint_is_carried_by_one_segment():
    carried = [joint for segment in SEGMENTS.values() for joint in segment.carries]
    assert sorted(carried) == sorted(body().joints)


def test_upright_joints_are_sums_of_offsets():
    joints = positions(posed(), OFFSETS)[0]
    head = sum(OFFSETS[body().joints.index(name)] for name in ("spine middle", "spine shoulder", "neck", "head"))
    np.testing.assert_allclose(joints[body().joints.index("head")] - joints[body().centre], head, atol=1e-12)


@pytest.mark.parametrize(
    ("start", "end", "pose", "direction"),
    [
        ("left shoulder", "left elbow", {"left_raise": 90}, (0, 0, 1)),
        ("left shoulder", "left elbow", {"left_raise": 90, "left_out": 90}, (1, 0, 0)),
        ("right shoulder", "right elbow", {"right_raise": 90, "right_out": 90}, (-1, 0, 0)),
        ("right shoulder", "right elbow", {"right_raise": 180}, (0, 1, 0)),
        ("right elbow", "right wrist", {"right_elbow": 90}, (0, 0, 1)),
        ("left elbow", "left wrist", {"left_elbow": 90, "left_roll": 90}, (-1, 0, 0)),
        ("left hip", "left knee", {"left_hip": 90}, (0, 0, 1)),
        ("left knee", "left ankle", {"left_knee": 90}, (0, 0, -1)),
        ("right hip", "right knee", {"right_hip": 90, "turn": 90}, (1, 0, 0)),
        ("right hip", "right knee", {"lean": 60}, (0, -1, 0)),
    ],
)
def test_angles_turn_limbs_as_people_do(start, end, pose, direction):
    np.testing.assert_allclose(bone(positions(posed(**pose), OFFSETS), start, end), direction, atol=1e-9)


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_rotations_are_rotations_and_bones_keep_their_length(seed):
    angles = random_angles(seed)
    turned = np.moveaxis(segment_rotations(angles), (0, 1), (2, 3))
    np.testing.assert_allclose(turned @ turned.swapaxes(2, 3), np.broadcast_to(np.eye(3), turned.shape), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(turned), 1, atol=1e-12)
    joints = positions(angles, OFFSETS)
    lengths = np.linalg.norm(joints - joints[:, body().parents], axis=2)
    np.testing.assert_allclose(lengths, np.broadcast_to(np.linalg.norm(OFFSETS, axis=1), lengths.shape), atol=1e-12)


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_the_lowest_foot_is_on_the_floor_unless_the_person_jumps(seed):
    angles = random_angles(seed)
    angles[1, CHANNELS.index("lift")] = 30
    lowest = positions(angles, OFFSETS)[:, SOLES, 1].min(axis=1)
    np.testing.assert_allclose(lowest, [0, 0.3, 0, 0], atol=1e-12)


@given(st.integers(0, 10_000))
@settings(max_examples=25)
def test_exchanged_angles_give_the_mirror_image(seed):
    angles = random_angles(seed)
    swapped = angles.copy()
    for column, channel in enumerate(CHANNELS):
        side, _, name = channel.partition(" ")
        other = {"left": "right", "right": "left"}.get(side)
        if other:
            swapped[:, column] = angles[:, CHANNELS.index(f"{other} {name}")]
        elif channel in ("turn", "tilt", "swivel", "side", "twist", "cock", "gaze"):
            swapped[:, column] *= -1
    mirrored = positions(angles, OFFSETS)[:, body().mirror] * (-1, 1, 1)
    np.testing.assert_allclose(positions(swapped, OFFSETS), mirrored, atol=1e-12)


def test_a_person_who_lifts_one_foot_walks_over_the_other():
    angles = posed(20)
    angles[:, CHANNELS.index("left hip")] = np.linspace(20, -20, 20)
    angles[:, CHANNELS.index("right knee")] = 70
    joints = positions(angles, OFFSETS)
    stance = joints[:, SOLES[:2]].mean(axis=1)
    assert np.abs(stance - stance[0])[:, [0, 2]].max() < 0.01
    assert joints[-1, body().centre, 2] - joints[0, body().centre, 2] > 0.3


def test_a_quarter_turn_takes_z_to_x():
    np.testing.assert_allclose(turn_about_vertical(90.0) @ (0, 0, 1), (1, 0, 0), atol=1e-12)
