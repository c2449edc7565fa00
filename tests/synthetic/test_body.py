import numpy as np
import pytest

from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.layout import Layout
from psp.synthetic.body import as_layout, body, joints_on_body, usual_name
from psp.synthetic.performance import perform

ROOM = np.array(perform(0, 9, 1, 1))
SEEN = np.ones(ROOM.shape[:2], dtype=bool)


@pytest.mark.parametrize(
    ("name", "usual"),
    [
        ("SHOULDER_LEFT", "left shoulder"), ("mid_hip", "spine base"), ("hip", "spine base"),
        ("right_hip", "right hip"),
        ("handtip_right", "right hand tip"), ("R_Eye", "right eye"), ("left_collar", "left clavicle"),
        ("mixamorig", None), ("thumb_tip", None), ("wrist", None),
    ],
)  # fmt: skip
def test_joints_are_known_by_their_usual_names(name: str, usual: str | None):
    assert usual_name(name) == usual


def test_the_body_itself_is_returned_bit_by_bit():
    np.testing.assert_array_equal(as_layout(ROOM, body(), SEEN), ROOM)


def test_joints_beside_the_body_turn_with_the_chest_and_mirror():
    layout = layout_by_name("mediapipe33")
    joints = as_layout(ROOM, layout, SEEN)
    turn = np.linalg.qr(np.random.default_rng(0).normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    np.testing.assert_allclose(as_layout(ROOM @ turn, layout, SEEN), joints @ turn, atol=1e-12)
    image = as_layout(ROOM[:, :, body().mirror] * (-1, 1, 1), layout, SEEN)
    np.testing.assert_allclose(image, joints[:, :, layout.mirror] * (-1, 1, 1), atol=1e-12)
    head = ROOM[:, :, body().joints.index("head")]
    apart = np.linalg.norm(joints[:, :, layout.joints.index("nose")] - head, axis=-1)
    np.testing.assert_allclose(apart, 0.10)


def test_a_joint_of_an_unknown_name_lies_beside_its_nearest_known_neighbour():
    joints = ("pelvis", "neck", "left_knee", "right_knee", "left_gadget")
    layout = Layout.from_graph("gadget", joints, ((0, 1), (0, 2), (0, 3), (2, 4)))
    source, offset = joints_on_body(layout)
    assert source[4] == body().joints.index("left knee")
    assert offset[4].any()
    assert not offset[:4].any()


def test_an_unseen_person_stays_at_zero():
    joints, seen = ROOM.copy(), SEEN.copy()
    joints[:, 3:6], seen[:, 3:6] = 0, False
    assert not as_layout(joints, layout_by_name("coco17"), seen)[:, 3:6].any()
