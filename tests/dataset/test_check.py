from pathlib import Path

import pytest

from psp.dataset.check import check_store
from psp.dataset.store import open_store
from psp.errors import StoreError
from stores import own_store, small_store


def test_the_summary_counts_what_is_there(tmp_path: Path):
    found = check_store(small_store(tmp_path / "store"))
    assert (found["data set"], found["vertical axis"]) == ("synthetic", "y")
    assert found["layout"] == "kinect20 (20 joints, 3 coordinates)"
    assert (found["clips"], found["labelled clips"]) == (48, 48)
    assert (found["different values of subject"], found["different values of camera"]) == (6, 2)
    assert found["clips per class"] == {f"class {number}": 12 for number in range(4)}
    assert found["persons (most)"] == 2
    assert found["frames (least, median, most)"] == "12, 16, 20"
    assert found["joints not observed"] == "0.0%"


def test_joints_that_were_not_observed_are_counted(tmp_path: Path):
    store = own_store(tmp_path / "store", "coco17")
    share = sum((store.clip(index).confidence == 0).sum() for index in range(len(store))) / store.confidence.size
    assert share > 0.05
    assert check_store(store)["joints not observed"] == f"{share:.1%}"


@pytest.mark.parametrize("name", ["joints.npy", "confidence.npy", "clips.arrow"])
def test_a_changed_byte_is_found(tmp_path: Path, name: str):
    store = own_store(tmp_path / "store", "coco17")
    content = bytearray((store.path / name).read_bytes())
    place = content.index(b"clip001") if name == "clips.arrow" else -3
    content[place] ^= 1
    (store.path / name).write_bytes(content)
    with pytest.raises(StoreError, match=f"{name} is not what was written") as refusal:
        check_store(open_store(store.path))
    assert refusal.value.where == str(store.path)
    assert refusal.value.remedy
