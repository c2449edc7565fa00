import warnings

import torch

from psp.loss.gather import clips_of_ranks, gather_ranks
from psp.loss.ntxent import ntxent
from ranks import on_two_ranks

SHARES = (slice(0, 4), slice(4, 6))


def features(seed: int) -> torch.Tensor:
    return torch.randn(2, 6, 5, generator=torch.Generator().manual_seed(seed))


def gathered(rank: int) -> tuple[list[int], torch.Tensor, torch.Tensor, torch.Tensor]:
    warnings.simplefilter("error")
    views = features(0)[:, SHARES[rank]].clone().requires_grad_()
    every = gather_ranks(views[0])
    ntxent(every, gather_ranks(views[1]), 0.1).backward()
    labels = gather_ranks(torch.arange(6)[SHARES[rank]])
    gradient = views.grad / 2  # every rank computes the whole loss; training averages over ranks
    return clips_of_ranks(views.shape[1]), every.detach(), labels, gradient


def test_alone_nothing_is_gathered():
    value = torch.randn(3, 2)
    assert gather_ranks(value) is value
    assert clips_of_ranks(3) == [3]


def test_two_ranks_with_unequal_shares_contrast_all_clips(tmp_path):
    whole = features(0).requires_grad_()
    ntxent(whole[0], whole[1], 0.1).backward()
    results = on_two_ranks(gathered, tmp_path)
    for counts, every, labels, _ in results:
        assert counts == [4, 2]
        assert torch.equal(every, features(0)[0])
        assert labels.tolist() == [0, 1, 2, 3, 4, 5]
    torch.testing.assert_close(torch.cat([gradient for *_, gradient in results], dim=1), whole.grad)
