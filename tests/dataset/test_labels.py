import gzip
import json
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psp.dataset.labels import (
    XCAR2022_POSITIONS,
    LabelBudget,
    draw_budget,
    has_few_labels,
    read_budget,
    write_budget,
)
from psp.dataset.split import PROTOCOLS, split
from psp.dataset.clip_table import ClipTable
from psp.errors import BudgetError

SYNTHETIC = PROTOCOLS["synthetic-xsub"]
NW_UCLA = PROTOCOLS["nw-ucla"]


def table(ids: list[str], label: list[int] | np.ndarray, **columns: list[int] | np.ndarray) -> ClipTable:
    names = ("subject", "camera", "setup", "repetition", "persons", "frames", "first_row")
    zeros = {name: np.zeros(len(ids), dtype=np.int64) for name in names}
    known = {name: np.asarray(values, dtype=np.int64) for name, values in columns.items()}
    return ClipTable(np.array(ids), np.asarray(label, dtype=np.int64), **(zeros | known))


def balanced(classes: int = 4, per_class: int = 60) -> tuple[ClipTable, np.ndarray]:
    """A shuffled table of training clips and its rows."""
    numbers = np.random.default_rng(0).permutation(classes * per_class)
    clips = table([f"clip{number:04d}" for number in numbers], label=numbers % classes)
    return clips, np.arange(len(clips))


def labels_of(budget: LabelBudget, clips: ClipTable) -> list[int]:
    """How many clips of each class a budget holds."""
    return np.bincount(clips.label[clips.rows_of(budget.ids)]).tolist()


@pytest.fixture(scope="module")
def ntu60(shared_data: Path) -> ClipTable:
    text = gzip.decompress((shared_data / "ntu-samples/ntu60_available_names.txt.gz").read_bytes()).decode()
    names = text.split()
    camera, subject, label = (np.array([int(name[at : at + 3]) for name in names]) for at in (5, 9, 17))
    return table(names, label - 1, camera=camera, subject=subject)


@pytest.mark.parametrize(
    ("protocol", "spec", "labels"),
    [
        ("ntu60-xsub", "5%", 1_980),
        ("ntu60-xview", "5%", 1_860),
        ("ntu60-xsub", "40%", 264 * 60),
        ("ntu60-xview", "40%", 248 * 60),
        ("ntu60-xsub", "xcar2022", 1_980),
        ("ntu60-xsub", "all", 40_091),
    ],
)
def test_ntu60_budgets_have_the_published_sizes(ntu60: ClipTable, protocol: str, spec: str, labels: int):
    train = split(PROTOCOLS[protocol], ntu60).train
    assert len(draw_budget(spec, PROTOCOLS[protocol], ntu60, train, seed=0).ids) == labels


@pytest.mark.parametrize(
    ("spec", "few"),
    [("5%", True), ("9.9%", True), ("10%", False), ("9/class", True), ("15/class", False), ("all", False)],
)
def test_few_labels_are_less_than_ten(spec, few):
    assert has_few_labels(spec) == few


def test_xcar2022_takes_the_same_positions_of_every_class(ntu60: ClipTable):
    protocol = PROTOCOLS["ntu60-xsub"]
    train = split(protocol, ntu60).train
    chosen = set(draw_budget("xcar2022", protocol, ntu60, train, seed=0).ids)
    for label in range(60):
        names = sorted(ntu60.id[row] for row in train if ntu60.label[row] == label)
        assert [position for position, name in enumerate(names) if name in chosen] == list(XCAR2022_POSITIONS)
    assert len(XCAR2022_POSITIONS) == 33


def test_xcar2022_is_refused_where_the_positions_mean_something_else():
    clips, train = balanced()
    for protocol in (PROTOCOLS["ntu60-xsub"], SYNTHETIC):
        with pytest.raises(BudgetError, match="40,091 training clips of ntu60-xsub; here are 240"):
            draw_budget("xcar2022", protocol, clips, train, seed=0)


@given(seed=st.integers(0, 2**31), number=st.integers(1, 60))
def test_every_class_gives_the_same_number(seed: int, number: int):
    clips, train = balanced()
    assert labels_of(draw_budget(f"{number}/class", SYNTHETIC, clips, train, seed), clips) == [number] * 4


@given(seed=st.integers(0, 2**31))
def test_budgets_of_one_seed_are_nested(seed: int):
    clips, train = balanced()
    sets = [set(draw_budget(f"{share}%", NW_UCLA, clips, train, seed).ids) for share in (5, 15, 30, 40)]
    assert [len(each) for each in sets] == [20, 60, 120, 160]
    assert sets[0] < sets[1] < sets[2] < sets[3]


@given(seed=st.integers(0, 2**31), order=st.integers(0, 2**31))
def test_the_order_of_table_and_rows_does_not_matter(seed: int, order: int):
    clips, train = balanced()
    other = np.random.default_rng(order).permutation(len(clips))
    shuffled = table(clips.id[other].tolist(), clips.label[other])
    here = draw_budget("5/class", SYNTHETIC, clips, train, seed)
    there = draw_budget("5/class", SYNTHETIC, shuffled, train[::-1].copy(), seed)
    assert here == there
    assert here.hash == there.hash


def test_the_draw_is_the_documented_one():
    clips, train = balanced()
    budget = draw_budget("3/class", SYNTHETIC, clips, train, seed=7)
    expected = []
    for label in range(4):
        names = [f"clip{number:04d}" for number in range(240) if number % 4 == label]
        expected += sorted(names, key=lambda name: sha256(f"7/{label}/{name}".encode()).hexdigest())[:3]
    assert budget.ids == tuple(sorted(expected))


def test_a_draw_and_its_hash_stay_the_same_from_version_to_version():
    clips, train = balanced()
    budget = draw_budget("1/class", SYNTHETIC, clips, train, seed=0)
    assert budget.ids == ("clip0015", "clip0064", "clip0158", "clip0181")
    assert budget.hash == "db438b6acf8e92f0d8e54a2853bd733337e7e7b800f06ebf878f467e8600140c"


def test_seeds_differ():
    clips, train = balanced()
    first, second = (draw_budget("5/class", SYNTHETIC, clips, train, seed) for seed in (0, 1))
    assert first.ids != second.ids
    assert first.hash != second.hash


@pytest.mark.parametrize(("spec", "per_class"), [("5%", 3), ("2.5%", 1), ("0.1%", 1), ("33.4%", 20), ("100%", 60)])
def test_a_percentage_without_a_published_number_is_rounded_down(spec: str, per_class: int):
    clips, train = balanced()
    assert labels_of(draw_budget(spec, SYNTHETIC, clips, train, 0), clips) == [per_class] * 4


@pytest.mark.parametrize("spec", ["", "5", "5 %", "0%", "101%", "-5%", "0/class", "five/class", "5/klass", "ALL"])
def test_an_unreadable_budget_is_refused(spec: str):
    clips, train = balanced()
    with pytest.raises(BudgetError, match="Budgets are written"):
        draw_budget(spec, SYNTHETIC, clips, train, 0)


def test_a_class_with_too_few_clips_is_named():
    clips = table(list("abcde"), label=[0, 0, 0, 1, 1])
    with pytest.raises(BudgetError, match=r"3 labelled clips per class; class 1 has 2\. Ask for at most 2/class"):
        draw_budget("3/class", SYNTHETIC, clips, np.arange(5), 0)


def test_clips_without_a_label_are_never_drawn():
    clips = table(list("abcd"), label=[-1, 0, 1, -1])
    assert draw_budget("all", SYNTHETIC, clips, np.arange(4), 0).ids == ("b", "c")
    with pytest.raises(BudgetError, match="no training clip has a label"):
        draw_budget("all", SYNTHETIC, clips, np.array([0, 3]), 0)


def test_only_training_clips_are_drawn():
    clips, _ = balanced()
    train = np.arange(0, len(clips), 2)
    assert set(draw_budget("all", SYNTHETIC, clips, train, 0).ids) == set(clips.id[train])


def test_a_budget_survives_being_written(tmp_path: Path):
    clips, train = balanced()
    budget = draw_budget("5/class", SYNTHETIC, clips, train, 3)
    write_budget(budget, tmp_path / "budget.json")
    again = read_budget(tmp_path / "budget.json")
    assert again == budget
    assert again.hash == budget.hash


@pytest.mark.parametrize(
    ("entry", "value"), [("ids", ["clip0000"]), ("seed", 4), ("spec", "9/class"), ("protocol", "ntu60-xsub")]
)
def test_an_edited_file_is_refused(tmp_path: Path, entry: str, value: object):
    clips, train = balanced()
    path = tmp_path / "budget.json"
    write_budget(draw_budget("5/class", SYNTHETIC, clips, train, 3), path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {entry: value}))
    with pytest.raises(BudgetError, match="was edited"):
        read_budget(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [("{", "not JSON"), ("[]", "not a label budget"), ('{"format": "psp-budget-1"}', "not a label budget")],
)
def test_a_file_that_is_no_budget_is_refused(tmp_path: Path, text: str, message: str):
    path = tmp_path / "budget.json"
    path.write_text(text)
    with pytest.raises(BudgetError, match=message) as refusal:
        read_budget(path)
    assert refusal.value.where == str(path)


@pytest.mark.parametrize(
    ("ids", "message"),
    [(None, "names no clips"), ([], "names no clips"), ([7], "names no clips"), (["a", "b", "a"], "a clip twice")],
)
def test_a_list_that_cannot_be_learnt_from_is_refused(tmp_path: Path, ids: object, message: str):
    path = tmp_path / "budget.json"
    write_budget(LabelBudget("5/class", SYNTHETIC.name, 0, ("clip",)), path)
    path.write_text(json.dumps(json.loads(path.read_text()) | {"ids": ids}))
    with pytest.raises(BudgetError, match=message):
        read_budget(path)


def test_a_missing_file_is_named(tmp_path: Path):
    with pytest.raises(BudgetError, match=r"nowhere\.json: cannot read the label budget"):
        read_budget(tmp_path / "nowhere.json")


def test_a_budget_applies_to_another_store_with_the_same_clips():
    clips, train = balanced()
    budget = draw_budget("5/class", SYNTHETIC, clips, train, 0)
    order = np.argsort(clips.id)
    other = table([*clips.id[order].tolist(), "zzz"], [*clips.label[order].tolist(), 0])
    rows = budget.rows(SYNTHETIC, other, np.arange(len(other)))
    assert other.id[rows].tolist() == list(budget.ids)


def test_a_budget_is_refused_where_its_clips_cannot_be_learnt_from():
    clips, train = balanced()
    budget = draw_budget("5/class", SYNTHETIC, clips, train, 0)
    [first] = clips.rows_of(budget.ids[:1])
    with pytest.raises(BudgetError, match=f"1 of the budget's 20 clips .* the first is '{budget.ids[0]}'"):
        budget.rows(SYNTHETIC, clips, np.delete(train, first))
    unlabelled = table(clips.id.tolist(), np.where(train == first, -1, clips.label))
    with pytest.raises(BudgetError, match="1 of the budget's 20 clips"):
        budget.rows(SYNTHETIC, unlabelled, train)
    with pytest.raises(BudgetError, match="is for protocol 'synthetic-xsub', not 'nw-ucla'"):
        budget.rows(NW_UCLA, clips, train)
