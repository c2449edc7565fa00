import numpy as np
import pytest
import torch

from psp.batches.joint_reader import RowsOnDevice, RowsOnDisk, fits, row_source, send
from psp.errors import StoreError
from stores import small_store

CPU = torch.device("cpu")
CLIPS = torch.tensor([5, 0, 47, 5])


@pytest.fixture
def store(tmp_path):
    return small_store(tmp_path / "store")


@pytest.mark.parametrize("source", [RowsOnDisk, RowsOnDevice])
def test_every_clip_is_where_its_rows_begin(store, source):
    rows = source(store, CPU).read(CLIPS)
    for first, clip in zip(rows.first_row.tolist(), CLIPS.tolist(), strict=True):
        expected = store.clip(clip).joints.reshape(-1, 20, 3)
        assert np.array_equal(rows.joints[first : first + len(expected)].numpy(), expected)


def test_only_the_wanted_clips_are_read(store):
    lengths = store.clips.persons * store.clips.frames
    assert len(RowsOnDisk(store, CPU).read(CLIPS).joints) == lengths[CLIPS.numpy()].sum()


def test_all_rows_are_held_in_pieces_of_any_size(store, monkeypatch):
    monkeypatch.setattr("psp.batches.joint_reader.PIECE", 100)
    assert np.array_equal(RowsOnDevice(store, CPU).read(CLIPS).joints.numpy(), store.joints)


def test_a_file_that_shrinks_is_noticed(store):
    source = RowsOnDisk(store, CPU)
    with (store.path / "joints.npy").open("rb+") as file:
        file.truncate(1000)
    with pytest.raises(StoreError, match="ends too early"):
        source.read(CLIPS)


def test_a_cpu_reads_from_the_disk(store):
    assert not fits(1, CPU)
    assert isinstance(row_source(store, CPU), RowsOnDisk)


@pytest.mark.parametrize(("size", "inside"), [(50, True), (51, False)])
def test_a_gpu_holds_what_takes_half_of_its_free_memory(monkeypatch, size, inside):
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda device: (100, 1000))
    assert fits(size, torch.device("cuda")) is inside


def test_what_is_there_already_is_not_sent():
    assert send(CLIPS, CPU) is CLIPS
