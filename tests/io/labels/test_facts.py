"""The table of facts: what it says is read with its types, and whatever is wrong is named."""

import csv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psp.errors import RecordingError
from psp.io.labels.facts import Facts, class_names, marks_of_none, read_facts, similar_names


def table(folder: Path, text: str | bytes) -> Path:
    content = text if isinstance(text, bytes) else text.encode()
    (folder / "clips.csv").write_bytes(content)
    return folder / "clips.csv"


@pytest.mark.parametrize("start", ["", "\ufeff"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_labels_and_columns(tmp_path: Path, start: str, newline: str) -> None:
    lines = [f"{start}file, label ,subject,age,place", "a.npy, walk,001,20.5,x", "b.npy,,2,,3", ""]
    *first, last = read_facts(table(tmp_path, newline.join([*lines, ' c d.npy ,"x, y",3,nan,']))).lines
    assert first == [
        Facts("a.npy", None, "walk", {"subject": 1, "age": 20.5, "place": "x"}),
        Facts("b.npy", None, None, {"subject": 2, "place": "3"}),
    ]
    assert (last.name, last.label, list(last.columns)) == ("c d.npy", "x, y", ["subject", "age"])


def test_a_table_of_ids_or_of_both(tmp_path: Path) -> None:
    assert read_facts(table(tmp_path, "id,label\none,x\n")).lines == (Facts("one", "one", "x", {}),)
    assert read_facts(table(tmp_path, "id,file\none,1.npy\n")).lines == (Facts("1.npy", "one", None, {}),)


def test_known_columns_in_any_case_others_as_they_are(tmp_path: Path) -> None:
    lines = read_facts(table(tmp_path, "FileName,CLASS,Subject,Camera\na,x,1,2\n")).lines
    assert lines == (Facts("a", None, "x", {"subject": 1, "Camera": 2}),)
    lines = read_facts(table(tmp_path, "file,label,class\na,x,2\n")).lines
    assert lines == (Facts("a", None, "x", {"class": 2}),)


@pytest.mark.parametrize("name", ["Behavior", "behaviour", "ACTION", "activity", "gesture"])
def test_other_names_of_the_label(tmp_path: Path, name: str) -> None:
    (line,) = read_facts(table(tmp_path, f"file,start,end,{name}\na,0,1,x\n")).lines
    assert (line.label, line.interval, line.columns) == ("x", (0, 1), {})
    (line,) = read_facts(table(tmp_path, f"file,{name},class\na,1,x\n")).lines
    assert (line.label, list(line.columns.values())) == ("x", [1])
    (line,) = read_facts(table(tmp_path, f"file,{name},Label\na,1,x\n")).lines
    assert (line.label, list(line.columns.values())) == ("x", [1])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "no column file or id"),
        ("name,label\na,x\n", "no column file or id among name, label"),
        ("file,label,label\na,x,y\n", "occurs twice"),
        ("file,label,Label\na,x,y\n", "occurs twice"),
        ("file,label,\na,x,y\n", "is empty"),
        ("file,frames\na,3\n", "'frames' is reserved"),
        ("file,label\na,x,y\n", "line 2 has 3 entries, the header 2"),
        ("file,label\n,x\n", r"line 2: this line names no recording"),
        ("file,label\na,x\n\nb,x\na,y\n", r"line 5: 'a' has two lines that contradict each other, 'x' and 'y'"),
        ("file,label\na,x\na,\n", "'x' and no label"),
        ("file,age\na,1\na,2\n", "'a' has two lines"),
        ("file,label\n".encode("utf-16"), "text in UTF-16"),
        (b"file,label\n\xe4,x\n", "byte 11 is not UTF-8 text"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str | bytes, says: str) -> None:
    with pytest.raises(RecordingError, match=says) as refusal:
        read_facts(table(tmp_path, text))
    assert refusal.value.where.startswith(str(tmp_path / "clips.csv"))
    assert refusal.value.remedy


def test_a_line_that_occurs_twice_counts_once(tmp_path: Path) -> None:
    assert len(read_facts(table(tmp_path, "file,label\na,x\na,x\nb,\n")).lines) == 2


def test_a_missing_table_is_told(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="cannot be read"):
        read_facts(tmp_path / "clips.csv")


@pytest.mark.parametrize(
    ("labels", "names"),
    [(["b", "a", "b"], ("a", "b")), (["10", "9", "9"], ("9", "10")), (["10", "9", "x"], ("10", "9", "x")), ([], ())],
)
def test_classes_are_in_order(labels: list[str], names: tuple[str, ...]) -> None:
    assert class_names(labels) == names


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]))
entries = st.one_of(
    st.lists(st.integers(-(2**63) + 1, 2**63 - 1), min_size=1, max_size=5),
    st.lists(st.floats(allow_nan=False), min_size=1, max_size=5),
    st.lists(words.filter(bool), min_size=1, max_size=5),
)


@given(values=entries)
def test_a_column_comes_back_with_its_type(tmp_path_factory: pytest.TempPathFactory, values: list) -> None:
    path = tmp_path_factory.mktemp("facts") / "clips.csv"
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["file", "value"], *([f"{at}.npy", value] for at, value in enumerate(values))])
    found = [facts.columns["value"] for facts in read_facts(path).lines]
    if isinstance(values[0], str):
        assert [str(value) for value in found] == values or not any(isinstance(value, str) for value in found)
    else:
        assert found == values
        assert {type(value) for value in found} == {type(values[0])}


def test_classes_that_differ_only_in_spelling_are_named(tmp_path: Path) -> None:
    assert similar_names(["sit", "Sit down", "sitdown", "wave"]) == [
        "The classes 'Sit down' and 'sitdown' differ only in case or blanks; they are kept apart."
    ]
    assert similar_names(["1", "-1", "wave"]) == []


def test_half_an_interval_is_said(tmp_path: Path) -> None:
    (tmp_path / "clips.csv").write_text("file,label,start\na,wave,3\n")
    assert read_facts(tmp_path / "clips.csv").notes == (
        "The column 'start' is not taken as that of an interval, because there is no column 'end'.",
    )


def test_classes_that_may_mark_a_missing_label_are_named() -> None:
    assert len(marks_of_none(["-1", "NaN", "None", "wave", "1"])) == 3
    assert marks_of_none(["wave", "none of them"]) == []


def test_a_table_without_labels_says_so(tmp_path: Path) -> None:
    assert read_facts(table(tmp_path, "file,lable\na,x\n")).notes == (
        "The table has no column label; its columns are file, lable.",
    )
