import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from psp.dataset.arrays import sha256_of_file
from psp.dataset.check import check_store
from psp.dataset.clip_table import ClipTable, write_table
from psp.dataset.store import AS_RECORDED, Store, open_store
from psp.errors import RecordingError, StoreError
from psp.preprocess.clean import CleanConfig
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.recording import Clip, ClipInfo
from stores import BEETLE, own_store, small_clips, small_store

OLD = Path(__file__).parent / "old_store"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return small_store(tmp_path / "store")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy of a store of the format psp-store-1."""
    return Path(shutil.copytree(OLD, tmp_path / "old"))


def refusal(path: Path) -> str:
    with pytest.raises(StoreError) as caught:
        open_store(path)
    assert caught.value.remedy
    assert str(path) in (caught.value.where or "")
    return caught.value.what


def change_manifest(path: Path, change: Callable[[dict[str, Any]], object]) -> None:
    manifest = json.loads((path / "manifest.json").read_text())
    change(manifest)
    (path / "manifest.json").write_text(json.dumps(manifest))


def same_clips(one: Store, other: Store) -> bool:
    pairs = [(one.clip(index), other.clip(index)) for index in range(len(one))]
    return len(one) == len(other) and all(
        a.info == b.info and np.array_equal(a.joints, b.joints) and (a.confidence is None) == (b.confidence is None)
        for a, b in pairs
    )


def test_a_clip_takes_as_many_rows_as_its_persons_have_frames(store: Store):
    table = store.clips
    ends = table.first_row + table.persons * table.frames
    assert table.first_row.tolist() == [0, *ends[:-1].tolist()]
    assert len(store.joints) == ends[-1]
    assert store.clip(1).joints.shape == (table.persons[1], table.frames[1], 20, 3)


def test_persons_are_stored_one_after_the_other(store: Store):
    clip, first = store.clip(1), store.clips.first_row[1]
    second_person = store.joints[first + clip.frames : first + 2 * clip.frames]
    assert clip.persons == 2
    assert np.array_equal(clip.joints[1], second_person)


def test_joints_stay_on_disk_and_changes_never_reach_it(store: Store):
    assert isinstance(store.joints, np.memmap)
    before = float(store.joints[0, 0, 0])
    store.joints[0, 0, 0] = 99
    store.clip(0).joints[:] = 99
    assert open_store(store.path).joints[0, 0, 0] == before


def test_every_clip_is_found_by_its_id(store: Store):
    assert store.clips.indices_of(["nobody", "clip003", "clip0030"]).tolist() == [-1, 3, -1]
    index = np.arange(len(store))[::-1]
    assert np.array_equal(store.clips.indices_of([store.clip(each).id for each in index.tolist()]), index)


@pytest.mark.parametrize(
    ("layout", "channels", "up"), [("beetle", 3, "z"), ("coco17", 2, "-y")], ids=["own layout", "2-D with confidence"]
)
def test_an_own_data_set_comes_back(tmp_path: Path, layout: str, channels: int, up: str):
    stored, made = own_store(tmp_path / "store", layout), own_store(None, layout)
    assert stored.layout == made.layout == (BEETLE if layout == "beetle" else layout_by_name("coco17"))
    assert (stored.channels, stored.up, stored.dataset, stored.path) == (channels, up, "mine", tmp_path / "store")
    assert (stored.normalise, stored.clean, made.path) == (AS_RECORDED, None, None)
    assert stored.classes == made.classes
    assert same_clips(stored, made)


def test_confidence_is_stored_where_a_joint_was_not_observed(tmp_path: Path):
    store = own_store(tmp_path / "store", "coco17")
    assert store.confidence.dtype == np.float16
    [first, *_] = small_clips(1, 4, 1, joints=17, channels=2, confidence=True)
    assert np.array_equal(store.clip(0).confidence, first.confidence)
    assert own_store(tmp_path / "other").confidence is None
    assert not (tmp_path / "other" / "confidence.npy").exists()


def with_change(**changed: Any) -> Store:
    """Beetles in memory, the third clip or the data set changed."""
    clips = list(small_clips(9, 3, 1, joints=22))
    clips[2] = Clip(**{**vars(clips[2]), **{key: changed.pop(key) for key in ("info", "confidence") if key in changed}})
    about = {"layout": BEETLE, "classes": ["a", "b", "c"], "up": "z", "dataset": "mine"}
    return Store.in_memory(clips, **(about | changed))


def test_the_fingerprint_follows_the_content(tmp_path: Path):
    base = with_change()
    assert with_change().fingerprint == base.fingerprint
    confidence = np.ones((1, 14, 22), dtype=np.float32)
    assert with_change(confidence=confidence).fingerprint == base.fingerprint
    confidence[0, 0, 0] = 0
    info = ClipInfo("clip002", 1, {"subject": 1, "camera": 1, "setup": 0, "repetition": 0})
    renamed = type(BEETLE).from_dict(BEETLE.to_dict() | {"name": "bug"})
    others = [
        with_change(info=info),
        with_change(confidence=confidence),
        with_change(up="y"),
        with_change(layout=renamed),
    ]
    assert len({base.fingerprint, *(other.fingerprint for other in others)}) == 5


def test_the_fingerprint_of_other_data_with_a_known_layout_follows_an_unusual_vertical_axis():
    for channels, usual, axes in ((3, "y", ("-y", "z")), (2, "-y", ("y",))):
        clips = [replace(clip, confidence=None) for clip in small_clips(2, 1, 1, joints=17, channels=channels)]
        about = {"layout": layout_by_name("coco17"), "classes": ["a"], "dataset": "mine"}
        found = {up: Store.in_memory(clips, up=up, **about).fingerprint for up in (usual, *axes)}
        assert len(set(found.values())) == 1 + len(axes)
        assert found[usual].count(":") == 1


@pytest.mark.parametrize("layout", ["beetle", "coco17"])
def test_on_disk_and_in_memory_the_fingerprint_is_the_same(tmp_path: Path, layout: str):
    assert own_store(tmp_path / "store", layout).fingerprint == own_store(None, layout).fingerprint


def test_the_fingerprint_of_the_built_in_kinds_is_that_of_joints_and_csv(store: Store):
    joints, table = store.fingerprint.split(":")
    assert joints == sha256_of_file(store.path / "joints.npy")
    assert len(table) == 64


def test_a_clip_that_does_not_fit_is_refused_in_memory():
    [clip] = small_clips(1, 1, 1)
    with pytest.raises(RecordingError, match="clip000: a clip of the layout beetle has the shape"):
        Store.in_memory([clip], BEETLE, ["a"], up="y")
    with pytest.raises(RecordingError, match="two recordings have this id"):
        Store.in_memory([clip, clip], layout_by_name("kinect20"), ["a"], up="y")
    with pytest.raises(StoreError, match="the class 'a' is named twice"):
        Store.in_memory([clip], layout_by_name("kinect20"), ["a", "b", "a"], up="y")


def test_a_store_of_the_first_format_is_read(old: Path):
    store = open_store(old)
    assert (store.dataset, store.classes, store.layout.name) == ("ntu60", ("wave", "sit, stand"), "ntu25")
    assert (store.channels, store.confidence, store.up) == (3, None, "z")
    assert store.clips.id.tolist() == ["S001C001P001R001A001", "S001C002P001R001A002", "S001C003P001R001A003"]
    assert store.clips.label.tolist() == [0, 1, -1]
    assert store.clip(1).info.columns == {"subject": 1, "camera": 2, "setup": 1, "repetition": 1}
    joints = np.random.default_rng(0).integers(-4, 4, (1, 3, 25, 3)) / 4
    assert np.array_equal(store.clip(0).joints, joints)
    assert store.normalise.shoulder_line == tuple(store.layout.joints[joint] for joint in (20, 5))
    assert store.clean == CleanConfig()
    check_store(store)


def test_a_store_of_the_first_format_has_the_fingerprint_that_it_had(old: Path):
    assert open_store(old).fingerprint == ":".join(sha256_of_file(old / name) for name in ("joints.npy", "clips.csv"))


def test_the_same_clips_have_the_same_fingerprint_in_both_formats(old: Path):
    store = open_store(old)
    clips = [store.clip(index) for index in range(len(store))]
    again = Store.in_memory(clips, store.layout, store.classes, up=store.up, dataset=store.dataset)
    assert again.fingerprint == store.fingerprint


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("first_row", "row"),
        lambda text: text.splitlines()[0],
        lambda text: text.replace(",0,", ",walk,", 1),
        lambda text: text + "x,1\n",
        lambda text: "",
    ],
    ids=["a column renamed", "no clips", "a word for a number", "a short line", "empty"],
)
def test_a_damaged_table_of_the_first_format_is_refused(old: Path, damage: Callable[[str], str]):
    path = old / "clips.csv"
    path.write_text(damage(path.read_text()))
    size = path.stat().st_size
    change_manifest(old, lambda manifest: manifest["parts"]["clips.csv"].update(bytes=size))
    assert "clips.csv is damaged" in refusal(old)


def test_a_folder_that_is_no_store_is_refused(tmp_path: Path):
    assert "no manifest.json" in refusal(tmp_path)
    assert "no manifest.json" in refusal(tmp_path / "absent")


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"format": 1}', '{"format": "psp-store-2"}', '{"format": "psp-store-1"}']
)
def test_a_damaged_or_foreign_manifest_is_refused(store: Store, text: str):
    (store.path / "manifest.json").write_text(text)
    with pytest.raises(StoreError, match=r"/manifest\.json"):
        open_store(store.path)


@pytest.mark.parametrize(
    "change",
    [
        {"parts": ["joints.npy", "clips.arrow"]},
        {"parts": {}},
        {"parts": {"joints.npy": {"bytes": 1, "sha256": ""}}},
        {"parts": {"joints.npy": 1, "clips.arrow": 2}},
        {"parts": {"joints.npy": {"bytes": 1}, "clips.arrow": {"bytes": 1}}},
        {"classes": "four"},
        {"classes": [4]},
        {"layout": "kinect20"},
        {"up": "sideways"},
        {"channels": "3"},
        {"normalise": "none"},
        {"clean": []},
    ],
    ids=str,
)
def test_a_manifest_with_entries_of_another_kind_is_refused(store: Store, change: dict[str, Any]):
    change_manifest(store.path, lambda manifest: manifest.update(change))
    with pytest.raises(StoreError, match=r"/manifest\.json"):
        open_store(store.path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"normalise": {"centre": "feet"}}, "'feet' is not"),
        ({"clean": {"polish": True}}, "there is no such setting"),
        ({"layout": {"name": "x", "joints": ["a", "a"], "edges": []}}, "joint names are repeated"),
    ],
)
def test_settings_of_another_version_are_refused(store: Store, change: dict[str, Any], message: str):
    change_manifest(store.path, lambda manifest: manifest.update(change))
    assert message in refusal(store.path)


@pytest.mark.parametrize("name", ["joints.npy", "clips.arrow", "confidence.npy"])
def test_a_missing_or_truncated_part_is_refused(tmp_path: Path, name: str):
    path = own_store(tmp_path / "store", "coco17").path
    content = (path / name).read_bytes()
    (path / name).write_bytes(content[:-7])
    assert refusal(path) == f"{name} has {len(content) - 7} bytes instead of {len(content)}: the store is incomplete."
    (path / name).unlink()
    assert refusal(path) == f"{name} is missing: the store is incomplete."


def test_a_table_that_does_not_fit_the_joints_is_refused(store: Store):
    columns = (store.clips.column(name)[:9].tolist() for name in ("id", "label", "persons", "frames"))
    part = ClipTable.of(*columns)
    write_table(part, store.path / "clips.arrow")
    size = (store.path / "clips.arrow").stat().st_size
    facts = {"bytes": size, "sha256": sha256_of_file(store.path / "clips.arrow")}
    change_manifest(store.path, lambda manifest: manifest["parts"]["clips.arrow"].update(facts))
    assert "joints.npy holds float32 of the shape" in refusal(store.path)


def test_joints_of_another_layout_are_refused(store: Store):
    change_manifest(store.path, lambda manifest: manifest.update(layout=layout_by_name("ntu25").to_dict()))
    assert "layout and table need float32 of the shape" in refusal(store.path)


MAGIC = b"\x93NUMPY\x01\x00\x76\x00"
NEGATIVE = MAGIC + b"{'descr': '<f4', 'fortran_order': False, 'shape': (-9, 20, 3)}".ljust(117) + b"\n"


@pytest.mark.parametrize(
    "damage",
    [bytes(128), MAGIC + bytes(118), b"#" * 128, MAGIC + b"{'descr': ('<f4', [", NEGATIVE],
    ids=["zeros", "no header", "no magic", "an open bracket", "a negative shape"],
)
def test_a_destroyed_header_is_refused(store: Store, damage: bytes):
    joints = store.path / "joints.npy"
    joints.write_bytes(damage + joints.read_bytes()[len(damage) :])
    assert refusal(store.path).startswith("joints.npy is damaged")


def test_joints_of_another_type_are_refused(store: Store):
    joints = store.path / "joints.npy"
    joints.write_bytes(joints.read_bytes().replace(b"<f4", b"<i4", 1))
    change_manifest(store.path, lambda manifest: manifest["parts"]["joints.npy"].pop("blocks"))
    assert refusal(store.path).startswith("joints.npy holds int32")


def test_a_folder_may_have_a_name_that_is_no_text(tmp_path: Path):
    assert len(small_store(tmp_path / "store\udcff")) == 48
