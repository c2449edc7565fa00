import pytest
import torch

from psp.model.pyramid import SkeletonPyramid, group_mean
from psp.skeleton.catalogue import layout_by_name, layout_names
from psp.skeleton.layout import Layout

layouts = pytest.mark.parametrize("layout", [*map(layout_by_name, layout_names())], ids=layout_names())


def joints_of(layout: Layout, body: str) -> list[int]:
    return [joint for part in layout.bodies[body] for joint in layout.parts[part]]


@layouts
def test_parts_are_means_of_their_joints(layout: Layout) -> None:
    x = torch.randn(2, 3, 4, len(layout.joints)).double()
    levels = SkeletonPyramid(layout, "parts").double()(x)
    assert levels["joint"] is x
    for number, joints in enumerate(layout.parts.values()):
        assert torch.allclose(levels["part"][..., number], x[..., list(joints)].mean(-1))


@layouts
def test_bodies_are_means_of_parts_or_of_joints(layout: Layout) -> None:
    x = torch.randn(2, 3, 4, len(layout.joints)).double()
    by_parts = SkeletonPyramid(layout, "parts").double()(x)
    by_joints = SkeletonPyramid(layout, "joints").double()(x)
    parts = list(layout.parts)
    for number, (body, members) in enumerate(layout.bodies.items()):
        mean_of_parts = by_parts["part"][..., [parts.index(part) for part in members]].mean(-1)
        assert torch.allclose(by_parts["body"][..., number], mean_of_parts)
        mean_of_joints = x[..., joints_of(layout, body)].mean(-1)
        assert torch.allclose(by_joints["body"][..., number], mean_of_joints)


def test_the_two_ways_differ_only_where_parts_are_unequal() -> None:
    for name, equal in (("ntu25", False), ("kinect20", True)):
        layout = layout_by_name(name)
        x = torch.randn(1, 2, 3, len(layout.joints)).double()
        bodies = [SkeletonPyramid(layout, way).double()(x)["body"] for way in ("parts", "joints")]
        assert torch.allclose(*bodies) == equal


def test_the_pyramid_stores_no_weights() -> None:
    assert not SkeletonPyramid(layout_by_name("ntu25"), "parts").state_dict()


def test_group_mean_of_equal_values_is_exact() -> None:
    member = torch.tensor([[1.0, 0], [1, 0], [1, 0], [0, 1]])
    assert group_mean(torch.full((1, 2, 1, 4), 0.5), member).tolist() == [[[[0.5, 0.5]], [[0.5, 0.5]]]]
