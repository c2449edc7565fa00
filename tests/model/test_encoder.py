from typing import Literal

import pytest
import torch

from psp.errors import ConfigError
from psp.model.encoder import GRAPH, SIZES, Encoder, EncoderConfig, make_encoder
from psp.skeleton.catalogue import layout_by_name

NTU25 = layout_by_name("ntu25")
AS_BEST = EncoderConfig(GRAPH, joints="graph")
BLOCKS = ((8, 8, 2, 2), (8, 16, 4, 1), (16, 16, 4, 2))


@pytest.mark.parametrize("temporal", ["convolution", "attention"])
@pytest.mark.parametrize("frames", [7, 16])
def test_shape_of_the_features(temporal: str, frames: int) -> None:
    config = EncoderConfig(BLOCKS, heads=2, temporal=temporal)
    encoder = Encoder(20, 16, config)
    left = config.frames_out(frames)
    assert encoder(torch.randn(2, 3, frames, 20)).shape == (2, config.width, left, 20)
    assert left == {7: 2, 16: 4}[frames]


@pytest.mark.parametrize("frames", [50, 20])
@pytest.mark.parametrize("config", [EncoderConfig(SIZES["tiny"]), EncoderConfig(SIZES["small"]), AS_BEST])
def test_channels_lie_last_in_memory_through_all_blocks(config: EncoderConfig, frames: int) -> None:
    """Every second of 25 frames, 50 being halved twice, is a slice that PyTorch does not count as such."""
    encoder, seen = make_encoder(NTU25, frames, config), []
    for block in encoder.blocks:
        block.register_forward_hook(lambda _, __, features: seen.append(features))
    encoder(torch.randn(2, 3, frames, 25))
    assert all(each.is_contiguous(memory_format=torch.channels_last) for each in seen)


@pytest.mark.parametrize("size", SIZES)
def test_every_size_makes_an_encoder(size: str) -> None:
    config = EncoderConfig(SIZES[size])
    with torch.device("meta"):
        assert Encoder(25, 32, config)(torch.randn(2, 3, 32, 25)).shape == (2, config.width, 8, 25)


def test_the_joints_map_starts_at_one_over_v() -> None:
    block = Encoder(20, 16, EncoderConfig(BLOCKS)).blocks[0]
    assert torch.equal(block.spatial.global_map, torch.full((1, 4, 20, 20), 1 / 20))


def test_gradients_reach_every_weight() -> None:
    for temporal in ("convolution", "attention"):
        encoder = Encoder(20, 8, EncoderConfig(BLOCKS, temporal=temporal, temporal_map=True, dropout=0.1))
        encoder(torch.randn(4, 3, 8, 20)).square().sum().backward()
        assert all(weight.grad is not None for weight in encoder.parameters())
        assert encoder.blocks[0].spatial.query_key.weight.grad.any()


@pytest.mark.parametrize("joints", ["graph", "together"])
def test_a_filter_needs_a_middle_frame(joints: Literal["graph", "together"]) -> None:
    with pytest.raises(ConfigError, match="has 4 frames, an even number"):
        EncoderConfig(((8, 8, 5, 1), (8, 8, 4, 2)), joints=joints)


@pytest.mark.parametrize("blocks", [(), ((8, 8, 2, 0),), ((8, 8, 2, 1), (16, 16, 2, 1))])
def test_impossible_blocks_are_refused(blocks: tuple) -> None:
    with pytest.raises(ConfigError):
        EncoderConfig(blocks)
