import json
from pathlib import Path

import numpy as np
import pytest

from psp.dataset.check import check_store
from psp.dataset.store import Store, open_store
from psp.dataset.clip_table import COLUMNS, NUMBERS
from psp.dataset.writer import sha256_of_file
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


@pytest.mark.parametrize(
    ("name", "place"), [("joints.npy", -3), ("clips.csv", len(",".join(COLUMNS)) + 1), ("ids.npy", -4)]
)
def test_a_changed_byte_is_found(store: Store, name: str, place: int):
    part = store.path / name
    content = bytearray(part.read_bytes())
    content[place] ^= 1
    part.write_bytes(content)
    with pytest.raises(StoreError, match=f"{name} is not what was written") as refusal:
        check_store(open_store(store.path))
    assert refusal.value.where == str(store.path)
    assert refusal.value.remedy


def test_an_index_that_says_something_else_than_the_table_is_found(store: Store):
    columns = store.path / "columns.npy"
    changed = np.load(columns)
    changed[NUMBERS.index("key"), 3] += 1
    np.save(columns, changed)
    manifest = json.loads((store.path / "manifest.json").read_text())
    manifest["parts"]["columns.npy"]["sha256"] = sha256_of_file(columns)
    (store.path / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(StoreError, match="column key of the index differs"):
        check_store(open_store(store.path))
