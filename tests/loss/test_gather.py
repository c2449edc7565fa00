import warnings

import torch
import torch.distributed as dist
import torch.multiprocessing as mp

from psp.loss.gather import gather_ranks
from psp.loss.ntxent import ntxent


def features(seed: int) -> torch.Tensor:
    return torch.randn(2, 6, 5, generator=torch.Generator().manual_seed(seed))


def on_rank(rank: int, address: str, results) -> None:
    warnings.simplefilter("error")
    dist.init_process_group("gloo", init_method=address, rank=rank, world_size=2)
    views = features(0)[:, 3 * rank : 3 * rank + 3].clone().requires_grad_()
    ntxent(gather_ranks(views[0]), gather_ranks(views[1]), 0.1).backward()
    results[rank] = views.grad / 2  # every rank computes the whole loss; training averages over ranks
    dist.destroy_process_group()


def test_alone_nothing_is_gathered():
    value = torch.randn(3, 2)
    assert gather_ranks(value) is value


def test_two_ranks_contrast_all_clips(tmp_path):
    whole = features(0).requires_grad_()
    ntxent(whole[0], whole[1], 0.1).backward()
    with mp.Manager() as manager:
        results = manager.dict()
        mp.spawn(on_rank, (f"file://{tmp_path}/meeting", results), nprocs=2)
        shared = torch.cat([results[0], results[1]], dim=1)
    torch.testing.assert_close(shared, whole.grad)
