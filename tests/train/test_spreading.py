import torch

from psp.train import spreading
from psp.train.spreading import spread_labels


def circles(clips: int = 40) -> tuple[torch.Tensor, torch.Tensor]:
    """Two bundles of directions, interleaved; the second half of each lies beyond the first."""
    label = torch.arange(clips) % 2
    angle = torch.linspace(0, 1, clips) + 3 * label
    return torch.stack([angle.cos(), angle.sin()], dim=1), label


def test_one_label_a_bundle_reaches_all_of_it():
    features, label = circles()
    spread = spread_labels(features, torch.tensor([0, 1]), torch.tensor([0, 1]), 2)
    assert torch.equal(spread.argmax(dim=1), label)
    torch.testing.assert_close(spread.sum(dim=1), torch.ones(40))


def test_it_comes_close_to_the_rest_of_the_closed_form(monkeypatch):
    monkeypatch.setattr(spreading, "CHUNK", 7)
    features = torch.randn(30, 6, generator=torch.Generator().manual_seed(0))
    labelled, labels = torch.tensor([3, 8, 20]), torch.tensor([0, 1, 2])
    similarity = torch.nn.functional.normalize(features) @ torch.nn.functional.normalize(features).T
    similarity.fill_diagonal_(-1)
    nearest = similarity.topk(10, dim=1)
    weight = torch.zeros(30, 30).scatter_(1, nearest.indices, nearest.values.clamp(min=0) ** 4)
    weight = (weight + weight.T) / 2
    root = weight.sum(dim=1).rsqrt()
    start = torch.zeros(30, 3)
    start[labelled, labels] = 1
    rest = torch.linalg.solve(torch.eye(30) - 0.9 * root[:, None] * weight * root, start)
    expected = rest / rest.sum(dim=1, keepdim=True)
    torch.testing.assert_close(spread_labels(features, labelled, labels, 3), expected, atol=1e-4, rtol=1e-3)


def test_about_a_clip_that_nothing_reaches_nothing_is_said():
    features = torch.tensor([[1.0, 0.0], [1.0, 0.1], [-1.0, 0.0]])
    spread = spread_labels(features, torch.tensor([0]), torch.tensor([1]), 4)
    assert not spread[2].any()
