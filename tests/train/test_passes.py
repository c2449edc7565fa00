import numpy as np
import pytest
import torch

from psp.batches.loader import SampleMaker
from psp.distributed import Ranks
from psp.errors import ConfigError
from psp.train import passes
from psp.train.passes import TrainingPasses
from ranks import on_two_ranks
from runs import SMALL_RUN
from stores import small_store

SIZES = (1, 2, 3, 128)
INDEX = torch.tensor([5, 0, 11, 3, 7, 2, 9])


def passes_of(store, ranks: Ranks) -> TrainingPasses:
    pools = {"labelled": np.arange(3), "unlabelled": np.arange(3, 12), "train": np.arange(12)}
    return TrainingPasses(SampleMaker(store, SMALL_RUN.data), pools, "float32", ranks)


def collected(rank: int, store, size: int) -> tuple[torch.Tensor, ...]:
    passes.SIZE = size
    own = passes_of(store, Ranks(torch.device("cpu")))
    return own.collect(INDEX, ("joint", "motion"), lambda sample: (sample.modalities["joint"][:, 0, 0], sample.persons))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return small_store(tmp_path_factory.mktemp("passes") / "store", clips=12)


@pytest.mark.parametrize("size", SIZES)
def test_clips_come_whole_and_in_the_order_of_the_index(store, size, monkeypatch):
    monkeypatch.setattr(passes, "SIZE", size)
    joints, persons = collected(0, store, size)
    for row, index in enumerate(INDEX.tolist()):
        clip = store.clip(index)
        np.testing.assert_allclose(joints[row], clip.joints[0, 0], rtol=1e-6)
        assert persons[row].sum() == clip.persons


def collected_on_rank(rank: int, store) -> list[tuple[torch.Tensor, ...]]:
    return [collected(rank, store, size) for size in SIZES]


def test_two_ranks_share_the_work_and_both_get_everything(store, tmp_path):
    wanted = collected(0, store, 128)
    for found in on_two_ranks(collected_on_rank, tmp_path, store):
        for parts in found:
            assert all(torch.equal(*pair) for pair in zip(parts, wanted, strict=True))


def test_pools_are_those_of_the_stage(store):
    own = passes_of(store, Ranks(torch.device("cpu")))
    assert own.indices("labelled").tolist() == [0, 1, 2]
    assert own.indices("unlabelled").device.type == "cpu"


def test_a_rank_without_a_clip_is_refused(store, monkeypatch):
    ranks = Ranks(torch.device("cpu"))
    monkeypatch.setattr(ranks, "count", 8)
    with pytest.raises(ConfigError, match="leaves ranks idle"):
        passes_of(store, ranks).collect(INDEX, ("joint",), lambda sample: (sample.persons,))
