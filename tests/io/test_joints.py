"""Layouts by what a file tells, and joints in their order."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.distance import pdist, squareform

from psp.errors import ConfigError, RecordingError
from psp.io.format import Raw
from psp.io.joints import edges_by_distance, find_layout, joint_order
from psp.skeleton.catalogue import layout_by_name, layout_names
from psp.skeleton.layout import Layout

COCO = layout_by_name("coco17")


def raw_of(names=(), joints: int | None = None, **facts) -> Raw:
    return Raw(np.random.default_rng(0).normal(size=(1, 4, joints or len(names), 2)), names=tuple(names), **facts)


@pytest.mark.parametrize("name", layout_names())
def test_joint_names_choose_a_built_in_layout_in_any_order_and_spelling(name: str) -> None:
    joints = layout_by_name(name).joints[::-1]
    raw = raw_of([joint.replace("_", " ").title() for joint in joints])
    found = find_layout(raw, None, None, "x").layout
    assert found.joints == layout_by_name(found.name).joints
    assert joint_order(raw, found, "x") == list(range(len(joints)))[::-1]


def test_joints_are_found_by_name_and_others_left_out() -> None:
    raw = raw_of(["extra", *reversed(COCO.joints)])
    assert joint_order(raw, COCO, "x") == list(range(17, 0, -1))
    assert joint_order(raw_of(COCO.joints), COCO, "x") is None
    assert joint_order(raw_of(joints=17), COCO, "x") is None
    assert joint_order(raw_of(COCO.joints[:9]), COCO, "x") == [*range(9), *[-1] * 8]
    with pytest.raises(RecordingError, match="no joint right_elbow, left_wrist"):
        joint_order(raw_of(COCO.joints[:8]), COCO, "x")
    with pytest.raises(RecordingError, match="no joint neck, mid_hip"):
        joint_order(raw_of(joints=17, layout="coco17"), layout_by_name("openpose25"), "x")
    with pytest.raises(RecordingError, match=r"expected 17 joints .*, found 16"):
        joint_order(raw_of(joints=16), COCO, "x")


def test_joints_of_any_script_are_found_in_another_order() -> None:
    layout = Layout.from_graph("own", ["左手", "右手", "头", "Ärm", "Ürm", "m+", "m-"])
    assert joint_order(raw_of(layout.joints[::-1]), layout, "x") == [6, 5, 4, 3, 2, 1, 0]


def test_what_the_file_does_not_tell_is_given_or_asked_for(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"17 joints is not known.*--layout.*coco17"):
        find_layout(raw_of(joints=17), None, tmp_path, "x")
    (tmp_path / "layout.yaml").write_text("joints: [a, b]\nedges: [[a, b]]\n")
    assert find_layout(raw_of(joints=2), None, tmp_path, "x").layout.joints == ("a", "b")
    assert find_layout(raw_of(joints=2), "coco17", tmp_path, "x").layout == COCO
    named = find_layout(raw_of(["paw", "snout", "tail"], edges=(("paw", "tail"), ("snout", "tail"))), None, None, "x")
    assert set(named.layout.edges) == {(0, 2), (1, 2)}
    assert named.derived


@given(st.integers(2, 8), st.integers(0, 100))
def test_connecting_by_distance_is_the_smallest_tree(joints: int, seed: int) -> None:
    draw = np.random.default_rng(seed)
    pose = draw.normal(size=(joints, 3))
    edges = edges_by_distance(np.repeat(pose[None, None], 3, axis=1))
    apart = squareform(pdist(pose))
    assert sum(apart[edge] for edge in edges) == pytest.approx(smallest_tree(apart))
    Layout.from_graph("x", [f"j{number}" for number in range(joints)], edges)


def test_edges_by_distance_are_mirrored() -> None:
    names = ["nose", "left ear", "right ear", "neck", "left hip", "right hip", "tail"]
    pose = np.array([[0, 3], [-1, 2.1], [1, 2], [0, 1], [-1, -1], [1, -1.1], [0, -2]], dtype=float)
    joints = pose + np.random.default_rng(0).normal(scale=0.01, size=(2, 50, 7, 2))
    edges = edges_by_distance(joints, names)
    image = [0, 2, 1, 3, 5, 4, 6]
    assert {tuple(sorted((image[one], image[other]))) for one, other in edges} == set(edges)
    layout = Layout.from_graph("mouse", names, edges)
    assert layout.mirror_pairs == ((1, 2), (4, 5))
    assert layout.centre in (0, 3, 6)
    assert len(edges) == 6
    assert {(0, 3), (3, 6)} <= set(edges)


def test_without_joints_of_the_middle_the_sides_are_joined_where_they_are_nearest() -> None:
    names = ["left elbow", "right elbow", "left wrist", "right wrist"]
    joints = np.array([[-2, 0], [2, 0], [-1, -1], [1, -1]], dtype=float)[None, None]
    assert edges_by_distance(joints, names) == [(0, 2), (1, 3), (2, 3)]


def smallest_tree(apart: np.ndarray) -> float:
    """Return the length of the smallest spanning tree by Prim's algorithm."""
    inside, total = {0}, 0.0
    while len(inside) < len(apart):
        length, joint = min((apart[i, j], j) for i in inside for j in range(len(apart)) if j not in inside)
        inside.add(joint)
        total += length
    return total


def test_joints_never_seen_are_connected_too() -> None:
    joints = np.random.default_rng(0).normal(size=(1, 5, 4, 2))
    joints[:, :, 2] = np.nan
    joints[:, :3, 1] = np.nan
    edges = edges_by_distance(joints)
    assert len(edges) == 3
    assert {joint for edge in edges for joint in edge} == {0, 1, 2, 3}
    assert len(edges_by_distance(np.full((1, 3, 4, 2), np.nan))) == 3
