"""Conversions between layouts against the joints that their makers define."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given as drawn
from hypothesis import strategies as st

from psp.errors import RecordingError
from psp.skeleton.catalogue import layout_by_name, layout_names
from psp.skeleton.convert import conversion, turned
from psp.skeleton.layout import Layout
from psp.skeleton.recording import ClipInfo, Recording

SOUND = [
    ("mediapipe33", "coco17"), ("openpose25", "coco17"), ("coco18", "coco17"), ("halpe26", "coco17"),
    ("ntu25", "kinect20"), ("kinect32", "ntu25"), ("kinect32", "kinect20"), ("smpl24", "kinect20"),
    ("coco17", "coco18"),
]  # fmt: skip


def recording(joints: int, channels: int = 3, up: str = "y") -> Recording:
    draw = np.random.default_rng(0)
    confidence = draw.uniform(0.1, 1, (1, 4, joints)).astype(np.float32)
    return Recording(ClipInfo("take"), draw.normal(size=(1, 4, joints, channels)), confidence, up)


@pytest.mark.parametrize(("source", "target"), SOUND)
def test_joints_of_one_name_keep_their_places(source, target):
    one, other = layout_by_name(source), layout_by_name(target)
    given = recording(len(one.joints))
    found = conversion(one, other)(given)
    assert found.joints.shape == (1, 4, len(other.joints), 3)
    for name in set(one.joints) & set(other.joints):
        np.testing.assert_array_equal(
            found.joints[:, :, other.joints.index(name)], given.joints[:, :, one.joints.index(name)]
        )


@pytest.mark.parametrize(
    ("source", "target", "joint", "sources"),
    [
        ("coco17", "coco18", "neck", ("left_shoulder", "right_shoulder")),
        ("kinect32", "ntu25", "spine shoulder", ("clavicle_left", "clavicle_right")),
        ("kinect32", "ntu25", "left hand tip", ("handtip_left",)),
        ("kinect32", "ntu25", "spine base", ("pelvis",)),
        ("ntu25", "kinect20", "hip centre", ("spine base",)),
        ("ntu25", "kinect20", "shoulder centre", ("spine shoulder",)),
        ("halpe26", "openpose25", "mid_hip", ("hip",)),
        ("h36m17", "jhmdb15", "left_ankle", ("left_foot",)),
        ("smpl24", "kinect20", "left foot", ("left_foot",)),
    ],
)
def test_joints_of_other_names_and_means(source, target, joint, sources):
    one, other = layout_by_name(source), layout_by_name(target)
    found = conversion(one, other)
    numbers = tuple(one.joints.index(name) for name in sources)
    assert found.joints[other.joints.index(joint)] == numbers
    given = recording(len(one.joints))
    where = found(given).joints[:, :, other.joints.index(joint)]
    np.testing.assert_allclose(where, given.joints[:, :, list(numbers)].mean(axis=2))
    if len(sources) > 1:
        assert f"{joint} is the mean of {' and '.join(sources)}" in found.sentence


def test_a_mean_is_not_observed_where_one_of_its_joints_is_not():
    one, other = layout_by_name("coco17"), layout_by_name("coco18")
    given = recording(17)
    given.confidence[0, 2, one.joints.index("left_shoulder")] = 0
    found, neck = conversion(one, other)(given), other.joints.index("neck")
    assert found.confidence[0, 2, neck] == 0
    assert (found.confidence[0, [0, 1, 3], neck] > 0).all()
    assert not found.joints[0, 2, neck].any()


@pytest.mark.parametrize(("source", "target", "missing"), [
    ("smpl24", "coco17", "nose, left_eye"), ("coco17", "ntu25", "left hand tip|spine middle"),
    ("hand21", "coco17", "nose"), ("mediapipe33", "h36m17", "spine, neck_base, head"),
])  # fmt: skip
def test_missing_joints_are_named(source, target, missing):
    with pytest.raises(RecordingError, match=missing):
        conversion(layout_by_name(source), layout_by_name(target))


@pytest.mark.parametrize("name", layout_names())
def test_a_layout_is_converted_to_itself_without_a_change(name):
    layout = layout_by_name(name)
    assert not conversion(layout, layout).changes


NAMES = st.text(st.sampled_from("mM左右рукÄä +-_1"), min_size=1, max_size=6).filter(str.strip)


@drawn(st.lists(NAMES, min_size=2, max_size=8, unique=True))
def test_a_layout_of_any_names_is_converted_to_itself_without_a_change(names):
    layout = Layout.from_graph("own", names)
    assert not conversion(layout, layout).changes


def test_one_joint_does_not_become_two():
    source = Layout.from_graph("source", ["hip", "head"])
    with pytest.raises(RecordingError, match=r"lack joints of 'target': spine base\."):
        conversion(source, Layout.from_graph("target", ["pelvis", "spine base", "head"]))


def spelt(name: str) -> str:
    """The same joint in other words: LElbow, right-elbow."""
    side, _, joint = name.rpartition("_")
    return f"L{joint.capitalize()}" if side == "left" else name.replace("_", "-")


def test_an_own_order_and_spelling_of_the_joints_is_no_matter():
    layout = layout_by_name("coco17")
    order = np.random.default_rng(1).permutation(17)
    own = Layout.from_graph("own", [spelt(layout.joints[joint]) for joint in order])
    given = recording(17)
    found = conversion(own, layout)(given)
    np.testing.assert_array_equal(found.joints[:, :, order], given.joints)


AXES = ("x", "y", "z", "-x", "-y", "-z")


@pytest.mark.parametrize(("start", "end"), product(AXES, AXES))
def test_recordings_are_turned_not_mirrored(start, end):
    axis = {name: np.eye(3)["xyz".index(name[-1])] * (-1 if name[0] == "-" else 1) for name in AXES}
    given = recording(5, up=start)
    given.joints[0, 0, :4] = [axis[start], *np.eye(3)]
    found = turned(given, end)
    assert found.up == end
    np.testing.assert_allclose(found.joints[0, 0, 0], axis[end])
    rotation = found.joints[0, 0, 1:4].T
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3))
    assert np.linalg.det(rotation) == pytest.approx(1)
    np.testing.assert_allclose(turned(found, start).joints, given.joints, atol=1e-12)


def test_image_coordinates_are_turned_over():
    given = recording(5, channels=2, up="-y")
    np.testing.assert_array_equal(turned(given, "y").joints, given.joints * [1, -1])
    np.testing.assert_array_equal(turned(given, "x").joints, given.joints[..., ::-1] * [-1, 1])


@pytest.mark.parametrize(("channels", "start", "end"), [(3, "none", "y"), (3, "z", "none"), (2, "y", "z")])
def test_unknown_and_impossible_axes_are_refused(channels, start, end):
    with pytest.raises(RecordingError, match="--up"):
        turned(recording(5, channels, start), end)
