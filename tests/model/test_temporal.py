import pytest
import torch

from psp.model.temporal import TemporalAttention, TemporalConvolution


def attention(*, learnt_map: bool = False, stride: int = 1) -> TemporalAttention:
    return TemporalAttention(6, 3, 2, 8, stride=stride, project=stride != 1, learnt_map=learnt_map, dropout=0.0).eval()


@pytest.mark.parametrize("stride", [1, 2])
def test_both_mix_frames_and_keep_joints_apart(stride: int) -> None:
    x = torch.randn(2, 6, 8, 5)
    changed = x.clone()
    changed[:, :, 0, 3] += 1
    convolution = TemporalConvolution(6, stride=stride, project=stride != 1).eval()
    difference = (convolution(changed) - convolution(x)).abs().sum((0, 1))
    assert difference.shape == (8 // stride, 5)
    assert difference[:, [0, 1, 2, 4]].sum() == 0
    assert difference[: 4 // stride, 3].all()
    assert attention(stride=stride)(x).shape == (2, 6, 8 // stride, 5)


def test_attention_reaches_from_the_first_frame_to_the_last() -> None:
    layer, x = attention(), torch.randn(1, 6, 8, 5)
    changed = x.clone()
    changed[:, :, 0] += 1
    assert (layer(changed) - layer(x))[:, :, -1].abs().min() > 0


def test_without_a_learnt_map_any_number_of_frames_will_do() -> None:
    assert attention()(torch.randn(1, 6, 19, 5)).shape == (1, 6, 19, 5)


def test_the_learnt_map_starts_as_the_identity() -> None:
    assert torch.equal(attention(learnt_map=True).global_map[0, 0], torch.eye(8))
