import torch

from psp.model.nodes import by_channel, by_node, from_heads


def test_features_seen_node_by_node_and_back() -> None:
    x = torch.randn(2, 3, 4, 5)
    nodes = by_node(x)
    assert torch.equal(nodes[1, 4, 2], x[1, :, 2, 4])
    back = by_channel(nodes)
    assert torch.equal(back, x)
    assert back.is_contiguous(memory_format=torch.channels_last)


def test_heads_are_joined_one_after_the_other_with_the_channels_last_in_memory() -> None:
    x = torch.randn(2, 5, 3, 4, 6)
    joined = from_heads(x)
    assert torch.equal(joined[1, 2 * 6 + 5, 3, 4], x[1, 4, 2, 3, 5])
    assert joined.shape == (2, 18, 4, 5)
    assert joined.is_contiguous(memory_format=torch.channels_last)
