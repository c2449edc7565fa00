from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psp.batches.counter_rng import keys_of_ids
from psp.dataset.clip_table import NUMBERS, ClipTable, read_index, read_table, write_index
from psp.errors import StoreError
from stores import small_store

ids = st.lists(
    st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=9), min_size=1, max_size=30, unique=True
)


def table(names: list[str]) -> ClipTable:
    numbers = np.arange(8 * len(names)).reshape(8, -1)
    return ClipTable(np.array(names), *numbers)


@given(ids, ids)
def test_rows_of_is_a_dictionary(names: list[str], others: list[str]):
    row_of_id = {name: row for row, name in enumerate(names)}
    wanted = [*others, *names]
    assert table(names).rows_of(wanted).tolist() == [row_of_id.get(name, -1) for name in wanted]


@given(ids)
def test_order_sorts_the_ids(names: list[str]):
    assert [names[row] for row in table(names).order] == sorted(names)


def test_the_index_holds_what_would_be_worked_out(tmp_path: Path):
    written = table(["b", "c", "a"])
    write_index(tmp_path, written)
    read = read_index(tmp_path)
    for name in ("id", *NUMBERS):
        assert np.array_equal(getattr(read, name), getattr(written, name))
    assert read.order.tolist() == [2, 0, 1]
    assert read.key.tolist() == keys_of_ids(["b", "c", "a"]).tolist()


def test_the_index_is_the_table(tmp_path: Path):
    store = small_store(tmp_path / "store")
    read = read_table(store.path / "clips.csv")
    for name in ("id", *NUMBERS):
        assert np.array_equal(getattr(read, name), getattr(store.clips, name))


def test_the_index_stays_on_disk(tmp_path: Path):
    clips = small_store(tmp_path / "store").clips
    for name in ("id", *NUMBERS):
        column = getattr(clips, name)
        while not isinstance(column, np.memmap):
            column = column.base
            assert column is not None


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ids.npy", np.array([1, 2, 3])),
        ("ids.npy", np.array([], dtype="U3")),
        ("ids.npy", np.array(["a", "b"])),
        ("columns.npy", np.zeros((9, 3), dtype=np.int64)),
        ("columns.npy", np.zeros((10, 3), dtype=np.float64)),
    ],
    ids=["numbers for ids", "no ids", "too few ids", "too few columns", "fractions"],
)
def test_a_foreign_index_is_refused(tmp_path: Path, name: str, content: np.ndarray):
    write_index(tmp_path, table(["b", "c", "a"]))
    np.save(tmp_path / name, content)
    with pytest.raises(StoreError, match=r"npy holds"):
        read_index(tmp_path)


def test_a_damaged_index_is_refused(tmp_path: Path):
    write_index(tmp_path, table(["b", "c", "a"]))
    (tmp_path / "columns.npy").write_bytes(bytes(200))
    with pytest.raises(StoreError, match=r"columns.npy is damaged"):
        read_index(tmp_path)
