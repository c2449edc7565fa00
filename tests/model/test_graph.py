import numpy as np
import pytest
import torch

from psp.model.encoder import EncoderConfig, make_encoder
from psp.model.graph import GraphConvolution, GraphEncoder, skeleton_maps
from psp.skeleton.catalogue import layout_by_name

KINECT20, NTU25 = layout_by_name("kinect20"), layout_by_name("ntu25")
BLOCKS = ((8, 8, 5, 2), (8, 12, 3, 2))


def convolution(inputs: int = 4, outputs: int = 6) -> GraphConvolution:
    torch.manual_seed(0)
    return GraphConvolution(inputs, outputs, skeleton_maps(KINECT20)).eval()


@pytest.mark.parametrize("layout", [KINECT20, NTU25], ids=lambda layout: layout.name)
@pytest.mark.parametrize("frames", [1, 2, 7, 20])
def test_every_joint_has_features_of_every_remaining_frame(layout, frames):
    config = EncoderConfig(BLOCKS, joints="graph")
    joints = len(layout.joints)
    features = make_encoder(layout, frames, config)(torch.randn(3, 3, frames, joints))
    assert features.shape == (3, config.width, config.frames_out(frames), joints)


@pytest.mark.parametrize("layout", [KINECT20, NTU25], ids=lambda layout: layout.name)
def test_the_maps_gather_from_oneself_the_parent_and_the_children(layout):
    places = torch.randn(2, len(layout.joints))
    itself, parent, children = places @ skeleton_maps(layout)
    assert torch.equal(itself, places)
    for joint, above in enumerate(layout.parents):
        below = [child for child in np.flatnonzero(layout.parents == joint) if child != joint]
        expected = places[:, above] if above != joint else torch.zeros(2)
        torch.testing.assert_close(parent[:, joint], expected)
        torch.testing.assert_close(children[:, joint], places[:, below].mean(1) if below else torch.zeros(2))


def test_a_graph_convolution_is_the_sum_over_its_maps():
    layer, x = convolution(), torch.randn(2, 4, 3, 20)
    weights, bias = layer.output.conv.weight[:, :, 0, 0].unflatten(1, (3, 4)), layer.output.conv.bias
    gathered = sum(torch.einsum("rctv,vw,dc->rdtw", x, layer.maps[k], weights[:, k]) for k in range(3))
    with_bias = layer.output.norm(gathered + bias[:, None, None])
    expected = torch.nn.functional.leaky_relu(layer.shortcut(x) + with_bias, 0.1)
    torch.testing.assert_close(layer(x), expected)


def test_a_graph_convolution_keeps_frames_apart_and_reaches_the_neighbours_only():
    layer, x = convolution(), torch.randn(1, 4, 5, 20)
    hand, elbow = KINECT20.hands[0], int(KINECT20.parents[KINECT20.parents[KINECT20.hands[0]]])
    wrist = int(KINECT20.parents[hand])
    changed = x.clone()
    changed[:, :, 2, wrist] += 1
    difference = (layer(changed) - layer(x)).abs().sum((0, 1))
    assert difference[[0, 1, 3, 4]].sum() == 0
    assert set(difference[2].nonzero()[:, 0].tolist()) == {elbow, wrist, hand}


def test_the_maps_have_gradients_for_joints_that_are_no_neighbours():
    layer = convolution().train()
    layer(torch.randn(8, 4, 5, 20)).square().sum().backward()
    assert layer.maps.grad is not None
    assert (layer.maps.grad != 0).all()


def test_the_unit_of_a_coordinate_changes_nothing():
    torch.manual_seed(0)
    net, x = GraphEncoder(KINECT20, BLOCKS).train(), torch.randn(16, 3, 8, 20)
    scaled = x * torch.rand(1, 3, 1, 20).add(0.5)
    with torch.no_grad():
        torch.testing.assert_close(net(scaled), net(x), rtol=1e-3, atol=1e-3)
