from pathlib import Path

import pytest

from psp.data.check import check_store
from psp.data.store import COLUMNS, Store, open_store
from psp.errors import StoreError
from stores import small_store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return small_store(tmp_path / "store")


def test_the_summary_counts_what_is_there(store: Store):
    found = check_store(store)
    assert found["data set"] == "synthetic"
    assert found["layout"] == "kinect20"
    assert (found["clips"], found["labelled clips"], found["subjects"], found["cameras"]) == (48, 48, 6, 2)
    assert found["clips per class"] == {f"class {number}": 12 for number in range(4)}
    assert found["persons (most)"] == 2
    assert found["frames (least, median, most)"] == "12, 16, 20"


@pytest.mark.parametrize(("name", "place"), [("joints.npy", -3), ("clips.csv", len(",".join(COLUMNS)) + 1)])
def test_a_changed_byte_is_found(store: Store, name: str, place: int):
    part = store.path / name
    content = bytearray(part.read_bytes())
    content[place] ^= 1
    part.write_bytes(content)
    with pytest.raises(StoreError, match=f"{name} is not what was written") as refusal:
        check_store(open_store(store.path))
    assert refusal.value.where == str(store.path)
    assert refusal.value.remedy
