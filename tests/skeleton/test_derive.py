import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.layout import Layout
from psp.skeleton.names import canonical, pairs_by_name

LARGEST = 45
"""Graphs of more joints are left out: faces and whole bodies."""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("left_shoulder", "left shoulder"), ("SHOULDER_LEFT", "left shoulder"), ("LShoulder", "left shoulder"),
        ("leftShoulder", "left shoulder"), ("mixamorig:LeftForeArm", "left mixamorig fore arm"),
        ("L_F_Paw", "left f paw"), ("forelegR1", "right foreleg 1"), ("eyeL", "left eye"), ("hip.r", "right hip"),
        ("MidHip", "mid hip"), ("spine1", "spine 1"), ("Root of tail", "root of tail"),
        ("leftshoulder", "left shoulder"), ("upright", "upright"), ("ring_tip", "ring tip"), ("pelvis", "pelvis"),
    ],
)  # fmt: skip
def test_names_of_any_spelling_become_words_with_the_side_first(name: str, words: str):
    assert canonical(name) == words


def test_pairs_differ_in_their_side_only():
    joints = (
        "RASI",
        "LASI",
        "rwrist",
        "lwrist",
        "left_knee",
        "right_ankle",
        "Hip_R",
        "Hip_L",
        "lone",
        "upright",
        "lip",
    )
    assert pairs_by_name(joints) == ((1, 0), (3, 2), (7, 6))
    assert pairs_by_name(("left_hip", "LHip", "right_hip")) == ()


def derived(layout: Layout) -> str:
    return " ".join(layout.derived)


def test_a_cycle_stays_in_the_edges_and_is_dropped_from_a_symmetric_tree():
    joints = ("nose", "left hip", "right hip", "left shoulder", "right shoulder")
    layout = Layout.from_graph("torso", joints, ((0, 3, 1, 2, 4, 0), (3, 4)))
    assert len(layout.edges) == 6
    assert layout.parents.tolist() == [0, 3, 4, 0, 0]
    assert "left hip - right hip, left shoulder - right shoulder" in derived(layout)


def test_the_centre_is_the_pelvis_or_the_middle_of_the_axis():
    joints = ("head", "neck", "hips", "left hand", "right hand")
    edges = ((0, 1, 2), (1, 3), (1, 4))
    assert Layout.from_graph("named", joints, edges).centre == 2
    assert Layout.from_graph("middle", ("head", "neck", "belly", *joints[3:]), edges).centre == 1
    assert Layout.from_graph("chain", tuple("abcde"), ((0, 1, 2, 3, 4),)).centre == 2


def test_a_forgotten_edge_is_the_mirror_image_of_its_other_side():
    joints = ("hip", "left knee", "right knee", "left ankle", "right ankle")
    layout = Layout.from_graph("legs", joints, ((0, 1, 3), (0, 2)))
    assert layout.parents.tolist() == [0, 0, 0, 1, 2]
    assert "right ankle to right knee" in derived(layout)


def test_stray_joints_are_attached_to_joints_of_related_names_else_to_the_centre():
    joints = ("neck", "nose", "left wrist", "right wrist", "left inner wrist", "right inner wrist", "left ear",
              "right ear", "marker")  # fmt: skip
    layout = Layout.from_graph("stray", joints, ((0, 1), (0, 2), (0, 3)))
    assert layout.parents.tolist() == [0, 0, 0, 0, 2, 3, 1, 1, 0]
    assert len(layout.mirror_pairs) == 3
    assert "marker to neck" in derived(layout)


def test_pairs_whose_edges_are_not_symmetric_are_refused():
    joints = ("hip", "left hand", "right hand", "left foot", "right foot")
    layout = Layout.from_graph("odd", joints, ((0, 1), (0, 2), (0, 3), (0, 4), (1, 3)))
    assert layout.mirror_pairs == ()
    assert "not symmetric: left hand and right hand, left foot and right foot" in derived(layout)


def test_two_hands_without_a_joint_on_the_axis_are_mirror_images():
    fingers = [f"{side} {name}" for side in ("left", "right") for name in ("wrist", "thumb", "index")]
    layout = Layout.from_graph("hands", fingers, ((0, 1), (0, 2), (3, 4), (3, 5)))
    assert layout.mirror_pairs == ((0, 3), (1, 4), (2, 5))
    assert (0, 3) in layout.edges


def test_ntu25_derived_from_its_graph_has_the_parts_of_the_paper():
    given = layout_by_name("ntu25")
    layout = Layout.from_graph("graph", given.joints, given.edges, centre="spine base")
    for fact in ("bones", "centre", "mirror_pairs", "shoulders", "spine", "hands"):
        assert getattr(layout, fact) == getattr(given, fact)
    assert sorted(map(sorted, layout.parts.values())) == sorted(map(sorted, given.parts.values()))
    bodies = [
        {frozenset(frozenset(each.parts[part]) for part in body) for body in each.bodies.values()}
        for each in (layout, given)
    ]
    assert bodies[0] == bodies[1]


def test_given_parts_are_sorted_into_derived_bodies():
    given = layout_by_name("ntu25")
    layout = Layout.from_graph("own parts", given.joints, given.edges, centre=0, parts=given.parts)
    assert dict(layout.parts) == dict(given.parts)
    assert list(layout.bodies.values()) == list(given.bodies.values())


def check(layout: Layout) -> None:
    """What holds for every layout whatever it was made from."""
    count = len(layout.joints)
    ancestors = np.arange(count)
    for _ in range(count):
        ancestors = layout.parents[ancestors]
    assert (ancestors == layout.centre).all()
    assert {(min(bone), max(bone)) for bone in layout.bones} <= set(layout.edges)
    edges = {frozenset(edge) for edge in layout.edges}
    assert {frozenset(layout.mirror[list(edge)].tolist()) for edge in edges} == edges
    assert sorted(joint for part in layout.parts.values() for joint in part) == list(range(count))
    assert sorted(part for body in layout.bodies.values() for part in body) == sorted(layout.parts)
    assert Layout.from_dict(layout.to_dict()) == layout


@st.composite
def graphs(draw: st.DrawFn) -> tuple[list[str], list[tuple[int, int]]]:
    count = draw(st.integers(1, 30))
    stems = st.sampled_from(["hip", "knee", "eye", "head", "shoulder", "wing", "x", "y1", "y2", "spine", "torso"])
    sides = st.sampled_from(["", "left_", "right_", "L", "r_"])
    names = draw(st.lists(st.tuples(sides, stems), min_size=count, max_size=count))
    joints = [f"{side}{stem}" for side, stem in names]
    joints = [name if joints.count(name) == 1 else f"{name}{number}a" for number, name in enumerate(joints)]
    joint = st.integers(0, count - 1)
    edges = (
        draw(st.lists(st.tuples(joint, joint).filter(lambda pair: pair[0] != pair[1]), max_size=45))
        if count > 1
        else []
    )
    return joints, edges


@given(graphs())
@settings(max_examples=150)
def test_any_graph_connected_or_not_gives_a_consistent_layout(graph: tuple[list[str], list[tuple[int, int]]]):
    check(Layout.from_graph("any", *graph))


@given(graphs())
@settings(max_examples=100)
def test_a_symmetric_graph_with_a_centre_on_the_axis_gives_mirrored_bones_parts_and_bodies(
    graph: tuple[list[str], list[tuple[int, int]]],
):
    joints, edges = graph
    count = len(joints)
    names = ["middle", *(f"left part {n}" for n in range(count)), *(f"right part {n}" for n in range(count))]
    links = [(0, 1), (0, 1 + count)]
    links += [(one + shift, other + shift) for one, other in edges for shift in (1, 1 + count)]
    layout = Layout.from_graph("twice", names, links)
    assert layout.centre == 0
    assert len(layout.mirror_pairs) == count
    assert np.array_equal(layout.parents[layout.mirror], layout.mirror[layout.parents])
    parts = {frozenset(part) for part in layout.parts.values()}
    assert {frozenset(layout.mirror[list(part)].tolist()) for part in parts} == parts


@pytest.fixture(scope="module")
def published(shared_data: Path) -> dict[str, Any]:
    return json.loads((shared_data / "mmpose_layouts.json").read_text())


def test_every_published_graph_becomes_a_layout_without_a_handwritten_line(published: dict[str, Any]):
    graphs = {name: one for name, one in published.items() if one["edges"] and len(one["joints"]) <= LARGEST}
    assert len(graphs) >= 35
    for name, graph in graphs.items():
        layout = Layout.from_graph(name, graph["joints"], graph["edges"])
        check(layout)
        found = {frozenset((layout.joints[left], layout.joints[right])) for left, right in layout.mirror_pairs}
        assert found == {frozenset(pair) for pair in graph["swap"].items()}, name
        assert max(map(len, layout.parts.values())) <= 6
        assert 2 <= len(layout.bodies) < len(layout.joints)
