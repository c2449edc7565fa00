import torch
import torch.nn.functional as F

from psp.model.attention import SelfAttention


def layer(**changes) -> SelfAttention:
    torch.manual_seed(0)
    options = {"global_map": torch.rand(4, 4), "project": True, **changes}
    return SelfAttention(6, 10, 3, 2, 4, **options).double().eval()


def test_maps_against_loops() -> None:
    attention = layer()
    attention.gain.data = torch.tensor([0.5, 2.0]).double().view(1, 2, 1, 1)
    x = torch.randn(2, 6, 5, 4).double()
    maps = attention.attention(x)
    projected = attention.query_key(attention.position(x))
    query, key = projected[:, :6], projected[:, 6:]
    for r, h, i, j in ((0, 0, 1, 2), (1, 1, 3, 0), (1, 0, 2, 2)):
        channels = slice(3 * h, 3 * h + 3)
        product = (query[r, channels, :, i] * key[r, channels, :, j]).sum()
        expected = torch.tanh(product / 15) * attention.gain[0, h, 0, 0] + attention.global_map[0, h, i, j]
        assert torch.allclose(maps[r, h, i, j], expected)


def test_features_against_einsum() -> None:
    attention = layer()
    x = torch.randn(2, 6, 5, 4).double()
    gathered = torch.einsum("rcsi,rhij->rhcsj", x, attention.attention(x)).flatten(1, 2)
    y = F.leaky_relu(attention.attention_shortcut(x) + attention.output(gathered), 0.1)
    expected = F.leaky_relu(attention.shortcut(x) + attention.feed_forward(y), 0.1)
    assert torch.allclose(attention(x), expected)


def test_shortcuts_without_projection_pass_x_on() -> None:
    attention = SelfAttention(6, 6, 3, 2, 4, global_map=None, project=False).eval()
    for part in (attention.output, attention.feed_forward):
        torch.nn.init.zeros_(part.norm.weight)
    x = torch.randn(2, 6, 5, 4)
    assert torch.allclose(attention(x), F.leaky_relu(x, 0.1))


def test_the_learnt_map_is_the_same_in_every_head_at_the_start() -> None:
    start = torch.rand(4, 4)
    assert torch.equal(layer(global_map=start).global_map[0, 1].float(), start)
    assert layer(global_map=None).global_map is None


def test_the_stride_thins_out_the_last_axis() -> None:
    assert layer(stride=2)(torch.randn(2, 6, 5, 4).double()).shape == (2, 10, 5, 2)
