from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from psp.figures.layouts import draw_layouts, plot_layout, positions
from psp.skeleton.catalogue import layout_by_name, layout_names
from psp.skeleton.layout import Layout

LAYOUTS = {name: layout_by_name(name) for name in layout_names()}
STRANGER = Layout.from_graph(
    name="stranger",
    joints=("root", "neck", "left paw", "right paw", "tail"),
    bones=((1, 0), (2, 1), (3, 1), (4, 0)),
    mirror_pairs=((2, 3),),
    centre=0,
    shoulders=(2, 3),
    spine=(0, 1),
    parts={"trunk": (0, 1, 4), "left arm": (2,), "right arm": (3,)},
    bodies={"torso": ("trunk",), "arms": ("left arm", "right arm")},
)

every_layout = pytest.mark.parametrize("layout", [*LAYOUTS.values(), STRANGER], ids=lambda each: each.name)


@every_layout
def test_every_joint_has_a_place_of_its_own(layout: Layout):
    places = positions(layout)
    distances = np.linalg.norm(places[:, None] - places[None], axis=-1)
    assert (distances + 10 * np.eye(len(places))).min() > 0.5


@pytest.mark.parametrize("name", sorted(LAYOUTS.keys() - {"ap10k", "hand21", "hands42", "holistic75"}))
def test_human_layouts_stand_upright_facing_the_reader(name: str):
    layout = LAYOUTS[name]
    places = positions(layout)
    left, right = layout.shoulders or ()
    assert all(places[high, 1] > places[low, 1] for low, high in ([layout.spine] if layout.spine else []))
    assert places[left, 0] > 0 > places[right, 0]
    assert np.array_equal(places[layout.mirror], places * [-1, 1])


def test_joints_of_a_strange_layout_hang_below_their_parents():
    places = positions(STRANGER)
    assert all(places[child, 1] < places[parent, 1] for child, parent in STRANGER.bones)


@every_layout
def test_joints_are_numbered_and_parts_and_bodies_named(layout: Layout):
    axes = Figure().add_subplot()
    plot_layout(axes, layout)
    assert {text.get_text() for text in axes.texts} == {str(joint) for joint in range(len(layout.joints))}
    legend = axes.get_legend()
    assert legend is not None
    named = " ".join(text.get_text() for text in legend.get_texts())
    assert all(name in named for name in (*layout.parts, *layout.bodies))
    assert layout.name in axes.get_title()


def test_the_legend_covers_nothing():
    figure = Figure(figsize=(7, 6), layout="constrained")
    axes = figure.add_subplot()
    plot_layout(axes, LAYOUTS["ntu25"])
    figure.draw_without_rendering()
    legend = axes.get_legend()
    assert legend is not None
    assert legend.get_window_extent().x0 >= axes.get_window_extent().x1


@pytest.mark.parametrize("name", ["layouts.png", "layouts.svg"])
def test_the_figure_is_saved(tmp_path: Path, name: str):
    draw_layouts(tmp_path / name, [LAYOUTS["ntu25"], LAYOUTS["coco17"]])
    assert (tmp_path / name).stat().st_size > 1000
