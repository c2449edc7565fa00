import warnings
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import nn

from psp.distributed import Ranks, clips_of_ranks, gather_ranks, of_every_rank, rank_count, rank_index, sum_of_ranks
from psp.errors import ConfigError
from psp.loss.ntxent import ntxent
from ranks import on_two_ranks

SHARES = (slice(0, 4), slice(4, 6))
CPU = torch.device("cpu")


@dataclass(frozen=True)
class Numbers:
    numbers: list[int]

    def share(self, rank: int, ranks: int) -> "Numbers":
        return Numbers(self.numbers[rank::ranks])


def features(seed: int) -> torch.Tensor:
    return torch.randn(2, 6, 5, generator=torch.Generator().manual_seed(seed))


def exchanged(rank: int) -> tuple[int, int, torch.Tensor, torch.Tensor]:
    own = torch.arange(6.0).reshape(2, 3).T + 10 * rank
    return rank_count(), rank_index(), of_every_rank(own), sum_of_ranks(own)


def gathered(rank: int) -> tuple[list[int], torch.Tensor, torch.Tensor, torch.Tensor]:
    modalities = features(0)[:, SHARES[rank]].clone().requires_grad_()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        every = gather_ranks(modalities[0])
        ntxent(every, gather_ranks(modalities[1]), 0.1).backward()
    labels = gather_ranks(torch.arange(6)[SHARES[rank]])
    gradient = modalities.grad / 2  # every rank computes the whole loss; training averages over ranks
    return clips_of_ranks(modalities.shape[1]), every.detach(), labels, gradient


def ranked(rank: int) -> dict[str, object]:
    ranks = Ranks(CPU)
    network = nn.Linear(2, 1)
    network(torch.tensor([[1.0, 2.0]]) * (1 + rank)).sum().backward()
    ranks.average_gradients(network)
    ranks.wait()
    refusal = ""
    try:
        ranks.check(7, 1)
    except ConfigError as error:
        refusal = str(error)
    return {
        "who": [ranks.count, ranks.index, ranks.is_main],
        "gradient": network.weight.grad,
        "largest": ranks.largest(rank, 5 - rank),
        "share": ranks.share(Numbers([0, 1, 2, 3, 4])).numbers,
        "refusal": refusal,
    }


def on_rank(rank: int) -> dict[str, Any]:
    return {"exchanged": exchanged(rank), "gathered": gathered(rank), "ranked": ranked(rank)}


@pytest.fixture(scope="module")
def ranks(tmp_path_factory) -> list[dict[str, Any]]:
    """What each of two ranks found; they are started once for all tests."""
    return on_two_ranks(on_rank, tmp_path_factory.mktemp("ranks"))


def test_one_process_alone_exchanges_nothing():
    value = torch.arange(3.0, requires_grad=True)
    assert (rank_count(), rank_index()) == (1, 0)
    assert torch.equal(of_every_rank(value), value.detach()[None])
    total = sum_of_ranks(value)
    assert torch.equal(total, value.detach())
    assert total.data_ptr() != value.data_ptr()
    assert not total.requires_grad
    assert gather_ranks(value) is value
    assert clips_of_ranks(3) == [3]


def test_two_ranks_know_each_others_values_in_order(ranks):
    own = torch.arange(6.0).reshape(2, 3).T
    for number, (count, index, every, total) in enumerate(found["exchanged"] for found in ranks):
        assert (count, index) == (2, number)
        assert torch.equal(every, torch.stack([own, own + 10]))
        assert torch.equal(total, 2 * own + 10)


def test_two_ranks_with_unequal_shares_contrast_all_clips(ranks):
    whole = features(0).requires_grad_()
    ntxent(whole[0], whole[1], 0.1).backward()
    results = [found["gathered"] for found in ranks]
    for counts, every, labels, _ in results:
        assert counts == [4, 2]
        assert torch.equal(every, features(0)[0])
        assert labels.tolist() == [0, 1, 2, 3, 4, 5]
    torch.testing.assert_close(torch.cat([gradient for *_, gradient in results], dim=1), whole.grad)


def test_one_rank_is_the_main_one_and_has_everything():
    ranks, network = Ranks(CPU), nn.Linear(2, 1)
    network(torch.ones(1, 2)).sum().backward()
    ranks.check(1, 7)
    ranks.average_gradients(network)
    ranks.wait()
    assert (ranks.count, ranks.index, ranks.is_main, ranks.device.type) == (1, 0, True, "cpu")
    assert ranks.share(Numbers([0, 1, 2])).numbers == [0, 1, 2]
    assert torch.equal(network.weight.grad, torch.ones(1, 2))
    assert ranks.largest(0, 15) == [0, 15]


def test_two_ranks_share_clips_and_average_gradients(ranks):
    for number, found in enumerate(each["ranked"] for each in ranks):
        assert found["who"] == [2, number, number == 0]
        assert found["gradient"].tolist() == [[1.5, 3.0]]
        assert found["largest"] == [1, 5]
        assert found["share"] == [[0, 2, 4], [1, 3]][number]
        assert "a batch of 1 leaves some of 2 ranks without clips" in found["refusal"]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_one_device_after_the_other():
    assert [Ranks(torch.device(name)).device.type for name in ("cpu", "cuda", "cpu")] == ["cpu", "cuda", "cpu"]
