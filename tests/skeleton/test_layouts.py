import numpy as np
import pytest

from psp.errors import LayoutError
from psp.skeleton.layout import Layout
from psp.skeleton.layouts import LAYOUTS, layout_by_name

every_layout = pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)


@every_layout
def test_the_name_finds_the_layout(layout: Layout):
    assert layout_by_name(layout.name) is layout


@every_layout
def test_every_joint_has_one_part_and_every_part_one_body(layout: Layout):
    assert layout.joint_to_part.shape == (len(layout.joints), len(layout.parts))
    assert layout.part_to_body.shape == (len(layout.parts), len(layout.bodies))
    assert (layout.joint_to_part.sum(1) == 1).all()
    assert (layout.part_to_body.sum(1) == 1).all()
    for number, members in enumerate(layout.parts.values()):
        assert np.flatnonzero(layout.joint_to_part[:, number]).tolist() == sorted(members)


@every_layout
def test_every_joint_hangs_on_the_centre(layout: Layout):
    for joint in range(len(layout.joints)):
        steps = 0
        while joint != layout.centre:
            joint, steps = layout.parents[joint], steps + 1
            assert steps < len(layout.joints)


@every_layout
def test_mirroring_twice_changes_nothing_and_swaps_left_and_right(layout: Layout):
    assert np.array_equal(layout.mirror[layout.mirror], np.arange(len(layout.joints)))
    swapped = {"left": "right", "right": "left"}
    for joint, name in enumerate(layout.joints):
        image = " ".join(swapped.get(word, word) for word in name.split())
        assert layout.joints[layout.mirror[joint]] == image


@every_layout
def test_the_mirror_image_of_a_part_is_a_part_and_of_a_body_a_body(layout: Layout):
    parts = {frozenset(members) for members in layout.parts.values()}
    bodies = {frozenset(j for part in members for j in layout.parts[part]) for members in layout.bodies.values()}
    for groups in (parts, bodies):
        assert {frozenset(layout.mirror[list(group)].tolist()) for group in groups} == groups


@every_layout
def test_sides_are_given_left_first_and_the_spine_upwards(layout: Layout):
    left, right = layout.shoulders
    assert layout.joints[left].startswith("left")
    assert layout.mirror[left] == right
    low, high = layout.spine
    while high not in (low, layout.centre):
        high = layout.parents[high]
    assert high == low


def test_the_sizes_of_the_shipped_layouts():
    sizes = {name: (len(each.joints), len(each.parts), len(each.bodies)) for name, each in LAYOUTS.items()}
    assert sizes["ntu25"] == (25, 10, 5)
    assert sizes["kinect20"] == (20, 10, 5)


def test_the_parts_of_ntu25_are_those_of_the_paper():
    counted_from_one = {name: [joint + 1 for joint in part] for name, part in LAYOUTS["ntu25"].parts.items()}
    assert counted_from_one == {
        "spine": [1, 2, 21], "head": [3, 4],
        "left arm": [5, 6, 7], "left hand": [8, 22, 23],
        "right arm": [9, 10, 11], "right hand": [12, 24, 25],
        "left leg": [13, 14], "left foot": [15, 16],
        "right leg": [17, 18], "right foot": [19, 20],
    }  # fmt: skip


@pytest.mark.parametrize(("wrong", "advice"), [("ntu52", "Did you mean 'ntu25'?"), ("", "Choose one of")])
def test_an_unknown_name_is_answered_with_the_nearest(wrong: str, advice: str):
    with pytest.raises(LayoutError) as refusal:
        layout_by_name(wrong)
    assert advice in str(refusal.value)
