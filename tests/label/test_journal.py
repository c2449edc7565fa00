"""The journal and the folder of a labelling: nothing is lost, and labels are what the entries say."""

import getpass
import json
import os

import pytest

from labelling import store_to_label
from psp.dataset.labels import resolve_labels, with_label_classes
from psp.dataset.split import resolve_split
from psp.errors import BudgetError, ConfigError, DestinationError, StoreError
from psp.label.folder import LabelFolder
from psp.label.journal import Entry, Journal, labels_of, last_of, user_name
from psp.train.api import make_task


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """48 clips; the first four of them have their labels in the data set."""
    path = tmp_path_factory.mktemp("label") / "store"
    return store_to_label(path, classes=("class 0", "class 1", "class 2", "class 3"), known=4)


@pytest.fixture
def folder(store, tmp_path):
    with_split = LabelFolder(tmp_path / "labels", store, resolve_split("none", store))
    yield with_split
    with_split.close()


def again(folder):
    """Open the folder of a killed process."""
    folder.close()
    return LabelFolder(folder.path, folder.store, folder.split)


def test_later_entries_replace_earlier_ones_and_undo_brings_them_back():
    entries = [
        Entry("label", ("a", "b"), "walk"),
        Entry("label", ("b",), "wave"),
        Entry("skip", ("c",)),
        Entry("reject", ("a",)),
        Entry("undo", undone=3),
    ]
    found = labels_of(entries)
    assert found.label == {"a": "walk", "b": "wave"}
    assert (found.skipped, found.rejected) == ({"c"}, frozenset())
    assert labels_of(entries[:4]).rejected == {"a"}
    assert labels_of([*entries, Entry("undo", undone=1)]).label["b"] == "walk"


def test_everything_is_found_again_after_a_kill(folder):
    folder.add(Entry("label", ("clip010",), "wave", by="ann", how="typical", round=3))
    folder.add(Entry("skip", ("clip011",), by="ann"))
    before = list(folder.journal.entries)
    found = again(folder)
    assert found.journal.entries == before
    assert found.known["clip010"] == "wave"
    found.close()


@pytest.mark.parametrize("cut", [1, 10, 40])
def test_a_line_that_was_not_written_to_its_end_is_dropped(tmp_path, cut):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append(Entry("label", ("a",), "walk"))
    journal.append(Entry("label", ("b",), "walk"))
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole[:-cut])
    found = Journal(journal.path)
    assert [each.clips for each in found.entries] == [("a",)]
    found.append(Entry("skip", ("c",)))
    assert [each.clips for each in Journal(journal.path).entries] == [("a",), ("c",)]


@pytest.mark.parametrize("written", [0, 5, 200])
def test_a_line_that_could_not_be_written_leaves_nothing(tmp_path, monkeypatch, written):
    journal = Journal(tmp_path / "journal.jsonl")
    journal.append(Entry("label", ("a",), "walk"))
    before = journal.path.read_bytes()

    def full(handle):
        os.ftruncate(handle, len(before) + written)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match=r"No space left.*journal.jsonl"):
            journal.append(Entry("label", ("b",), "walk"))
    assert (journal.path.read_bytes(), len(journal)) == (before, 1)
    journal.append(Entry("skip", ("c",)))
    assert Journal(journal.path).entries == journal.entries


@pytest.mark.parametrize(
    "line", ["{}", "[]", '{"act": "label", "clips": ["a"]}', '{"act": "x", "clips": []}', "nonsense"]
)
def test_a_damaged_line_is_named(tmp_path, line):
    (tmp_path / "journal.jsonl").write_text(line + "\n")
    with pytest.raises(StoreError, match="line 1"):
        Journal(tmp_path / "journal.jsonl")


def test_a_table_that_is_behind_the_journal_is_written_anew(folder):
    folder.add(Entry("label", ("clip010",), "wave"))
    table = folder.table.read_text()
    for clip in ("clip011", "clip012", "clip013"):
        folder.add(Entry("label", (clip,), "walk"))
    whole = folder.table.read_text()
    folder.table.write_text(table)
    found = again(folder)
    assert found.known["clip013"] == "walk"
    assert found.table.read_text() == whole
    found.close()


@pytest.mark.parametrize("content", [b"id,label\nclip010,jump\n", "id,label\nclip010,gähnen\n".encode("latin-1")])
def test_a_table_changed_by_hand_is_not_overwritten(folder, content):
    folder.add(Entry("label", ("clip010",), "wave"))
    folder.table.write_bytes(content)
    with pytest.raises(DestinationError, match="by hand"):
        again(folder)
    assert folder.table.read_bytes() == content


def test_a_folder_belongs_to_one_process_one_data_set_and_one_split(folder, store):
    with pytest.raises(DestinationError, match="another process"):
        LabelFolder(folder.path, store, folder.split)
    folder.close()
    with pytest.raises(DestinationError, match="another split"):
        LabelFolder(folder.path, store, resolve_split("subject=1", store))


def test_labels_of_the_data_set_are_known_and_cannot_be_changed(folder):
    assert folder.known == {f"clip{n:03}": f"class {n}" for n in range(4)}
    with pytest.raises(ConfigError, match="data set"):
        folder.add(Entry("label", ("clip000",), "walk"))
    assert not folder.journal.entries


def test_the_table_trains_with_new_classes_and_rejected_clips_are_left_out(folder, store):
    folder.add(Entry("label", ("clip010", "clip011"), "cartwheel"))
    folder.add(Entry("reject", ("clip012",)))
    task = make_task(store, str(folder.table), str(folder.split_file), new_classes=True)
    assert task.classes == ("class 0", "class 1", "class 2", "class 3", "cartwheel")
    assert len(task.labels.ids) == 6
    assert "clip012" not in task.split.train
    assert len(task.split.train) == 47


def test_the_split_always_says_which_clips_are_rejected_now(folder, store):
    def left_out():
        return set(folder.split.train) - set(resolve_split(folder.split_file, store).train)

    assert left_out() == set()
    folder.add(Entry("reject", ("clip012", "clip013"), by="ann"))
    assert left_out() == {"clip012", "clip013"}
    folder.add(Entry("label", ("clip012",), "class 1", by="ann"))
    assert left_out() == {"clip013"}
    folder.undo("ann")
    folder.undo("ann")
    assert left_out() == set()


def test_a_table_of_the_folder_reads_as_labels_of_a_store_without_classes(tmp_path):
    store = store_to_label(tmp_path / "store", clips=4)
    bare = LabelFolder(tmp_path / "x", store, resolve_split("none", store))
    bare.add(Entry("label", ("clip000", "clip002"), 'with, comma and "quotes"'))
    bare.add(Entry("label", ("clip001",), "Größe 大"))
    named = with_label_classes(store, str(bare.table), new_classes=True)
    found = resolve_labels(str(bare.table), named, bare.split)
    assert {name: named.classes[label] for name, label in found.labels.items()} == dict(bare.known)
    bare.close()


def test_labels_of_a_file_are_taken_up_once_and_never_replace_others(folder, tmp_path):
    folder.add(Entry("label", ("clip010",), "wave"))
    path = tmp_path / "other.csv"
    path.write_text("id,label\nclip010,jump\nclip020,jump\nclip021,\nclip000,jump\n")
    assert folder.take_up(path) == 1
    assert folder.take_up(path) == 0
    assert (folder.known["clip010"], folder.known["clip020"], folder.known["clip000"]) == ("wave", "jump", "class 0")
    assert json.loads(folder.journal.path.read_text().splitlines()[-1])["how"] == "file"


def test_what_was_rejected_or_withdrawn_is_not_taken_up_again(folder, tmp_path):
    path = tmp_path / "other.csv"
    path.write_text("id,label\nclip020,jump\nclip021,jump\nclip022,jump\n")
    folder.add(Entry("reject", ("clip020",), by="ann"))
    folder.add(Entry("label", ("clip021",), "wave", by="ann"))
    folder.add(Entry("skip", ("clip022",), by="bob"))
    folder.undo("ann")
    assert folder.take_up(path) == 1
    assert folder.labels.label == {"clip022": "jump"}
    assert folder.labels.rejected == {"clip020"}


def test_an_accent_of_a_file_makes_no_second_class(folder, tmp_path):
    folder.add(Entry("label", ("clip010",), "caf\u00e9"))
    path = tmp_path / "other.csv"
    path.write_text("id,label\nclip011,cafe\u0301\n")
    assert folder.take_up(path) == 1
    assert folder.known["clip011"] == "caf\u00e9"


@pytest.mark.parametrize(
    ("lines", "error", "message"),
    [
        ("clip010,jump\nclip010,bow\n", BudgetError, "'jump' and 'bow'"),
        ("clip010,run\u200bning\n", StoreError, "cannot be printed"),
    ],
)
def test_a_file_that_training_refuses_is_not_taken_up(folder, tmp_path, lines, error, message):
    path = tmp_path / "other.csv"
    path.write_text(f"id,label\nclip011,jump\n{lines}", encoding="utf-8")
    with pytest.raises(error, match=message):
        folder.take_up(path)
    assert not folder.journal.entries


def test_a_user_without_a_name_is_known_by_the_number(monkeypatch):
    def nobody():
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", nobody)
    assert user_name() == str(os.getuid())


def test_undo_withdraws_the_own_last_entry_only(folder):
    folder.add(Entry("label", ("clip010",), "wave", by="ann"))
    folder.add(Entry("label", ("clip011",), "walk", by="bob"))
    folder.add(Entry("label", ("clip012",), "walk", by="ann"))
    assert folder.undo("ann").clips == ("clip012",)
    assert folder.undo("ann").clips == ("clip010",)
    assert folder.undo("ann") is None
    assert folder.labels.label == {"clip011": "walk"}
    assert last_of(folder.journal.entries, "bob", since=1) == 1
    assert last_of(folder.journal.entries, "bob", since=2) is None
