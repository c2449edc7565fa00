import threading
from dataclasses import replace

import numpy as np
import pytest
import torch

from psp.batches.augment import AugmentConfig
from psp.batches.batch import Batch, BatchSpec, DataConfig, LabelledBatch, Sample
from psp.batches.joint_reader import RowsOnDevice, RowsOnDisk
from psp.batches.loader import Loader, SampleMaker
from psp.batches.resample import ResampleConfig
from psp.dataset.store import Store
from psp.distributed import Ranks
from psp.errors import ConfigError
from stores import own_store, small_store

CPU = torch.device("cpu")
CONFIG = DataConfig(
    ResampleConfig(frames=16),
    weak=AugmentConfig(turn=30.0, mirror=0.5, noise=0.01),
    strong=AugmentConfig(60, 20, 20, 0.3, 0.2, 0.5, 0.2, 0.5, 0.05),
)
RECORDED = DataConfig(ResampleConfig(frames=16, train="random"), modalities="apart", motion="recorded")
CONFIGS = {"together": CONFIG, "apart": replace(CONFIG, modalities="apart"), "recorded": RECORDED}
CLIPS = np.arange(0, 48, 2)
LABELLED, LABELS = CLIPS[:10], np.full(48, -1)
LABELS[LABELLED] = LABELLED % 4
POOLS = {"labelled": LABELLED, "unlabelled": CLIPS[10:], "train": CLIPS}
SPECS = {
    "labelled": BatchSpec("labelled", 4, ("joint", "motion"), ("weak",)),
    "unlabelled": BatchSpec("unlabelled", 7, ("joint", "bone"), ("weak", "strong")),
    "all": BatchSpec("train", 5, ("joint",), ("strong", "strong")),
}


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Store:
    return small_store(tmp_path_factory.mktemp("loader") / "store")


def ranks(count: int = 1, index: int = 0) -> Ranks:
    made = Ranks(CPU)
    made.count, made.index = count, index
    return made


def loader(store: Store, config: DataConfig = CONFIG, specs: dict = SPECS, of: Ranks | None = None) -> Loader:
    return Loader(SampleMaker(store, config), specs, POOLS, LABELS, 0, of or ranks())


def tensors(batch: Batch) -> list[torch.Tensor]:
    """All that a batch holds."""
    labels = [batch.labels] if isinstance(batch, LabelledBatch) else []
    samples = [(*each.modalities.values(), each.persons, each.confidence) for each in batch.samples]
    return [batch.index, batch.keys, *labels, *(part for each in samples for part in each if part is not None)]


def test_labels_come_with_labelled_batches_only(store):
    with loader(store) as steps:
        for number in range(6):
            batches = steps.step(number)
            labelled = batches["labelled"]
            assert isinstance(labelled, LabelledBatch)
            assert labelled.labels.tolist() == (labelled.index % 4).tolist()
            assert set(labelled.index.tolist()) <= set(LABELLED.tolist())
            assert not any(isinstance(batches[name], LabelledBatch) for name in ("unlabelled", "all"))
            assert not set(batches["unlabelled"].index.tolist()) & set(LABELLED.tolist())
            assert [len(batches[name]) for name in SPECS] == [4, 7, 5]
            assert [len(batches[name].samples) for name in SPECS] == [1, 2, 2]
            assert list(batches["unlabelled"].sample.modalities) == ["joint", "bone"]


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("data", ["small", "coco17"])
def test_batches_are_equal_to_the_bit_wherever_the_joints_are(store, tmp_path, name, data):
    on_disk = store if data == "small" else own_store(tmp_path / "store", data)
    whole = loader(own_store(None, data) if data == "coco17" else on_disk, CONFIGS[name])
    whole.maker._source = RowsOnDevice(whole.maker.store, CPU)
    ahead, before = loader(on_disk, CONFIGS[name]), set(threading.enumerate())
    assert isinstance(ahead.maker._source, RowsOnDisk)
    with ahead, whole:
        for number in (0, 1, 5, 0):
            one, other = ahead.step(number), whole.step(number)
            assert list(one) == list(other) == list(SPECS)
            for batch in SPECS:
                pairs = zip(tensors(one[batch]), tensors(other[batch]), strict=True)
                assert all(torch.equal(*pair) for pair in pairs)
    assert not any(thread.name.startswith("psp prefetch") for thread in set(threading.enumerate()) - before)


def test_ranks_share_every_batch(store):
    with loader(store) as whole, loader(store, of=ranks(2, 0)) as first, loader(store, of=ranks(2, 1)) as second:
        for number in range(3):
            together, parts = whole.step(number), (first.step(number), second.step(number))
            for name in SPECS:
                for rank, part in enumerate(batches[name] for batches in parts):
                    assert torch.equal(part.index, together[name].index[rank::2])
                    for own, every in zip(part.samples, together[name].samples, strict=True):
                        check_share(own, every, rank)


def check_share(own: Sample, every: Sample, rank: int) -> None:
    for modality, values in own.modalities.items():
        torch.testing.assert_close(values, every.modalities[modality][rank::2])
    assert torch.equal(own.persons, every.persons[rank::2])


def test_batches_depend_on_seed_and_name(store):
    specs = {"labelled": SPECS["all"], "other": SPECS["all"]}
    first = loader(store, specs=specs).step(0)
    second = Loader(SampleMaker(store, CONFIG), specs, POOLS, LABELS, 1, ranks()).step(0)
    drawn = [first["labelled"], first["other"], second["labelled"]]
    assert len({tuple(batch.keys.tolist()) for batch in drawn}) == 3


def test_impossible_batches_are_refused(store):
    with pytest.raises(ConfigError, match="'yaw-invariant' cannot be computed: the recordings are two-dimensional"):
        loader(own_store(None, "coco17"), specs={"all": BatchSpec("train", 4, ("joint", "yaw-invariant"))})
    with pytest.raises(ConfigError, match="no modality 'joints'"):
        loader(store, specs={"all": BatchSpec("train", 4, ("joints",))})
    with pytest.raises(ConfigError, match="a batch of 4 leaves some of 5 ranks without clips"):
        loader(store, of=ranks(5))


def test_an_error_in_reading_reaches_the_caller(store):
    steps = loader(store)
    draws = steps.samplers["labelled"].draw
    steps.samplers["labelled"].draw = lambda step: draws(step if step < 2 else 1 // 0)
    with steps:
        assert [len(steps.step(number)) for number in range(2)] == [3, 3]
        with pytest.raises(ZeroDivisionError):
            steps.step(2)
