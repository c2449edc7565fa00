import csv
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from psp.dataset.store import Store, open_store
from psp.dataset.clip_table import COLUMNS, NUMBERS
from psp.errors import StoreError
from stores import small_store, without_index


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return small_store(tmp_path / "store")


def rewrite(path: Path, change: Callable[[str], str]) -> None:
    """Change the table of a store that has no index, and its size in the manifest: only the content is wrong."""
    without_index(path.parent)
    path.write_text(change(path.read_text()))
    manifest = json.loads((path.parent / "manifest.json").read_text())
    manifest["parts"][path.name]["bytes"] = path.stat().st_size
    (path.parent / "manifest.json").write_text(json.dumps(manifest))


def refusal(path: Path) -> str:
    with pytest.raises(StoreError) as caught:
        open_store(path)
    assert caught.value.where
    assert caught.value.remedy
    assert str(path) in caught.value.where
    return caught.value.what


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
    assert all(store.clip(row).id == name for name, row in store.clips.row_of_id.items())
    assert store.clips.rows_of(["nobody", "clip003", "clip0030"]).tolist() == [-1, 3, -1]
    rows = np.arange(len(store))[::-1]
    assert np.array_equal(store.clips.rows_of([store.clip(row).id for row in rows.tolist()]), rows)


def test_the_fingerprint_follows_the_content(store: Store, tmp_path: Path):
    assert small_store(tmp_path / "same").fingerprint == store.fingerprint
    assert small_store(tmp_path / "other", clips=47).fingerprint != store.fingerprint


def test_the_parts_can_be_read_without_psp(store: Store):
    joints = np.load(store.path / "joints.npy", allow_pickle=False)
    with (store.path / "clips.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert joints.dtype == np.dtype("<f4")
    assert tuple(rows[0]) == COLUMNS
    assert sum(int(row["persons"]) * int(row["frames"]) for row in rows) == len(joints)


def test_a_store_without_an_index_is_the_same_store(store: Store):
    without_index(store.path)
    older = open_store(store.path)
    assert older.fingerprint == store.fingerprint
    for name in ("id", *NUMBERS):
        assert np.array_equal(getattr(older.clips, name), getattr(store.clips, name))


def test_a_folder_that_is_no_store_is_refused(tmp_path: Path):
    assert "no manifest.json" in refusal(tmp_path)
    assert "no manifest.json" in refusal(tmp_path / "absent")


def test_a_missing_manifest_is_refused(store: Store):
    (store.path / "manifest.json").unlink()
    assert "no manifest.json" in refusal(store.path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 1}', '{"format": "psp-store-1"}'])
def test_a_damaged_or_foreign_manifest_is_refused(store: Store, text: str):
    (store.path / "manifest.json").write_text(text)
    assert "manifest.json" in refusal(store.path)


@pytest.mark.parametrize(
    "change",
    [
        {"parts": ["joints.npy", "clips.csv"]},
        {"parts": {}},
        {"parts": {"joints.npy": {"bytes": 1, "sha256": ""}}},
        {"parts": {"joints.npy": 1, "clips.csv": 2}},
        {"parts": {"joints.npy": {"bytes": 1}, "clips.csv": {"bytes": 1}}},
        {"preprocessing": []},
        {"preprocessing": {"normalise": "none"}},
        {"classes": "four"},
        {"layout": 20},
    ],
    ids=str,
)
def test_a_manifest_with_entries_of_another_kind_is_refused(store: Store, change: dict):
    (store.path / "manifest.json").write_text(json.dumps({**store.manifest, **change}))
    assert "manifest.json" in refusal(store.path)


@pytest.mark.parametrize("name", ["joints.npy", "clips.csv", "ids.npy", "columns.npy"])
def test_a_missing_part_is_refused(store: Store, name: str):
    (store.path / name).unlink()
    assert refusal(store.path).startswith(f"{name} is missing")


@pytest.mark.parametrize("name", ["joints.npy", "clips.csv"])
def test_a_truncated_part_is_refused(store: Store, name: str):
    part = store.path / name
    whole = part.read_bytes()
    part.write_bytes(whole[:-5])
    assert f"{name} has {len(whole) - 5} bytes instead of {len(whole)}" in refusal(store.path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("label", "colour", 1), "unknown columns"),
        (lambda text: text.splitlines()[0] + "\n", "no clips"),
        (lambda text: text.replace("clip003,3", "clip003,three"), "damaged"),
        (lambda text: text.replace("clip003,", "clip003,1,"), "damaged"),
        (lambda text: "", "damaged"),
        (lambda text: re.sub(r"(?<=\d),\d+$", "", text, flags=re.MULTILINE), "damaged"),
        (lambda text: text.replace("clip003,3", "clip003,99999999999999999999"), "damaged"),
        (lambda text: text.replace("clip003,3", "clip003,\0"), "damaged"),
    ],
    ids=[
        "a column renamed",
        "no rows",
        "a word for a number",
        "a field too many",
        "empty",
        "every row too short",
        "a huge number",
        "a zero byte",
    ],
)
def test_a_damaged_table_is_refused(store: Store, change: Callable[[str], str], message: str):
    rewrite(store.path / "clips.csv", change)
    assert message in refusal(store.path)


def test_a_table_that_does_not_fit_the_joints_is_refused(store: Store):
    rewrite(store.path / "clips.csv", lambda text: "\n".join(text.splitlines()[:-1]) + "\n")
    assert "joints.npy has the shape" in refusal(store.path)


def with_value(column: str, value: int) -> Callable[[str], str]:
    """Set one column of the third clip."""

    def change(text: str) -> str:
        lines = text.splitlines()
        fields = lines[3].split(",")
        fields[COLUMNS.index(column)] = str(value)
        return "\n".join([*lines[:3], ",".join(fields), *lines[4:]]) + "\n"

    return change


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("label", -2),
        ("label", 4),
        ("subject", -1),
        ("camera", -1),
        ("setup", -1),
        ("repetition", -1),
        ("first_row", 1),
        ("first_row", -1),
    ],
)
def test_impossible_values_are_refused(store: Store, column: str, value: int):
    rewrite(store.path / "clips.csv", with_value(column, value))
    assert refusal(store.path) == f"the {column} of clip clip002 cannot be {value}."


def test_negative_lengths_are_refused(store: Store):
    persons, frames = (int(column[2]) for column in (store.clips.persons, store.clips.frames))
    change = with_value("frames", -frames)
    rewrite(store.path / "clips.csv", lambda text: change(with_value("persons", -persons)(text)))
    assert refusal(store.path).startswith("the persons of clip clip002 cannot be")


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
    assert refusal(store.path) == "joints.npy holds int32, not float32."


def test_joints_of_another_layout_are_refused(store: Store):
    manifest = store.path / "manifest.json"
    manifest.write_text(manifest.read_text().replace("kinect20", "ntu25"))
    assert "joints.npy has the shape" in refusal(store.path)
