import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedGroupKFold

from psp.dataset.divide import folds_of_groups
from psp.dataset.split import FORMAT, Split, read_split, resolve_split, write_split
from psp.dataset.store import Store
from psp.errors import SplitError, StoreError
from stores import table_store


def own(clips: int = 120, subjects: int = 8, classes: int = 4, unlabelled: int = 20, seed: int = 0) -> Store:
    """An own data set with a column of text and one of numbers; the last clips have no label."""
    draw = np.random.default_rng(seed)
    label = draw.integers(0, classes, clips)
    label[:classes] = np.arange(classes)
    label[clips - unlabelled :] = -1
    ids = [f"walk/{number:03d}" for number in draw.permutation(clips)]
    subject = draw.integers(0, subjects, clips) + 1
    site = np.array(["home", "clinic"])[draw.integers(0, 2, clips)]
    return table_store(ids, label, subject=subject, site=site)


def subjects_of(store: Store, index: np.ndarray) -> set[int]:
    return set(store.clips.column("subject")[index].tolist())


def facts(store: Store, index: np.ndarray) -> tuple[set[int], set[int]]:
    return subjects_of(store, index), set(store.clips.label[index].tolist())


def test_values_of_a_column_test_and_the_others_train():
    store = own()
    split = resolve_split("subject=3, 4", store)
    assert subjects_of(store, split.test_index(store)) == {3, 4}
    assert subjects_of(store, split.train_index(store)) == {1, 2, 5, 6, 7, 8}
    assert split.description == "the clips with subject 3, 4 are for testing, all others for training"
    site = resolve_split("site=home", store)
    assert set(store.clips.column("site")[site.train_index(store)]) == {"clinic"}
    assert resolve_split("subject=3", store) == Split.leave_one_out(store, "subject", 3)


@pytest.mark.parametrize("missing", ["", float("nan")], ids=["text", "numbers"])
@pytest.mark.parametrize("spec", ["subject", "subject=3", "kfold=3/0", "kfold=3/1", "kfold=3/2"])
def test_clips_without_a_value_are_in_no_test_set(spec: str, missing: str | float):
    whole = own()
    kind = str if missing == "" else float
    known = whole.clips.column("subject").tolist()
    subject = [kind(each) if place % 5 else missing for place, each in enumerate(known)]
    store = table_store(whole.clips.id.tolist(), whole.clips.label.tolist(), subject=subject)
    split = resolve_split(spec, store)
    tested = split.test_index(store).tolist()
    assert tested
    assert all(clip % 5 for clip in tested)
    assert set(range(0, len(store), 5)) <= set(split.train_index(store).tolist())
    if spec.startswith("subject"):
        assert "all others and 24 without a subject for training" in split.description


def test_a_side_that_is_all_other_clips_has_a_value():
    store = table_store(list("abcde"), [0, 1, 0, 1, 0], subject=[1.0, 1.0, 2.0, 2.0, float("nan")])
    split = Split.by(store, "subject", train=lambda subject: subject == 1)
    assert (split.train, split.tests["full"]) == (("a", "b"), ("c", "d"))
    assert resolve_split(None, store).name == "subject"
    one = table_store(list("abcde"), [0, 1, 0, 1, 0], subject=["A", "A", "A", "", ""])
    assert resolve_split(None, one).name == "fraction=0.3"


def test_both_sides_can_be_given():
    store = own()
    split = Split.by(store, "subject", test=(1,), train=lambda subject: subject > 5)
    assert subjects_of(store, split.test_index(store)) == {1}
    assert subjects_of(store, split.train_index(store)) == {6, 7, 8}
    with pytest.raises(SplitError, match="neither training nor test values"):
        Split.by(store, "subject")
    with pytest.raises(SplitError, match="clips are in two parts"):
        Split.by(store, "subject", test=(1, 2), train=(2, 3))


@settings(max_examples=25)
@given(st.integers(0, 99), st.integers(2, 12))
def test_a_column_gives_about_a_third_of_its_values_for_testing(seed: int, subjects: int):
    store = own(subjects=subjects, seed=seed)
    split = resolve_split("subject", store)
    train, test = (subjects_of(store, index) for index in (split.train_index(store), split.test_index(store)))
    assert not train & test
    share = len(split.tests["full"]) / 100
    assert abs(share - (1 / 3 if subjects > 2 else 1 / 2)) < 0.2


@settings(max_examples=25)
@given(st.integers(0, 99), st.integers(2, 9), st.integers(3, 20))
def test_folds_of_groups_are_those_of_scikit_learn(seed: int, folds: int, subjects: int):
    store = own(subjects=subjects, seed=seed, clips=140, classes=3)
    index = store.clips.order[store.clips.label[store.clips.order] >= 0]
    labels, groups = store.clips.label[index], store.clips.column("subject")[index]
    if len(np.unique(groups)) < folds:
        with pytest.raises(SplitError, match="too few for"):
            folds_of_groups(store, "subject", folds)
        return
    found = folds_of_groups(store, "subject", folds)
    parts = StratifiedGroupKFold(folds).split(index, labels, groups)
    for fold, (_, test) in enumerate(parts):
        assert set(groups[test].tolist()) == {value for value, its in found.items() if its == fold}


def test_folds_test_every_labelled_clip_once_and_keep_subjects_together():
    store = own()
    splits = [resolve_split(f"kfold=4/{fold}", store) for fold in range(4)]
    tested = [name for split in splits for name in split.tests["full"]]
    assert sorted(tested) == sorted(store.clips.id[store.clips.label >= 0].tolist())
    for split in splits:
        assert not subjects_of(store, split.train_index(store)) & subjects_of(store, split.test_index(store))


def test_folds_without_subjects_are_stratified():
    store = own()
    splits = [Split.kfold(store, None, 5, fold) for fold in range(5)]
    tested = [name for split in splits for name in split.tests["full"]]
    assert sorted(tested) == sorted(store.clips.id[store.clips.label >= 0].tolist())
    counts = np.array([np.bincount(store.clips.label[split.test_index(store)], minlength=4) for split in splits])
    assert (np.ptp(counts, axis=0) <= 1).all()
    assert all(set(np.flatnonzero(store.clips.label < 0)) < set(split.train_index(store)) for split in splits)


@settings(max_examples=25)
@given(st.floats(0.01, 0.99), st.integers(0, 9))
def test_a_fraction_is_taken_of_every_class(fraction: float, seed: int):
    store = own()
    split = Split.stratified(store, fraction, seed)
    labels = store.clips.label[store.clips.label >= 0]
    there = np.bincount(store.clips.label[split.test_index(store)], minlength=4)
    expected = [min(n - 1, max(1, round(fraction * n))) for n in np.bincount(labels).tolist()]
    assert there.tolist() == expected


def test_a_fraction_is_drawn_as_documented():
    store = table_store([f"c{number}" for number in range(10)], [0] * 10)
    ordered = sorted(store.clips.id.tolist(), key=lambda name: sha256(f"split/3/{name}".encode()).hexdigest())
    assert Split.stratified(store, 0.3, seed=3).tests["full"] == tuple(sorted(ordered[:3]))


@settings(max_examples=25)
@given(st.integers(0, 2**16), st.sampled_from(["subject", "kfold=3/1", "fraction=0.2", "site=home", None]))
def test_the_order_of_the_table_does_not_matter(seed: int, spec: str | None):
    store = own()
    order = np.random.default_rng(seed).permutation(len(store))
    columns = {name: values[order] for name, values in store.clips.columns.items()}
    shuffled = table_store(store.clips.id[order].tolist(), store.clips.label[order], **columns)
    assert resolve_split(spec, store) == resolve_split(spec, shuffled)


def test_the_default_is_the_benchmark_then_subjects_then_a_fraction():
    known = table_store(list("abcd"), [0, 1, 0, 1], "synthetic", subject=[1, 1, 2, 2])
    assert resolve_split(None, known).name == "synthetic-xsub"
    assert resolve_split(None, own()).name == "subject"
    assert resolve_split(None, own(subjects=1)).name == "fraction=0.3"
    assert resolve_split(None, table_store(list("abcd"), [0, 1, 0, 1])).name == "fraction=0.3"


def test_the_description_says_what_was_chosen():
    store = own(subjects=3)
    tested = subjects_of(store, resolve_split(None, store).test_index(store)).pop()
    expected = f"the clips with subject {tested} are for testing, all others for training"
    assert resolve_split(None, store).description == expected


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("nw-ucal", "there is no split 'nw-ucal'. Did you mean 'nw-ucla'"),
        ("sujbect=3", "Did you mean 'subject'"),
        ("?", "Use a benchmark, COLUMN, .* columns of this data set: subject, site"),
        ("subject=9", r"no clip has subject '9'\. The values of subject: 1, 2, 3"),
        ("subject=x", r"no clip has subject 'x'"),
        ("site=school", r"no clip has site 'school'\. The values of site: clinic, home"),
        ("kfold=5", "does not name a fold"),
        ("kfold=5/5", "no fold 5 of 5"),
        ("kfold=1/0", "no fold 0 of 1"),
        ("kfold=9/0", "8 different values of subject, too few for 9 folds"),
        ("fraction=half", "does not name a fraction"),
        ("fraction=1", "a fraction of 1 is not possible"),
        ("fraction=nan", "a fraction of nan is not possible"),
        ("subject=1,2,3,4,5,6,7,8", "the training set is empty"),
        ("nw-ucla", "for 'nw-ucla', but this data set is 'mine'"),
        ("absent.json", "absent.json: the file cannot be read"),
        ("absent.csv", "absent.csv: there is no such file"),
    ],
)
def test_what_is_no_split_of_this_data_set_is_refused(spec: str, message: str):
    with pytest.raises(SplitError, match=message) as refusal:
        resolve_split(spec, own())
    assert refusal.value.remedy


def test_an_unknown_column_is_refused():
    with pytest.raises(StoreError, match="no column 'camera'"):
        Split.by(own(), "camera", test=(1,))


def test_a_data_set_without_labels_cannot_test():
    store = table_store(list("ab"), [-1, -1])
    assert resolve_split(None, store) == Split("none", ("a", "b"), {})
    with pytest.raises(SplitError, match="no clip has a label"):
        resolve_split("fraction=0.3", store)


def test_few_clips_all_train_if_every_label_is_to_be_used(tmp_path: Path):
    few, many, part = (
        table_store([f"c{n:03d}" for n in range(clips)], [0, 1] * (clips // 2), dataset)
        for clips, dataset in ((98, "mine"), (100, "mine"), (98, "ntu60"))
    )
    split = resolve_split(None, few, every_label=True)
    assert split == resolve_split("none", few)
    assert (split.train, split.tests) == (tuple(few.clips.id.tolist()), {})
    assert resolve_split(None, part, every_label=True).name == "none"
    write_split(split, tmp_path / "split.json")
    assert resolve_split(tmp_path / "split.json", few) == split
    assert resolve_split(None, few).name == "fraction=0.3"
    assert resolve_split(None, many, every_label=True).name == "fraction=0.3"


def test_a_column_part_divides_the_clips_and_is_the_default():
    part = ["train", "test", "train", "test", "validation", "", "test"]
    store = table_store(list("abcdefg"), [0, 0, 1, 1, 0, -1, -1], part=part)
    split = resolve_split(None, store, every_label=True)
    assert split == resolve_split("part", store)
    assert (split.train, dict(split.tests), split.validation) == (("a", "c", "f"), {"full": ("b", "d")}, ("e",))
    for names in (
        ["Train", "Testing", "training", "test", "valid", "", "test"],
        ["train", "test", *part[2:4], "dev", "", "test"],
    ):
        spelt = table_store(list("abcdefg"), [0, 0, 1, 1, 0, -1, -1], part=names)
        assert resolve_split(None, spelt).validation == split.validation
        assert resolve_split(None, spelt).tests == split.tests
    without = table_store(list("abcd"), [0, 0, 1, 1], part=["train", "val", "train", "val"])
    assert resolve_split(None, without).tests["full"] == ("b", "d")
    assert resolve_split(None, without).validation == ()
    other = table_store(list("abcd"), [0, 1, 0, 1], part=["left", "right"] * 2)
    assert resolve_split(None, other).name == "fraction=0.3"
    assert resolve_split("part=left", other).test_index(other).tolist() == [0, 2]
    unlabelled = table_store(list("abcdef"), [0, 0, 1, 1, 0, -1], part=[*part[:5], "val"])
    assert resolve_split(None, unlabelled).validation == ("e",)


def test_the_hash_follows_the_ids_alone():
    store = own()
    split = Split.of_ids(store, ["walk/001"], ["walk/002"])
    text = '{"tests":{"full":["b"]},"train":["a"],"validation":[]}'
    assert Split("x", ("a",), {"full": ("b",)}).hash == sha256(text.encode()).hexdigest()
    assert Split.of_ids(store, ["walk/001"], ["walk/002"], name="other", description="-").hash == split.hash
    assert Split.of_ids(store, ["walk/001", "walk/003"], ["walk/002"]).hash != split.hash
    assert Split.of_ids(store, ["walk/001"], ["walk/002"], ["walk/003"]).hash != split.hash


def labelled(store: Store, number: int) -> str:
    return str(store.clips.id[number])


def unlabelled(store: Store) -> str:
    return str(store.clips.id[-1])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda s: ([labelled(s, 0), "x"], [labelled(s, 1)]), "1 of the 2 clips of the training set are not in .* 'x'"),
        (lambda s: ([labelled(s, 0)], ["x"]), "clips of the test set 'full' are not in"),
        (lambda s: ([labelled(s, 0)], [unlabelled(s)]), "of the test set 'full' has no label"),
        (lambda s: ([labelled(s, 0)], [labelled(s, 0)]), "1 clips are in two parts"),
        (lambda s: ([], [labelled(s, 0)]), "the training set is empty"),
        (lambda s: ([labelled(s, 0)], []), "the test set 'full' is empty"),
        (lambda s: ([labelled(s, 0)], {"clean": [labelled(s, 1)]}), "there is no test set 'full'"),
        (lambda s: ([labelled(s, 0)], [labelled(s, 1)], [labelled(s, 1)]), "in two parts"),
        (lambda s: ([labelled(s, 0)], [labelled(s, 1)], [unlabelled(s)]), "of the validation set has no label"),
    ],
    ids=range(9),
)
def test_ids_that_make_no_split_are_refused(make: Callable[[Store], tuple], message: str):
    store = own()
    with pytest.raises(SplitError, match=message) as refusal:
        Split.of_ids(store, *make(store))
    assert refusal.value.remedy


def test_unlabelled_clips_may_train_and_test_sets_may_overlap():
    store = own()
    one, other = labelled(store, 0), labelled(store, 1)
    split = Split.of_ids(store, [unlabelled(store)], {"full": [other, one], "clean": [one]})
    assert split.tests == {"full": tuple(sorted((one, other))), "clean": (one,)}
    with pytest.raises(SplitError, match=r"no test set 'dirty'\. Use full or clean"):
        split.test_index(store, "dirty")


def test_a_split_survives_being_written(tmp_path: Path):
    store, path = own(), tmp_path / "split.json"
    split = resolve_split("subject", store)
    write_split(split, path)
    assert read_split(path) == split
    assert read_split(path).description == split.description
    assert resolve_split(path, store) == resolve_split(str(path), store) == split
    assert resolve_split(split, store) is split


def test_a_split_of_another_data_set_is_refused(tmp_path: Path):
    split = resolve_split("subject", own())
    with pytest.raises(SplitError, match=r"clips of the training set are not in this data set"):
        resolve_split(split, table_store(["a"], [0]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not readable JSON"),
        ("[]", "expected an object, found a list"),
        ("{}", "format: the key is missing"),
        ('{"format": "psp-split-1", "tests": 3}', "name: the key is missing"),
    ],
)
def test_a_file_that_is_no_split_is_refused(tmp_path: Path, text: str, message: str):
    path = tmp_path / "split.json"
    path.write_text(text)
    with pytest.raises(SplitError, match=message) as refusal:
        read_split(path)
    assert refusal.value.where.startswith(str(path))


@pytest.mark.parametrize(
    ("change", "message"),
    [({"train": ["walk/000"]}, "edited"), ({"train": "all"}, "train: expected a list"), ({"format": "x"}, FORMAT)],
)
def test_an_edited_file_is_refused(tmp_path: Path, change: dict[str, object], message: str):
    path = tmp_path / "split.json"
    write_split(resolve_split("subject", own()), path)
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(SplitError, match=message):
        read_split(path)


def table_file(folder: Path, *lines: str) -> Path:
    path = folder / "parts.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_table_of_ids_or_files_is_a_split(tmp_path: Path):
    store = own()
    names = store.clips.id[:4].tolist()
    lines = (f"{name},{part}" for name, part in zip(names, ("train", "test", "train", "validation"), strict=True))
    split = resolve_split(table_file(tmp_path, "id,part", *lines), store)
    assert split == Split("parts", tuple(sorted((names[0], names[2]))), {"full": (names[1],)}, (names[3],))
    files = table_file(tmp_path, "part,file,note", f"train,{names[0]}.npz,x", "", f"test,{names[1]}.npy,y")
    assert resolve_split(files, store).tests == {"full": (names[1],)}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["name,part", "a,train"], "no column 'id' in the first line"),
        (["id,side", "a,train"], "no column 'part' in the first line"),
        ([], "no column 'id'"),
        (["id,part", "nobody,train"], "no clip 'nobody' in this data set"),
        (["id,part", "walk/001,train,x"], "has 3 fields instead of 2"),
        (["id,part", "walk/001,learn"], "has the part 'learn'"),
        (["id,part", "walk/001,train"], "the test set 'full' is empty"),
    ],
)
def test_a_table_that_is_no_split_is_refused(tmp_path: Path, lines: list[str], message: str):
    path = table_file(tmp_path, *lines)
    with pytest.raises(SplitError, match=message) as refusal:
        resolve_split(path, own())
    assert refusal.value.where == str(path)
    assert refusal.value.remedy
