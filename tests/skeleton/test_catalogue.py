from pathlib import Path

import numpy as np
import pytest
import yaml

from psp.errors import LayoutError
from psp.skeleton.catalogue import layout_by_name, layout_names, open_layout
from psp.skeleton.layout import Layout
from psp.skeleton.names import canonical

every_layout = pytest.mark.parametrize("layout", [layout_by_name(name) for name in layout_names()], ids=layout_names())

SIZES = {
    "ap10k": 17, "coco17": 17, "coco18": 18, "h36m17": 17, "halpe26": 26, "hand21": 21, "hands42": 42,
    "holistic75": 75, "jhmdb15": 15, "kinect20": 20, "kinect32": 32, "mediapipe33": 33, "ntu25": 25, "openpose25": 25,
    "smpl24": 24,
}  # fmt: skip

OLD_PARENTS = {
    "ntu25": [0, 0, 20, 2, 20, 4, 5, 6, 20, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18, 1, 7, 6, 11, 10],
    "kinect20": [0, 0, 1, 2, 2, 4, 5, 6, 2, 8, 9, 10, 0, 12, 13, 14, 0, 16, 17, 18],
}


def test_the_built_in_layouts_and_their_numbers_of_joints():
    assert {name: len(layout_by_name(name).joints) for name in layout_names()} == SIZES


@every_layout
def test_the_name_finds_the_layout(layout: Layout):
    assert layout_by_name(layout.name) is layout
    assert open_layout(layout.name) is layout
    assert open_layout(layout) is layout


@every_layout
def test_mirroring_swaps_left_and_right_in_names_tree_parts_and_bodies(layout: Layout):
    mirror = layout.mirror
    assert np.array_equal(mirror[mirror], np.arange(len(mirror)))
    for joint, name in enumerate(layout.joints):
        swapped = {"left": "right", "right": "left"}
        image = " ".join(swapped.get(word, word) for word in canonical(name).split())
        assert canonical(layout.joints[mirror[joint]]) == image
    if mirror[layout.centre] == layout.centre:  # two hands have no joint between them
        assert np.array_equal(layout.parents[mirror], mirror[layout.parents])
    parts = {frozenset(members) for members in layout.parts.values()}
    bodies = {frozenset(j for part in members for j in layout.parts[part]) for members in layout.bodies.values()}
    for groups in (parts, bodies):
        assert {frozenset(mirror[list(group)].tolist()) for group in groups} == groups


@every_layout
def test_sides_are_given_left_first_and_the_spine_upwards(layout: Layout):
    for pair in (layout.shoulders, layout.hands):
        assert pair is None or canonical(layout.joints[pair[0]]).startswith("left")
    for left, _ in layout.mirror_pairs:
        assert canonical(layout.joints[left]).startswith("left")
    if layout.spine and layout.centre == layout.spine[0]:
        low, high = layout.spine
        while high not in (low, layout.centre):
            high = layout.parents[high]
        assert high == low


@pytest.mark.parametrize("name", OLD_PARENTS)
def test_kinect_layouts_have_ten_parts_five_bodies_and_their_tree(name: str):
    layout = layout_by_name(name)
    assert layout.parents.tolist() == OLD_PARENTS[name]
    assert (len(layout.parts), len(layout.bodies), layout.centre) == (10, 5, 0)


def test_the_parts_of_ntu25_are_those_of_the_paper():
    counted_from_one = {name: [joint + 1 for joint in part] for name, part in layout_by_name("ntu25").parts.items()}
    assert counted_from_one == {
        "spine": [1, 2, 21], "head": [3, 4],
        "left arm": [5, 6, 7], "left hand": [8, 22, 23],
        "right arm": [9, 10, 11], "right hand": [12, 24, 25],
        "left leg": [13, 14], "left foot": [15, 16],
        "right leg": [17, 18], "right foot": [19, 20],
    }  # fmt: skip


@pytest.mark.parametrize(("wrong", "advice"), [("ntu52", "Did you mean 'ntu25'?"), ("", "Choose one of")])
def test_an_unknown_name_is_answered_with_the_nearest(wrong: str, advice: str):
    with pytest.raises(LayoutError, match="there is no layout") as refusal:
        open_layout(wrong)
    assert advice in str(refusal.value)


@every_layout
def test_a_layout_survives_yaml(layout: Layout, tmp_path: Path):
    file = tmp_path / "again.yaml"
    file.write_text(yaml.safe_dump(layout.to_dict(), sort_keys=False))
    assert open_layout(file) == layout
    assert open_layout(str(file)) == layout


def test_names_and_edges_are_enough_and_the_file_gives_the_name(tmp_path: Path):
    file = tmp_path / "puppet.yaml"
    file.write_text("joints: [hip, l_foot, r_foot]\nedges: [[l_foot, hip, r_foot]]\n")
    layout = open_layout(file)
    assert (layout.name, layout.centre, layout.mirror_pairs) == ("puppet", 0, ((1, 2),))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("joints: [a, b\n", "not YAML"),
        ("- a\n", "not a mapping"),
        ("edges: []\n", "no list of joints"),
        ("joints: abc\n", "no list of joints"),
        ("joints: [a, on]\nedges: [[0, 1]]\n", "True is not text"),
        ("joints: [a, b]\nedge: [[a, b]]\n", "no key 'edge'. Use edges"),
        ("joints: [a, bee]\nedges: [[a, be]]\n", "'be', which does not exist. Did you mean 'bee'"),
        ("joints: [a, b]\nedges: [a, b]\n", "edge is 'a', which is not a list"),
        ("joints: [a, b]\nedges: 7\n", "edges is 7, which is not a list"),
        ("joints: [a, b]\nedges: [[a]]\n", "fewer than two joints"),
        ("joints: [a, b]\nedges: [[a, b]]\nspine: [a]\n", "spine names 1 joints"),
        ("joints: [a, b]\nedges: [[a, b]]\nparts: [a]\n", "parts is ['a'], which is not a mapping"),
        ("joints: [a, b]\nedges: [[a, b]]\nparts: {all: a}\n", "all is 'a', which is not a list"),
        ("joints: [a, b]\nedges: [[a, b]]\ncentre: [a]\n", "the centre names joint ['a']"),
        ("joints: [a, b]\nbones: [[b, a, b]]\n", "a bone does not name two joints"),
    ],
)
def test_a_faulty_file_is_one_sentence_that_names_it(tmp_path: Path, text: str, message: str):
    file = tmp_path / "faulty.yaml"
    file.write_text(text)
    with pytest.raises(LayoutError) as refusal:
        open_layout(file)
    assert message in str(refusal.value)
    assert refusal.value.where == str(file)
    assert refusal.value.remedy


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path):
    (tmp_path / "binary.yaml").write_bytes(b"\x89\xff")
    for path in (tmp_path / "absent.yaml", tmp_path / "binary.yaml", tmp_path):
        with pytest.raises(LayoutError, match="cannot be read") as refusal:
            open_layout(path)
        assert refusal.value.where == str(path)
