"""The encoders of comparison systems: shapes, gradients, and what each of them cannot or must distinguish."""

import pytest
import torch

from psp.errors import ConfigError
from psp.methods import METHODS
from psp.model.decoder import JointDecoder
from psp.model.encoder import EncoderConfig, make_encoder
from psp.model.points import EdgeConvolution
from psp.skeleton.catalogue import layout_by_name

LAYOUT = layout_by_name("kinect20")
BLOCKS = ((4, 8, 3, 2), (8, 6, 3, 1))
KINDS = ("recurrent", "limbs", "filters", "points")


def encoder_of(kind: str, **options):
    torch.manual_seed(0)
    return make_encoder(LAYOUT, 9, EncoderConfig(BLOCKS, joints=kind, **options))


@pytest.mark.parametrize("kind", KINDS)
def test_features_of_every_second_frame_and_every_joint(kind):
    encoder, x = encoder_of(kind), torch.randn(3, 3, 9, 20)
    config = EncoderConfig(BLOCKS, joints=kind)
    found = encoder(x)
    assert found.shape == (3, config.width, config.frames_out(9), 20)
    found.square().sum().backward()
    assert all(weight.grad is not None for weight in encoder.parameters())
    encoder.eval()
    torch.testing.assert_close(encoder(x)[1:2], encoder(x[1:2]), msg="rows do not interact in evaluation mode")


def test_recurrent_cells_are_gru_or_lstm():
    sizes = {
        cell: sum(w.numel() for w in encoder_of("recurrent", cell=cell).blocks.parameters()) for cell in ("gru", "lstm")
    }
    assert 3 * sizes["lstm"] == 4 * sizes["gru"]


def test_recurrent_layers_need_an_even_number_of_outputs():
    with pytest.raises(ConfigError, match="odd number"):
        EncoderConfig(((4, 7, 1, 1),), joints="recurrent")


def test_a_point_cloud_has_no_order():
    encoder, x = encoder_of("points").eval(), torch.randn(2, 3, 5, 20)
    order = torch.randperm(20)
    torch.testing.assert_close(encoder(x[..., order]), encoder(x)[..., order])


def test_edge_convolution_is_the_maximum_over_edges_of_the_nearest_points():
    torch.manual_seed(0)
    layer, x = EdgeConvolution(3, 4, 2).eval(), torch.randn(1, 6, 3)
    near = torch.cdist(x, x)[0].argsort(dim=1)[:, :2]
    wanted = []
    for point in range(6):
        edges = [layer.own(x[0, point]) + layer.other(x[0, other] - x[0, point]) for other in near[point]]
        wanted.append(torch.stack(edges).amax(dim=0))
    scale = (1 + layer.norm.eps) ** -0.5
    torch.testing.assert_close(layer(x)[0], torch.nn.functional.leaky_relu(scale * torch.stack(wanted), 0.1))


def test_embeddings_of_poses_are_bounded():
    embedded = encoder_of("limbs").embed(100 * torch.randn(2, 3, 9, 20))
    assert embedded.shape == (2, 9, 4)
    assert float(embedded.detach().abs().max()) <= 1


def test_the_decoder_returns_every_frame_and_joint():
    decoder = JointDecoder(6, 5, 20, 9)
    assert decoder(torch.randn(2, 6, 3, 20)).shape == (2, 5, 9, 20)


def test_methods_that_are_an_encoder_design_bring_theirs():
    own = {name: kind.own_encoder.joints for name, kind in METHODS.items() if kind.own_encoder}
    wanted = {"colorization": "points", "longt-gan": "recurrent", "holden": "filters", "engan-pose-rnn": "limbs"}
    assert wanted.items() <= own.items()
