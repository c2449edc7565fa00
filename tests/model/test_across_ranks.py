import torch

from psp.distributed import of_every_rank, rank_count, sum_of_ranks
from ranks import on_two_ranks


def exchanged(rank: int) -> tuple[int, torch.Tensor, torch.Tensor]:
    own = torch.arange(6.0).reshape(2, 3).T + 10 * rank
    return rank_count(), of_every_rank(own), sum_of_ranks(own)


def test_alone_everything_is_ones_own():
    value = torch.arange(3.0, requires_grad=True)
    assert rank_count() == 1
    assert torch.equal(of_every_rank(value), value.detach()[None])
    total = sum_of_ranks(value)
    assert torch.equal(total, value.detach())
    assert total.data_ptr() != value.data_ptr()
    assert not total.requires_grad


def test_two_ranks_know_each_others_values_in_order(tmp_path):
    own = torch.arange(6.0).reshape(2, 3).T
    for count, every, total in on_two_ranks(exchanged, tmp_path):
        assert count == 2
        assert torch.equal(every, torch.stack([own, own + 10]))
        assert torch.equal(total, 2 * own + 10)
