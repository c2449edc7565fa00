import numpy as np
import pytest
import torch

from psp.batches.joint_reader import RowsOnDevice, RowsOnDisk, fits, row_source, send
from psp.errors import StoreError
from stores import own_store, small_store

CPU = torch.device("cpu")
CLIPS = torch.tensor([5, 0, 47, 5])


@pytest.fixture
def store(tmp_path):
    return small_store(tmp_path / "store")


@pytest.fixture(params=["3-D", "2-D with confidence"])
def stored(request, store, tmp_path):
    return store if request.param == "3-D" else own_store(tmp_path / "flat", "coco17")


@pytest.mark.parametrize("source", [RowsOnDisk, RowsOnDevice])
def test_every_clip_is_where_its_rows_begin(stored, source):
    rows = source(stored, CPU, with_confidence=True).read(CLIPS)
    assert (rows.confidence is None) is (stored.confidence is None)
    for first, clip in zip(rows.first_row.tolist(), CLIPS.tolist(), strict=True):
        expected = stored.clip(clip)
        joints = expected.joints.reshape(-1, *stored.joints.shape[1:])
        part = slice(first, first + len(joints))
        assert np.array_equal(rows.joints[part].numpy(), joints)
        if rows.confidence is not None:
            assert rows.confidence.dtype == torch.float32
            assert np.array_equal(rows.confidence[part].numpy(), expected.confidence.reshape(len(joints), -1))


@pytest.mark.parametrize("layout", ["beetle", "coco17"])
def test_a_data_set_in_memory_is_read_as_the_one_on_disk(tmp_path, layout):
    memory, disk = (own_store(path, layout) for path in (None, tmp_path / "store"))
    source = row_source(memory, CPU, with_confidence=True)
    assert isinstance(source, RowsOnDevice)
    held, read = source.read(CLIPS), row_source(disk, CPU, with_confidence=True).read(CLIPS)
    lengths = (memory.clips.persons * memory.clips.frames)[CLIPS.numpy()].tolist()
    for ours, theirs, length in zip(held.first_row.tolist(), read.first_row.tolist(), lengths, strict=True):
        for name in ("joints", "confidence"):
            one, other = getattr(held, name), getattr(read, name)
            assert (one is None) is (other is None) is (name == "confidence" and layout == "beetle")
            if one is not None:
                assert torch.equal(one[ours : ours + length], other[theirs : theirs + length])


def test_only_the_wanted_clips_are_read(store):
    lengths = store.clips.persons * store.clips.frames
    assert len(RowsOnDisk(store, CPU, with_confidence=True).read(CLIPS).joints) == lengths[CLIPS.numpy()].sum()


def test_all_rows_are_held_in_pieces_of_any_size(stored, monkeypatch):
    monkeypatch.setattr("psp.batches.joint_reader.PIECE", 100)
    rows = RowsOnDevice(stored, CPU, with_confidence=True).read(CLIPS)
    assert np.array_equal(rows.joints.numpy(), stored.joints)
    assert stored.confidence is None or np.array_equal(rows.confidence.numpy(), stored.confidence)


def test_a_file_that_shrinks_is_noticed(store):
    source = RowsOnDisk(store, CPU, with_confidence=True)
    with (store.path / "joints.npy").open("rb+") as file:
        file.truncate(1000)
    with pytest.raises(StoreError, match="ends too early"):
        source.read(CLIPS)


def test_a_cpu_reads_from_the_disk(store):
    assert not fits(1, CPU)
    assert isinstance(row_source(store, CPU, with_confidence=True), RowsOnDisk)


@pytest.mark.parametrize(("size", "inside"), [(50, True), (51, False)])
def test_a_gpu_holds_what_takes_half_of_its_free_memory(monkeypatch, size, inside):
    monkeypatch.setattr("torch.cuda.mem_get_info", lambda device: (100, 1000))
    assert fits(size, torch.device("cuda")) is inside


def test_what_is_there_already_is_not_sent():
    assert send(CLIPS, CPU) is CLIPS
