from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from psp.evaluate.attention import MEASURES, ClipAttention
from psp.figures.attention_maps import (
    LARGEST,
    SMALLEST,
    areas,
    attention_figure,
    draw_attention_maps,
    node_of_joint,
    order_of,
    plot_map,
    plot_pose,
)  # fmt: skip
from psp.figures.layouts import positions
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Clip, ClipInfo

NAMES = ("ntu25", "kinect20", "coco17")
every_layout = pytest.mark.parametrize("layout", [layout_by_name(name) for name in NAMES], ids=NAMES)


@every_layout
@pytest.mark.parametrize("level", ["body", "part", "joint"])
def test_nodes_of_a_body_stand_together(layout: Layout, level: str):
    order, names, body = order_of(level, layout)
    assert sorted(order.tolist()) == list(range(len(names)))
    assert np.array_equal(np.sort(body), body)
    assert names == [tuple(getattr(layout, {"body": "bodies"}.get(level, f"{level}s")))[node] for node in order]


@every_layout
def test_every_joint_belongs_to_its_part_and_body(layout: Layout):
    for level, groups in (("part", layout.parts), ("body", layout.bodies)):
        named = [list(groups)[node] for node in node_of_joint(level, layout)]
        assert all(named[joint] in groups for joint in range(len(layout.joints)))
    parts = [list(layout.parts)[node] for node in node_of_joint("part", layout)]
    assert all(joint in layout.parts[part] for joint, part in enumerate(parts))


def test_areas_grow_from_the_least_to_the_most_important():
    assert areas(np.array([0.2, 0.4, 0.3])).tolist() == pytest.approx([SMALLEST, LARGEST, (SMALLEST + LARGEST) / 2])
    assert areas(np.ones(3)).tolist() == [LARGEST] * 3


def test_rows_are_named_and_drawn_in_the_same_order():
    layout, axes = layout_by_name("ntu25"), Figure().add_subplot()
    weights = np.arange(625.0).reshape(25, 25)
    plot_map(axes, weights, "joint", layout, (0, 625))
    names = [label.get_text() for label in axes.get_yticklabels()]
    shown = names.index("left hand tip")
    tip = layout.joints.index("left hand tip")
    assert axes.get_images()[0].get_array()[shown, shown] == weights[tip, tip]


def test_the_second_pose_carries_the_circles():
    layout, axes = layout_by_name("kinect20"), Figure().add_subplot()
    poses = np.stack([positions(layout), positions(layout) + 1])
    plot_pose(axes, poses, np.full(20, 9.0), layout)
    assert np.array_equal(axes.collections[0].get_offsets(), poses[1])


def attention(name: str, layout: Layout, persons: int) -> ClipAttention:
    draw = np.random.default_rng(len(name))
    pose = np.concatenate([positions(layout), np.zeros((len(layout.joints), 1))], axis=1)
    joints = (pose + draw.normal(0, 1, (persons, 7, 1, 3))).astype(np.float32)
    sizes = {"body": len(layout.bodies), "part": len(layout.parts), "joint": len(layout.joints)}
    maps = {level: draw.uniform(-1, 1, (persons, 4, size, size)) for level, size in sizes.items()}
    return ClipAttention(Clip(ClipInfo(name), joints), "sit down", maps, maps)


@pytest.mark.parametrize(("measure", "kind"), zip(MEASURES, (".png", ".svg"), strict=True))
def test_the_figure_is_saved(tmp_path: Path, measure: str, kind: str):
    layout, path = layout_by_name("ntu25"), tmp_path / f"attention{kind}"
    clips = [attention("one", layout, 1), attention("three", layout, 2)]
    draw_attention_maps(path, clips, layout, measure=measure, head=1, note="A note.")
    assert path.stat().st_size > 20_000


def test_a_saturated_map_is_named_and_not_drawn():
    layout = layout_by_name("kinect20")
    clip = attention("one", layout, 1)
    clip.maps["part"][:] = -0.5
    figure = attention_figure([clip], layout)
    panels = [axes for each in figure.subfigs for axes in each.axes if axes.get_title()]
    assert [len(axes.get_images()) for axes in panels] == [1, 0, 1]
    assert "every entry is -0.50" in panels[1].texts[0].get_text()


def test_levels_that_were_not_trained_are_left_out(tmp_path: Path):
    layout, path = layout_by_name("kinect20"), tmp_path / "attention.png"
    clip = attention("one", layout, 1)
    del clip.maps["joint"]
    draw_attention_maps(path, [clip], layout)
    assert path.exists()
