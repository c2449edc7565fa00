import numpy as np
import pytest
import torch

from psp.batches.loader import SampleMaker
from psp.distributed import Ranks
from psp.errors import ConfigError
from psp.train import passes
from psp.train.passes import TrainingPasses
from runs import SMALL_RUN
from stores import small_store

SIZES = (1, 2, 3, 128)
INDEX = torch.tensor([5, 0, 11, 3, 7, 2, 9])


def passes_of(store, ranks: Ranks) -> TrainingPasses:
    pools = {"labelled": np.arange(3), "unlabelled": np.arange(3, 12), "train": np.arange(12)}
    return TrainingPasses(SampleMaker(store, SMALL_RUN.data), pools, "float32", ranks)


def collected(store, rank: int = 0, count: int = 1) -> tuple[torch.Tensor, ...]:
    ranks = Ranks(torch.device("cpu"))
    ranks.index, ranks.count = rank, count
    function = lambda sample: (sample.modalities["joint"][:, 0, 0], sample.persons)  # noqa: E731
    return passes_of(store, ranks).collect(INDEX, ("joint", "motion"), function)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return small_store(tmp_path_factory.mktemp("passes") / "store", clips=12)


@pytest.mark.parametrize("size", SIZES)
def test_clips_come_whole_and_in_the_order_of_the_index(store, size, monkeypatch):
    monkeypatch.setattr(passes, "SIZE", size)
    joints, persons = collected(store)
    for row, index in enumerate(INDEX.tolist()):
        clip = store.clip(index)
        np.testing.assert_allclose(joints[row], clip.joints[0, 0], rtol=1e-6)
        assert persons[row].sum() == clip.persons


@pytest.mark.parametrize("count", [2, 3, 7])
@pytest.mark.parametrize("size", SIZES)
def test_ranks_share_the_work_and_all_get_everything(store, size, count, monkeypatch):
    """Ranks one after the other: what each gives to the others is kept first and then exchanged."""
    wanted, given = collected(store), [[] for _ in range(count)]
    monkeypatch.setattr(passes, "SIZE", size)
    for rank in range(count):

        def keep(part: torch.Tensor, rank: int = rank) -> torch.Tensor:
            given[rank].append(part)
            return part.new_zeros(len(INDEX), *part.shape[1:])

        monkeypatch.setattr(passes, "gather_ranks", keep)
        collected(store, rank, count)
    assert min(len(parts[0]) for parts in given) > 0
    for rank in range(count):
        exchanged = iter([torch.cat(parts) for parts in zip(*given, strict=True)])
        monkeypatch.setattr(passes, "gather_ranks", lambda _, parts=exchanged: next(parts))
        found = collected(store, rank, count)
        assert all(torch.equal(*pair) for pair in zip(found, wanted, strict=True))


def test_pools_are_those_of_the_stage(store):
    own = passes_of(store, Ranks(torch.device("cpu")))
    assert own.indices("labelled").tolist() == [0, 1, 2]
    assert own.indices("unlabelled").device.type == "cpu"


def test_a_rank_without_a_clip_is_refused(store, monkeypatch):
    ranks = Ranks(torch.device("cpu"))
    monkeypatch.setattr(ranks, "count", 8)
    with pytest.raises(ConfigError, match="fewer than one each"):
        passes_of(store, ranks).collect(INDEX, ("joint",), lambda sample: (sample.persons,))
