import csv
import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psp.dataset.clip_table import (
    RESERVED,
    ClipTable,
    TableBuilder,
    check_table,
    keys_of_ids,
    read_table,
    sha256_as_csv,
    write_table,
)
from psp.errors import RecordingError, StoreError
from psp.skeleton.recording import ClipInfo
from stores import small_store

text = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=9)
ids = st.lists(text, min_size=1, max_size=30, unique=True)


def table(names: list[str], **columns: Any) -> ClipTable:
    numbers = np.arange(len(names))
    return ClipTable.of(names, numbers % 3 - 1, numbers % 2 + 1, numbers + 1, columns)


@given(ids, ids)
def test_indices_of_is_a_dictionary(names: list[str], others: list[str]):
    index_of_id = {name: index for index, name in enumerate(names)}
    wanted = [*others, *names]
    assert table(names).indices_of(wanted).tolist() == [index_of_id.get(name, -1) for name in wanted]


@given(ids)
def test_order_sorts_the_ids(names: list[str]):
    assert [names[index] for index in table(names).order] == sorted(names)


@given(ids)
def test_keys_are_hashes_of_the_ids(names: list[str]):
    digests = [hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names]
    assert keys_of_ids(names).tolist() == [int.from_bytes(each, "little", signed=True) for each in digests]
    assert table(names).key.tolist() == keys_of_ids(names).tolist()


def test_clips_lie_one_after_the_other():
    found = ClipTable.of(["a", "b", "c"], [0, 0, 0], persons=[1, 2, 1], frames=[5, 3, 4])
    assert found.first_row.tolist() == [0, 5, 11]


@given(ids, st.data())
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, names: list[str], data: st.DataObject):
    each = {"size": st.integers(-(2**63), 2**63 - 1), "age": st.floats(allow_nan=False), "note": text | st.just("")}
    columns = {name: data.draw(st.lists(kind, min_size=len(names), max_size=len(names))) for name, kind in each.items()}
    path = tmp_path_factory.mktemp("table") / "clips.arrow"
    written = table(names, **columns)
    write_table(written, path)
    read = read_table(path)
    assert tuple(read.columns) == ("size", "age", "note")
    for name in (*RESERVED, *each):
        assert np.array_equal(read.column(name), written.column(name))
        assert read.column(name).dtype == written.column(name).dtype
    assert {name: read.columns[name].tolist() for name in columns} == columns
    assert sha256_as_csv(read) == sha256_as_csv(written)


def test_numbers_stay_on_disk(tmp_path: Path):
    clips = small_store(tmp_path / "store").clips
    before = pa.total_allocated_bytes()
    columns = [clips.column(name) for name in (*RESERVED[1:], *clips.columns)]
    assert pa.total_allocated_bytes() == before
    assert not any(column.flags.owndata for column in columns)


def test_the_hash_is_that_of_the_csv_text():
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(["id", "label", "subject", "who", "persons", "frames", "first_row"])
    writer.writerows([["a,b", -1, 7, "Ann", 1, 1, 0], ["c", 0, 8, "Bo", 2, 2, 1]])
    found = sha256_as_csv(table(["a,b", "c"], subject=[7, 8], who=["Ann", "Bo"]))
    assert found == hashlib.sha256(file.getvalue().encode()).hexdigest()


def test_an_unknown_column_is_answered_with_the_known_ones():
    with pytest.raises(StoreError, match=r"no column 'camera'\. The columns of this data set: subject"):
        table(["a"], subject=[1]).column("camera")


def test_the_facts_of_a_clip_come_back():
    found = table(["a", "b"], subject=[1, 2], who=["", "Bo"], age=[float("nan"), 2.5])
    assert found.info(0) == ClipInfo("a", None, {"subject": 1})
    assert found.info(1) == ClipInfo("b", 0, {"subject": 2, "who": "Bo", "age": 2.5})


def built(*columns: dict[str, Any]) -> ClipTable:
    builder = TableBuilder(classes=2)
    for number, each in enumerate(columns):
        builder.add(ClipInfo(f"clip{number}", None, each), 1, 1)
    return builder.build()


@pytest.mark.parametrize(
    ("values", "kind", "found"),
    [
        ([1, 2, 3], "i", [1, 2, 3]),
        ([1, 2.5, 3], "f", [1, 2.5, 3]),
        ([1, "b", 2.5], "U", ["1", "b", "2.5"]),
        ([4, True, 0], "i", [4, 1, 0]),
    ],
)
def test_a_column_has_the_narrowest_type(values: list[Any], kind: str, found: list[Any]):
    column = built(*({"x": value} for value in values)).column("x")
    assert (column.dtype.kind, column.tolist()) == (kind, found)


def test_a_missing_value_is_empty_text_or_nan():
    found = built({"age": 3}, {"who": "Ann"}, {"age": 4, "who": "Bo"})
    assert found.column("who").tolist() == ["", "Ann", "Bo"]
    assert np.array_equal(found.column("age"), [3, np.nan, 4], equal_nan=True)
    assert tuple(found.columns) == ("age", "who")


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (ClipInfo("there"), "two recordings have this id"),
        (ClipInfo(""), "the id is empty"),
        (ClipInfo("a\0"), "cannot be printed"),
        (ClipInfo("a\udce4"), "cannot be printed"),
        (ClipInfo("a", 2), "label 2 is not one of the 2 classes"),
        (ClipInfo("a", -1), "label -1"),
        (ClipInfo("a", 0, {"frames": 3}), "the column name 'frames' is reserved"),
        (ClipInfo("a", 0, {"who": "\udce4"}), "'who' holds text that is not valid Unicode"),
    ],
    ids=lambda value: value if isinstance(value, str) else repr(value.id),
)
def test_facts_that_cannot_be_stored_are_refused_and_not_kept(info: ClipInfo, message: str):
    builder = TableBuilder(classes=2)
    builder.add(ClipInfo("there"), 1, 1)
    with pytest.raises(RecordingError, match=message) as refusal:
        builder.add(info, 1, 1)
    assert refusal.value.remedy
    assert builder.build().id.tolist() == ["there"]


def test_numbers_of_more_than_64_bits_are_refused():
    with pytest.raises(RecordingError, match="its x is a number of more than 64 bits"):
        built({"x": 2**63})


def write_foreign(path: Path, **changed: Any) -> None:
    columns = {name: table(["a", "b"]).table.column(name) for name in RESERVED} | changed
    content = pa.table({name: values for name, values in columns.items() if values is not None})
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, content.schema) as writer:
        writer.write_table(content)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"id": [1, 2]}, "the column id of clips.arrow is int64, not string"),
        ({"key": None}, "the column key of clips.arrow is missing"),
        ({"frames": [1.0, 2.0]}, "the column frames of clips.arrow is double, not int64"),
    ],
)
def test_a_foreign_table_is_refused(tmp_path: Path, changed: dict[str, Any], message: str):
    write_foreign(tmp_path / "clips.arrow", **changed)
    with pytest.raises(StoreError, match=message):
        read_table(tmp_path / "clips.arrow")


def test_a_table_without_clips_is_refused(tmp_path: Path):
    write_table(ClipTable.of([], [], [], []), tmp_path / "clips.arrow")
    with pytest.raises(StoreError, match="has no clips"):
        read_table(tmp_path / "clips.arrow")


@pytest.mark.parametrize("keep", [0, 4, 200, -10])
def test_a_truncated_or_empty_table_is_refused(tmp_path: Path, keep: int):
    path = tmp_path / "clips.arrow"
    write_table(table(["a", "b"]), path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(StoreError, match=r"clips\.arrow is damaged"):
        read_table(path)


@pytest.mark.parametrize(
    ("name", "value"), [("label", -2), ("label", 2), ("persons", 0), ("frames", -1), ("first_row", 7)]
)
def test_impossible_values_are_refused(name: str, value: int):
    content = table(["a", "b", "c"]).table
    position = content.column_names.index(name)
    values = content.column(name).to_pylist()
    values[1] = value
    changed = ClipTable(content.set_column(position, name, pa.array(values)))
    with pytest.raises(StoreError, match=f"the {name} of clip b cannot be {value}"):
        check_table(changed, 2, "here")
