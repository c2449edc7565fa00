import pytest
import torch

from psp.model.encoder import EncoderConfig, encoder_of_size, make_encoder
from psp.model.whole_body import WholeBodyEncoder
from psp.skeleton.catalogue import layout_by_name

KINECT20 = layout_by_name("kinect20")
BLOCKS = ((8, 8, 5, 2), (8, 12, 3, 2))


def encoder() -> WholeBodyEncoder:
    torch.manual_seed(0)
    return WholeBodyEncoder(20, BLOCKS).eval()


@pytest.mark.parametrize("frames", [1, 2, 7, 20])
def test_every_joint_has_features_of_every_remaining_frame(frames):
    config = EncoderConfig(BLOCKS, joints="together")
    features = make_encoder(KINECT20, frames, config)(torch.randn(3, 3, frames, 20))
    assert features.shape == (3, config.width, config.frames_out(frames), 20)


def test_all_joints_share_the_body_and_each_has_its_own_part():
    net, x = encoder(), torch.randn(1, 3, 8, 20)
    moved = x.clone()
    moved[:, :, :, 7] += 1
    with torch.no_grad():
        own = net.own(moved) - net.own(x)
        net.own.conv.weight.zero_()
        features, still = net(moved), net(x)
    assert own[..., 7].abs().max() > 0
    assert own[..., :7].abs().max() == 0
    assert not torch.allclose(features, still)
    torch.testing.assert_close(features, features[..., :1].expand_as(features))


def test_joints_that_move_alike_are_told_apart_by_the_learnt_part():
    net = encoder()
    with torch.no_grad():
        net.joint.normal_()
        features = net(torch.zeros(1, 3, 8, 20))
    assert not torch.allclose(features[..., 3], features[..., 4])


def test_only_the_size_light_sees_joints_together():
    assert encoder_of_size("light").joints == "together"
    assert {encoder_of_size(size).joints for size in ("tiny", "small", "full")} == {"attention"}
