import json
import pickle
from typing import Any

import numpy as np
import pytest

from psp.errors import LayoutError
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.layout import Layout

SMALL: dict[str, Any] = {
    "name": "small",
    "joints": ("hip", "neck", "left hand", "right hand"),
    "bones": ((1, 0), (2, 1), (3, 1)),
    "mirror_pairs": ((2, 3),),
    "centre": 0,
    "shoulders": (2, 3),
    "spine": (0, 1),
    "parts": {"trunk": (0, 1), "left arm": (2,), "right arm": (3,)},
    "bodies": {"torso": ("trunk",), "arms": ("left arm", "right arm")},
}

BROKEN = {
    "a joint named twice": ({"joints": ("hip", "neck", "hip", "right hand")}, "repeated: hip"),
    "a bone to nowhere": ({"bones": ((1, 0), (2, 1), (3, 9))}, "a bone names joint 9, which does not exist"),
    "an edge to nowhere": ({"edges": ((1, "foot"),)}, "an edge names joint 'foot', which does not exist"),
    "an edge to itself": ({"edges": ((1, 1),)}, "an edge joins joint 'neck' with itself"),
    "a negative joint": ({"spine": (0, -1)}, "spine names joint -1"),
    "no joints": ({"joints": ()}, "there are no joints"),
    "a joint without a bone": ({"bones": ((1, 0), (2, 1))}, "not a tree"),
    "a joint with two parents": ({"bones": ((1, 0), (2, 1), (3, 1), (3, 0))}, "not a tree"),
    "a loop": ({"bones": ((1, 0), (2, 3), (3, 2))}, "'left hand' is not connected to the centre"),
    "a bone from the centre": ({"bones": ((0, 1), (2, 1), (3, 1))}, "not a tree"),
    "a joint mirrored twice": ({"mirror_pairs": ((2, 3), (3, 2))}, "two mirror pairs"),
    "a joint that mirrors itself": ({"mirror_pairs": ((2, 2),)}, "two mirror pairs"),
    "asymmetric mirror pairs": ({"mirror_pairs": ((1, 3),)}, "mirror image of bone neck - hip is not a bone"),
    "shoulders that are no pair": ({"shoulders": (2, 1)}, "shoulders are not a mirror pair"),
    "one shoulder twice": ({"shoulders": (1, 1)}, "shoulders are not a mirror pair"),
    "hands that are no pair": ({"hands": (2, 1)}, "hands are not a mirror pair"),
    "an edge without a mirror image": ({"edges": ((0, 2),)}, "mirror image of edge hip - left hand is not an edge"),
    "a spine of one joint": ({"spine": (1, 1)}, "begins and ends at one joint"),
    "a joint in two parts": (
        {"parts": SMALL["parts"] | {"right arm": (2, 3)}},
        "joint 'left hand' is in 2 groups: 'left arm' and 'right arm'",
    ),
    "a joint twice in a part": (
        {"parts": SMALL["parts"] | {"left arm": (2, 2)}},
        "'left arm' and 'left arm'",
    ),
    "a joint in no part": ({"parts": SMALL["parts"] | {"trunk": (0,)}}, "joint 'neck' is in no part"),
    "a part of no joints": ({"parts": SMALL["parts"] | {"tail": ()}}, "part 'tail' is empty"),
    "a part of a missing joint": (
        {"parts": SMALL["parts"] | {"trunk": (0, 1, 7)}},
        "part 'trunk' names joint 7",
    ),
    "a part in no body": ({"bodies": {"torso": ("trunk", "left arm")}}, "part 'right arm' is in no body"),
    "a part in two bodies": (
        {"bodies": SMALL["bodies"] | {"torso": ("trunk", "left arm")}},
        "part 'left arm' is in 2 groups: 'torso' and 'arms'",
    ),
    "a body of a missing part": (
        {"bodies": SMALL["bodies"] | {"legs": ("leg",)}},
        "body 'legs' names part 'leg'",
    ),
}


@pytest.mark.parametrize(("change", "message"), BROKEN.values(), ids=BROKEN)
def test_an_inconsistent_definition_is_refused(change: dict[str, Any], message: str):
    with pytest.raises(LayoutError) as refusal:
        Layout.from_graph(**(SMALL | change))
    assert message in str(refusal.value)
    assert refusal.value.where == "layout 'small'"
    assert refusal.value.remedy


def test_the_tables_of_a_small_layout():
    layout = Layout.from_graph(**SMALL)
    assert layout.edges == ((0, 1), (1, 2), (1, 3))
    assert layout.parents.tolist() == [0, 0, 1, 1]
    assert layout.mirror.tolist() == [0, 1, 3, 2]
    assert layout.joint_to_part.tolist() == [[1, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1]]
    assert layout.part_to_body.tolist() == [[1, 0], [0, 1], [0, 1]]


def test_joints_are_given_by_name_or_number():
    numbers = Layout.from_graph(**SMALL)
    named: dict[str, Any] = {
        "bones": [["neck", "hip"], ["left hand", "neck"], ["right hand", "neck"]],
        "mirror_pairs": [["left hand", "right hand"]],
        "centre": "hip",
        "shoulders": ["left hand", "right hand"],
        "spine": ["hip", "neck"],
        "parts": {"trunk": ["hip", "neck"], "left arm": ["left hand"], "right arm": ["right hand"]},
    }
    assert Layout.from_graph(**(SMALL | named)) == numbers


def test_empty_ends_and_pairs_mean_that_there_are_none():
    joints = ("pelvis", "neck", "left shoulder", "right shoulder", "left wrist", "right wrist")
    edges = ((0, 1), (1, 2, 4), (1, 3, 5))
    layout = Layout.from_graph("bare", joints, edges, mirror_pairs=(), shoulders=(), spine=(), hands=())
    assert (layout.mirror_pairs, layout.shoulders, layout.spine, layout.hands) == ((), None, None, None)
    full = Layout.from_graph("full", joints, edges)
    assert (full.mirror_pairs, full.shoulders, full.spine, full.hands) == (((2, 3), (4, 5)), (2, 3), (0, 1), (4, 5))
    assert Layout.from_dict(layout.to_dict()) == layout


def test_of_two_ends_of_an_arm_the_right_one_mirrors_the_left_one():
    joints = ("hip", "left shoulder", "right shoulder", "left thumb", "right tip", "left tip", "right thumb")
    bones = ((1, 0), (2, 0), (3, 1), (5, 1), (4, 2), (6, 2))
    layout = Layout.from_graph("tips", joints, bones=bones, shoulders=(1, 2))
    assert layout.hands is not None
    assert [layout.joints[hand] for hand in layout.hands] == ["left thumb", "right thumb"]


def test_a_layout_cannot_be_changed():
    layout = Layout.from_graph(**SMALL)
    with pytest.raises(AttributeError):
        layout.name = "other"  # type: ignore[misc]
    with pytest.raises(TypeError):
        layout.parts["trunk"] = (0,)  # type: ignore[index]
    with pytest.raises(ValueError, match="read-only"):
        layout.mirror[0] = 1


def test_a_layout_does_not_follow_changes_of_the_mapping_it_was_made_from():
    parts = dict(SMALL["parts"])
    layout = Layout.from_graph(**(SMALL | {"parts": parts}))
    parts.clear()
    assert dict(layout.parts) == SMALL["parts"]


def test_layouts_are_equal_and_hash_alike_if_their_content_is():
    layout, derived = Layout.from_graph(**SMALL), Layout.from_graph(**(SMALL | {"mirror_pairs": None}))
    assert derived.derived != layout.derived
    assert derived == layout
    assert len({layout, derived, pickle.loads(pickle.dumps(layout)), Layout.from_dict(layout.to_dict())}) == 1
    others: list[dict[str, Any]] = [{"name": "other"}, {"spine": ()}, {"bodies": {"all": tuple(SMALL["parts"])}}]
    others.append({"parts": dict(reversed(SMALL["parts"].items()))})
    assert all(Layout.from_graph(**(SMALL | change)) != layout for change in others)
    assert layout != "small"


@pytest.mark.parametrize("name", ["ntu25", "coco17", "hand21"])
def test_a_layout_survives_pickling_and_json(name: str):
    layout = layout_by_name(name)
    again = pickle.loads(pickle.dumps(layout))
    assert again == layout == Layout.from_dict(json.loads(json.dumps(layout.to_dict())))
    assert again.derived == layout.derived
    assert np.array_equal(again.joint_to_part, layout.joint_to_part)
