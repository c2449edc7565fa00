import gzip
import json
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psp.dataset.benchmarks import BENCHMARKS
from psp.dataset.budget import LabelBudget
from psp.dataset.clip_table import ClipTable
from psp.dataset.labels import (
    XCAR2022_POSITIONS,
    draw_labels,
    read_labels,
    resolve_labels,
    with_label_classes,
    write_labels,
)
from psp.dataset.split import Split, resolve_split
from psp.dataset.store import Store
from psp.errors import BudgetError, RecordingError, StoreError
from psp.io.labels.label_table import read_label_table
from stores import table_store


def balanced(classes: int = 4, per_class: int = 60, order: int = 0, **changed: int) -> Store:
    """A shuffled table of training clips and one test clip; `changed` are other labels by id."""
    numbers = np.random.default_rng(order).permutation(classes * per_class)
    ids = [*(f"clip{number:04d}" for number in numbers), "test"]
    labels = [*(numbers % classes).tolist(), 0]
    return table_store(ids, [changed.get(name, label) for name, label in zip(ids, labels, strict=True)])


def whole(store: Store, name: str = "synthetic-xsub") -> Split:
    """The split that trains on everything but the test clip."""
    return Split(name, tuple(sorted(set(store.clips.id.tolist()) - {"test"})), {"full": ("test",)})


def labels_of(budget: LabelBudget, store: Store) -> list[int]:
    """The number of clips of each class in a budget."""
    return np.bincount(store.clips.label[store.clips.indices_of(budget.ids)]).tolist()


def resolve(spec: str | Path | LabelBudget, store: Store, seed: int = 0, name: str = "synthetic-xsub") -> LabelBudget:
    return resolve_labels(spec, store, whole(store, name), seed)


@pytest.fixture(scope="module")
def ntu60(shared_data: Path) -> Store:
    text = gzip.decompress((shared_data / "ntu-samples/ntu60_available_names.txt.gz").read_bytes()).decode()
    names = text.split()
    camera, subject, label = (np.array([int(name[at : at + 3]) for name in names]) for at in (5, 9, 17))
    return table_store(names, label - 1, "ntu60", camera=camera, subject=subject)


@pytest.mark.parametrize(
    ("split", "spec", "labels"),
    [
        ("ntu60-xsub", "5%", 1_980),
        ("ntu60-xview", "5%", 1_860),
        ("ntu60-xsub", "40%", 264 * 60),
        ("ntu60-xview", "40%", 248 * 60),
        ("ntu60-xsub", "xcar2022", 1_980),
        ("ntu60-xsub", "all", 40_091),
    ],
)
def test_ntu60_budgets_have_the_published_sizes(ntu60: Store, split: str, spec: str, labels: int):
    assert len(resolve_labels(spec, ntu60, BENCHMARKS[split].make(ntu60), seed=0).ids) == labels


def test_xcar2022_takes_the_same_positions_of_every_class(ntu60: Store):
    split = BENCHMARKS["ntu60-xsub"].make(ntu60)
    chosen = set(draw_labels("xcar2022", ntu60, split, seed=0).ids)
    label = dict(zip(ntu60.clips.id.tolist(), ntu60.clips.label.tolist(), strict=True))
    for wanted in range(60):
        names = [name for name in split.train if label[name] == wanted]
        assert [position for position, name in enumerate(names) if name in chosen] == list(XCAR2022_POSITIONS)
    assert len(XCAR2022_POSITIONS) == 33


@pytest.mark.parametrize("name", ["ntu60-xsub", "synthetic-xsub"])
def test_xcar2022_is_refused_where_the_positions_mean_something_else(name: str):
    with pytest.raises(BudgetError, match="40,091 training clips of ntu60-xsub; here are 240"):
        resolve("xcar2022", balanced(), name=name)


@settings(max_examples=20)
@given(seed=st.integers(0, 2**31), number=st.integers(1, 60))
def test_every_class_gives_the_same_number(seed: int, number: int):
    store = balanced()
    assert labels_of(resolve(f"{number}/class", store, seed), store) == [number] * 4


@settings(max_examples=20)
@given(seed=st.integers(0, 2**31))
def test_budgets_of_one_seed_are_nested(seed: int):
    store = balanced()
    sets = [set(resolve(f"{share}%", store, seed, "nw-ucla").ids) for share in (5, 15, 30, 40)]
    assert [len(each) for each in sets] == [20, 60, 120, 160]
    assert sets[0] < sets[1] < sets[2] < sets[3]


@settings(max_examples=20)
@given(seed=st.integers(0, 2**31), order=st.integers(0, 2**31))
def test_the_order_of_the_table_does_not_matter(seed: int, order: int):
    here, there = (resolve("5/class", balanced(order=each), seed) for each in (0, order))
    assert here == there
    assert here.hash == there.hash


def test_the_draw_is_the_documented_one():
    budget = resolve("3/class", balanced(), seed=7)
    expected = []
    for label in range(4):
        names = [f"clip{number:04d}" for number in range(240) if number % 4 == label]
        expected += sorted(names, key=lambda name: sha256(f"7/{label}/{name}".encode()).hexdigest())[:3]
    assert budget.ids == tuple(sorted(expected))


def test_a_draw_and_its_hash_stay_the_same_from_version_to_version():
    budget = resolve("1/class", balanced())
    assert budget.ids == ("clip0015", "clip0064", "clip0158", "clip0181")
    assert budget.hash == "db438b6acf8e92f0d8e54a2853bd733337e7e7b800f06ebf878f467e8600140c"


def test_seeds_differ():
    first, second = (resolve("5/class", balanced(), seed) for seed in (0, 1))
    assert first.ids != second.ids
    assert first.hash != second.hash


@pytest.mark.parametrize(("spec", "per_class"), [("5%", 3), ("2.5%", 1), ("0.1%", 1), ("33.4%", 20), ("100%", 60)])
def test_a_percentage_without_a_published_number_is_rounded_down(spec: str, per_class: int):
    store = balanced()
    assert labels_of(resolve(spec, store), store) == [per_class] * 4


@pytest.mark.parametrize("spec", ["", "5", "5 %", "0%", "101%", "-5%", "0/class", "five/class", "5/klass", "ALL"])
def test_an_unreadable_budget_is_refused(spec: str):
    with pytest.raises(BudgetError, match="Budgets are written"):
        resolve(spec, balanced())


def test_of_a_class_with_fewer_clips_all_are_taken_and_it_is_named():
    store = table_store([*"abcde", "test"], [0, 0, 0, 1, 1, 0])
    budget = resolve("3/class", store)
    assert (budget.ids, budget.spec) == (tuple("abcde"), "3/class")
    assert budget.warnings == ("1 class has fewer than 3 labelled training clips, all are taken: class 1 (2).",)


@pytest.mark.parametrize("spec", ["3/class", "75%"])
def test_a_budget_can_insist_on_its_number(spec: str):
    store = table_store([*"abcdefgh", "test"], [0, 0, 0, 0, 0, 0, 1, 1, 0])
    with pytest.raises(BudgetError, match=r"3 labelled .* per class; class 'class 1' has 2\. Use at most 2/class"):
        resolve(f"{spec}!", store)
    assert resolve("2/class!", store) == resolve("2/class", store)


def test_classes_that_cannot_be_predicted_are_named():
    store = table_store([*"abc", "test"], [0, 0, 2, 1])
    lost = "1 class has no labelled training clip: 'class 1'."
    wrong = "1 of the test clips are of such classes and count as wrong."
    assert resolve("1/class", store).warnings == (lost, wrong)
    assert resolve("all", store).warnings == (lost, wrong, "1 class has one labelled training clip: 'class 2'.")
    assert resolve("all", balanced()).warnings == ()


def test_clips_without_a_label_are_never_drawn():
    store = table_store([*"abcd", "test"], [-1, 0, 1, -1, 0])
    assert resolve("all", store).ids == ("b", "c")
    with pytest.raises(BudgetError, match="no training clip has a label"):
        resolve_labels("all", store, Split("x", ("a", "d"), {"full": ("b",)}), 0)


def test_only_training_clips_are_drawn():
    store = balanced()
    split = Split("half", tuple(sorted(store.clips.id[:-1:2].tolist())), {"full": ("test",)})
    assert resolve_labels("all", store, split).ids == split.train


def test_labels_outside_the_budget_change_nothing():
    store = balanced()
    budget = resolve("5/class", store)
    without = {name: -1 for name in store.clips.id.tolist() if name not in budget.ids and name != "test"}
    index, labels = budget.resolve(store, whole(store))
    blind = balanced(**without)
    for found, expected in zip(budget.resolve(blind, whole(blind)), (index, labels), strict=True):
        assert np.array_equal(found, expected)


def test_a_budget_survives_being_written(tmp_path: Path):
    store = balanced()
    for budget in (resolve("5/class", store, 3), LabelBudget("own.csv", "x", 0, ("a", "b"), {"a": 1, "b": 0})):
        write_labels(budget, tmp_path / "labels.json")
        again = read_labels(tmp_path / "labels.json")
        assert (again, again.hash) == (budget, budget.hash)


def test_a_budget_in_a_file_is_used(tmp_path: Path):
    store, path = balanced(), tmp_path / "labels.json"
    budget = resolve("5/class", store, 3)
    write_labels(budget, path)
    assert resolve(path, store) == resolve(str(path), store) == resolve(budget, store) == budget


def test_a_budget_of_the_first_format_is_read(tmp_path: Path):
    store, path = balanced(), tmp_path / "budget.json"
    budget = resolve("1/class", store)
    old = {"format": "psp-budget-1", "spec": "1/class", "protocol": "synthetic-xsub", "seed": 0}
    old |= {"sha256": "db438b6acf8e92f0d8e54a2853bd733337e7e7b800f06ebf878f467e8600140c", "ids": list(budget.ids)}
    path.write_text(json.dumps(old))
    assert resolve(path, store) == budget


@pytest.mark.parametrize(
    ("entry", "value"),
    [("ids", ["clip0000"]), ("seed", 4), ("spec", "9/class"), ("split", "ntu60-xsub"), ("labels", {"clip": 0})],
)
def test_an_edited_file_is_refused(tmp_path: Path, entry: str, value: object):
    path = tmp_path / "labels.json"
    write_labels(LabelBudget("1/class", "synthetic-xsub", 3, ("clip",)), path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {entry: value}))
    with pytest.raises(BudgetError, match="was edited"):
        read_labels(path)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"format": "psp-labels-2"}', '{"format": "psp-split-1"}'])
def test_a_file_that_is_no_budget_is_refused(tmp_path: Path, text: str):
    path = tmp_path / "labels.json"
    path.write_text(text)
    with pytest.raises(BudgetError, match=r"JSON|expected|missing") as refusal:
        read_labels(path)
    assert refusal.value.where.startswith(str(path))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"ids": None}, "ids: expected a list, found null"),
        ({"ids": []}, "names no clips"),
        ({"ids": [7]}, r"ids\[0\]: expected text"),
        ({"ids": ["a", "b", "a"]}, "a clip twice"),
        ({"labels": {"clip": "a"}}, r"labels\.clip: expected a whole number"),
        ({"labels": {"other": 1}}, "labels are not those of its clips"),
    ],
)
def test_a_list_that_is_no_budget_is_refused(tmp_path: Path, change: dict[str, object], message: str):
    path = tmp_path / "labels.json"
    write_labels(LabelBudget("5/class", "synthetic-xsub", 0, ("clip",)), path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(BudgetError, match=message):
        read_labels(path)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(BudgetError, match=r"nowhere\.json: the file cannot be read"):
        read_labels(tmp_path / "nowhere.json")


def test_a_budget_applies_to_another_data_set_with_the_same_clips():
    budget = resolve("5/class", balanced())
    other = balanced(per_class=70, order=1)
    index, labels = budget.resolve(other, whole(other))
    assert other.clips.id[index].tolist() == list(budget.ids)
    assert labels.tolist() == other.clips.label[index].tolist()


def test_a_budget_is_refused_where_its_clips_are_no_labelled_training_clips():
    store = balanced()
    budget = resolve("5/class", store)
    first = budget.ids[0]
    message = f"1 of the 20 clips of the label budget are not training clips with a label, the first is '{first}'"
    fewer = Split("synthetic-xsub", tuple(name for name in whole(store).train if name != first), {"full": ("test",)})
    with pytest.raises(BudgetError, match=message):
        budget.resolve(store, fewer)
    with pytest.raises(BudgetError, match=message):
        resolve(budget, balanced(**{first: -1}))
    absent = table_store(["a", "test"], [0, 0])
    with pytest.raises(BudgetError, match="20 of the 20 clips"):
        resolve(budget, absent)


def test_a_budget_of_another_split_is_refused():
    store = balanced()
    with pytest.raises(BudgetError, match="is for the split 'synthetic-xsub', not 'nw-ucla'"):
        resolve(resolve("5/class", store), store, name="nw-ucla")


def label_file(folder: Path, *lines: str) -> Path:
    path = folder / "mine.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def small() -> Store:
    """Four training clips, the last two of them unlabelled in the data set."""
    return table_store(["a", "b", "c", "d/e", "test"], [0, 1, -1, -1, 0], subject=[1, 1, 1, 1, 2])


def from_file(path: Path) -> LabelBudget:
    store = small()
    return resolve_labels(path, store, resolve_split("subject=2", store), 0)


def test_ids_in_a_file_have_the_labels_of_the_data_set(tmp_path: Path):
    budget = from_file(label_file(tmp_path, "id", "b", "a", "b"))
    assert budget == LabelBudget("mine.csv", "subject=2", 0, ("a", "b"))
    store = small()
    assert budget.resolve(store, resolve_split("subject=2", store))[1].tolist() == [0, 1]


def test_labels_in_a_file_are_used(tmp_path: Path):
    lines = ("file,label,note", "d/e.npz,class 1,?", "a.npy,class 0,", "", "b.npy,,not sure")
    budget = from_file(label_file(tmp_path, *lines))
    assert budget == LabelBudget("mine.csv", "subject=2", 0, ("a", "d/e"), {"a": 0, "d/e": 1}, classes=small().classes)
    assert budget.hash != LabelBudget("mine.csv", "subject=2", 0, ("a", "d/e")).hash
    store = small()
    index, labels = budget.resolve(store, resolve_split("subject=2", store))
    assert (index.tolist(), labels.tolist()) == ([0, 3], [0, 1])


def test_a_file_that_does_not_exist_is_said_to_be_absent(tmp_path: Path):
    folder = tmp_path / "folder.csv"
    folder.mkdir()
    with pytest.raises(BudgetError, match=r"absent\.csv: there is no such file\. Correct the path\."):
        from_file(tmp_path / "absent.csv")
    with pytest.raises(BudgetError, match=r"the file cannot be read \(it is not a regular file\)"):
        from_file(folder)


@pytest.mark.parametrize("header", ["ID,Label", "FileName,class"])
def test_headers_of_a_file_in_any_case_and_synonyms(tmp_path: Path, header: str):
    assert from_file(label_file(tmp_path, header, "a,class 0", "c,class 1")).labels == {"a": 0, "c": 1}


def test_a_file_that_is_not_in_utf_8_is_told_like_other_tables(tmp_path: Path):
    (tmp_path / "mine.csv").write_bytes("id,label\na,Grüße\n".encode("latin-1"))
    with pytest.raises(BudgetError, match=r"mine\.csv: byte 13 is not UTF-8 text\. Save it as UTF-8"):
        from_file(tmp_path / "mine.csv")


@pytest.mark.parametrize("stored", ["NFC", "NFD"])
@pytest.mark.parametrize("written", ["NFC", "NFD"])
def test_letters_may_be_spelled_in_two_ways(tmp_path: Path, stored: str, written: str):
    name, path = normalize(stored, "für"), tmp_path / "mine.csv"
    store = replace(table_store([name, "b"], [0, 1]), classes=(normalize(stored, "Grüße"), "x"))
    path.write_text(normalize(written, "file,label\nfür.npy,Grüße\nb,x\n"))
    budget = resolve_labels(path, store, Split("none", tuple(sorted((name, "b"))), {}), 0)
    assert budget.labels == {name: 0, "b": 1}
    none = replace(table_store([name, "b"], [-1, -1]), classes=())
    assert with_label_classes(none, path).classes == (normalize("NFC", "Grüße"), "x")


def test_a_column_that_is_there_twice_is_refused(tmp_path: Path):
    (tmp_path / "own.csv").write_text("id,label,Label\na,class 0,class 1\n")
    store = table_store(["a", "b"], [0, 1])
    with pytest.raises(BudgetError, match="two columns 'label'"):
        resolve_labels(tmp_path / "own.csv", store, Split("none", ("a", "b"), {}), 0)


def test_a_quotation_mark_that_does_not_end_is_said(tmp_path: Path):
    path = label_file(tmp_path, "id,label", 'a,"class 0', *["b,class 1"] * 20000)
    with pytest.raises(BudgetError, match=r"the table cannot be read .* quotation mark"):
        resolve_labels(path, table_store(["a", "b"], [0, 1]), Split("none", ("a", "b"), {}), 0)
    with pytest.raises(RecordingError, match="quotation mark"):
        read_label_table(path)


@pytest.mark.parametrize("name", ["a\x07", "x" * 300])
def test_new_classes_have_printable_names(tmp_path: Path, name: str):
    none = replace(table_store(["a", "b"], [-1, -1]), classes=())
    (tmp_path / "own.csv").write_text(f"id,label\na,{name}\nb,wave\n")
    with pytest.raises(StoreError, match="the name of the class"):
        with_label_classes(none, tmp_path / "own.csv")


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_entries_may_be_separated_as_spreadsheets_do(tmp_path: Path, delimiter: str):
    rows = (delimiter.join(row) for row in (("id", "label"), ("a", "class 0"), ("c", "class 1")))
    assert from_file(label_file(tmp_path, *rows)).ids == ("a", "c")


def test_a_class_that_a_file_leaves_out_is_warned_of(tmp_path: Path):
    assert from_file(label_file(tmp_path, "id", "a")).warnings == ("1 class has no labelled training clip: 'class 1'.",)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["name", "a"], "no column 'id' in the first line"),
        (["id"], "names no labelled clip"),
        (["id,label", "a,"], "names no labelled clip"),
        (["id", "nobody"], "no clip 'nobody' in this data set"),
        (["id,label", "a,class 0", "a,class 1"], "clip 'a' has the labels 'class 0' and 'class 1'"),
        (["id,label", "a,class 1"], "clip 'a' is labelled 'class 1', but 'class 0' in the data set"),
        (
            ["id,label", "a,wave"],
            r"'wave' is not a class of this data set\. Its classes: class 0, class 1.* --new-classes",
        ),
        (["id", "c"], "the first is 'c'"),
        (["id", "x/e2"], r"no clip 'x/e2' in this data set\. Did you mean 'd/e'\?"),
        (["id", "zz"], r"no clip 'zz' in this data set\. Ids look like 'a'"),
        (["id", "a", *"vwxyz"], r"5 lines name no clip of this data set: 'v', 'w', 'x', 2 more\."),
        (["id", "test"], "the first is 'test'"),
    ],
)
def test_a_file_that_contradicts_is_refused(tmp_path: Path, lines: list[str], message: str):
    path = label_file(tmp_path, *lines)
    with pytest.raises(BudgetError, match=message) as refusal:
        from_file(path)
    assert refusal.value.where == str(path)
    assert refusal.value.remedy


def test_own_labels_of_classes_that_are_not_there_are_refused():
    store = small()
    budget = LabelBudget("mine.csv", "subject=2", 0, ("c",), {"c": 7})
    with pytest.raises(BudgetError, match="class 7, but the data set has 2 classes"):
        resolve_labels(budget, store, resolve_split("subject=2", store))


def test_own_labels_are_found_by_the_names_of_their_classes(tmp_path: Path):
    """As where data are prepared again with a further class that comes first."""
    budget = from_file(label_file(tmp_path, "file,label", "d/e.npz,class 1", "a.npy,class 0"))
    write_labels(budget, tmp_path / "labels.json")
    read = read_labels(tmp_path / "labels.json")
    assert (read, read.hash) == (budget, budget.hash)
    store = small()
    split, bare = resolve_split("subject=2", store), ClipTable.of(
        store.clips.id, np.full(len(store), -1), store.clips.persons, store.clips.frames, dict(store.clips.columns)
    )  # fmt: skip
    again = replace(store, classes=("a first", *store.classes), clips=bare)
    assert read.resolve(again, split)[1].tolist() == [1, 2]
    with pytest.raises(BudgetError, match="the class 'class 1' of the label budget is not one of the data set"):
        read.resolve(replace(again, classes=("a first", "class 0", "other")), split)


def test_a_class_without_any_clip_is_no_obstacle():
    """As in a part of NTU RGB+D, whose store names all classes."""
    assert resolve("1/class", table_store([*"abc", "test"], [0, 2, 2, 0])).ids[0] == "a"
