import pytest
import torch
import torch.nn.functional as F

from psp.model.polymerise import LevelAttention, PyramidPolymerisingAttention, SequenceProjection, hand_down
from psp.model.pyramid import LEVELS, SkeletonPyramid
from psp.skeleton.catalogue import layout_by_name, layout_names
from psp.skeleton.layout import Layout

layouts = pytest.mark.parametrize("layout", [*map(layout_by_name, layout_names())], ids=layout_names())


def polymerising(layout: Layout, attention: str = "framewise") -> PyramidPolymerisingAttention:
    torch.manual_seed(0)
    levels = {level: LevelAttention(8, 2, 3, attention, "sqrt") for level in LEVELS}
    pyramid = SkeletonPyramid(layout, "parts")
    module = PyramidPolymerisingAttention(pyramid, levels, body_to_part=0.2, part_to_joint=0.12, body_to_joint=0.24)
    return module.double().eval()


@layouts
def test_polymerised_maps_against_loops_over_phi(layout: Layout) -> None:
    module = polymerising(layout)
    result = module(torch.randn(2, 8, 3, len(layout.joints)).double())
    body, part, joint = (result.raw_maps[level] for level in LEVELS)
    body_of, part_of = layout.body_of_part, layout.part_of_joint
    expected_part, expected_joint = part.clone(), joint.clone()
    for i in range(len(body_of)):
        for j in range(len(body_of)):
            expected_part[:, :, i, j] += 0.2 * body[:, :, body_of[i], body_of[j]]
    for i in range(len(part_of)):
        for j in range(len(part_of)):
            expected_joint[:, :, i, j] += 0.12 * part[:, :, part_of[i], part_of[j]]
            expected_joint[:, :, i, j] += 0.24 * body[:, :, body_of[part_of[i]], body_of[part_of[j]]]
    assert torch.equal(result.maps["body"], body)
    torch.testing.assert_close(result.maps["part"], expected_part)
    torch.testing.assert_close(result.maps["joint"], expected_joint)


@pytest.mark.parametrize("scale", ["sqrt", "product"])
def test_one_level_against_einsum(scale: str) -> None:
    torch.manual_seed(0)
    level = LevelAttention(8, 2, 3, "framewise", scale).double().eval()
    x = torch.randn(2, 8, 3, 5).double()
    query, key, value = level.query_key_value(x).view(2, 3, 2, 4, 3, 5).unbind(1)
    divisor = {"sqrt": 12**0.5, "product": 12}[scale]
    maps = torch.tanh(torch.einsum("rhcti,rhctj->rhij", query, key) / divisor)
    gathered = torch.einsum("rhij,rhctj->rhcti", maps, value).flatten(1, 2)
    expected = F.leaky_relu(level.feed_forward(gathered) + x, 0.1)
    attended, values = level.attend(x)
    torch.testing.assert_close(attended, maps)
    torch.testing.assert_close(level.gather(x, attended, values), expected)


def test_sequence_projection_is_one_linear_map_of_a_nodes_sequence() -> None:
    projection = SequenceProjection(4, 3)
    x = torch.randn(2, 4, 3, 5)
    expected = projection.linear(x[1, :, :, 2].flatten()).view(12, 3)
    torch.testing.assert_close(projection(x)[1, :, :, 2], expected)


@pytest.mark.parametrize("attention", ["framewise", "sequence"])
def test_only_the_wanted_levels_are_computed(attention: str) -> None:
    module = polymerising(layout_by_name("kinect20"), attention)
    x = torch.randn(2, 8, 3, 20).double()
    whole, part = module(x), module(x, ("part",))
    assert list(part.features) == ["part"]
    assert list(part.maps) == ["body", "part"]
    assert torch.equal(part.features["part"], whole.features["part"])


def test_attention_is_handed_down_as_a_function_of_groups_alone() -> None:
    member = torch.tensor([[1.0, 0], [1, 0], [0, 1]])
    maps = torch.tensor([[1.0, 2], [3, 4]]).expand(1, 1, 2, 2)
    assert hand_down(maps, member)[0, 0].tolist() == [[1, 1, 2], [1, 1, 2], [3, 3, 4]]
