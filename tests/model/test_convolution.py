import pytest
import torch
from torch import nn

from psp.model.convolution import NormalisedConvolution, activation, initialise


def test_convolution_keeps_frames_and_thins_them_by_the_stride() -> None:
    x = torch.randn(2, 3, 9, 5)
    assert NormalisedConvolution(3, 4, length=7)(x).shape == (2, 4, 9, 5)
    assert NormalisedConvolution(3, 4, length=7, stride=(2, 1))(x).shape == (2, 4, 5, 5)


@pytest.mark.parametrize("stride", [(1, 1), (2, 1), (1, 2), (3, 2)])
def test_a_1x1_convolution_with_a_stride_is_that_of_pytorch(stride) -> None:
    layer, x = NormalisedConvolution(3, 4, stride=stride), torch.randn(2, 3, 9, 5)
    plain = nn.functional.conv2d(x, layer.conv.weight, layer.conv.bias, stride=stride)
    torch.testing.assert_close(layer(x), nn.functional.batch_norm(plain, None, None, training=True))


def test_no_1x1_convolution_is_strided() -> None:
    """Of few channels, going back through one corrupts the memory of oneDNN 3.12."""
    strided = [m for m in NormalisedConvolution(3, 4, stride=(2, 1)).modules() if isinstance(m, nn.Conv2d)]
    assert [convolution.stride for convolution in strided] == [(1, 1)]


def test_activation_is_leaky() -> None:
    assert activation()(torch.tensor([-1.0, 2.0])).tolist() == torch.tensor([-0.1, 2.0]).tolist()


def test_initialise_draws_with_the_variance_of_the_fan_out() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(64, 128, (7, 1)), nn.Linear(200, 300))
    initialise(network)
    convolution, linear = network
    assert abs(convolution.weight.var().item() * 128 * 7 / 2 - 1) < 0.05
    assert abs(linear.weight.var().item() * 500 / 2 - 1) < 0.05
    assert not linear.bias.any()
