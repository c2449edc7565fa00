"""The journal and the folder of a labelling: nothing is lost, and labels are what the entries say."""

import json

import pytest

from labelling import store_to_label
from psp.dataset.labels import resolve_labels, with_label_classes
from psp.dataset.split import resolve_split
from psp.errors import ConfigError, DestinationError, StoreError
from psp.label.folder import LabelFolder
from psp.label.journal import Entry, Journal, labels_of
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


@pytest.mark.parametrize(
    "line", ["{}", "[]", '{"act": "label", "clips": ["a"]}', '{"act": "x", "clips": []}', "nonsense"]
)
def test_a_damaged_line_is_named(tmp_path, line):
    (tmp_path / "journal.jsonl").write_text(line + "\n")
    with pytest.raises(StoreError, match="line 1"):
        Journal(tmp_path / "journal.jsonl")


def test_a_kill_between_journal_and_table_loses_nothing(folder):
    folder.add(Entry("label", ("clip010",), "wave"))
    table = folder.table.read_text()
    folder.add(Entry("label", ("clip011",), "walk"))
    folder.table.write_text(table)
    found = again(folder)
    assert found.known["clip011"] == "walk"
    assert "clip011,walk" in found.table.read_text()
    found.close()


def test_a_table_changed_by_hand_is_not_overwritten(folder):
    folder.add(Entry("label", ("clip010",), "wave"))
    folder.table.write_text("id,label\nclip010,jump\n")
    with pytest.raises(DestinationError, match="by hand"):
        again(folder)
    assert "jump" in folder.table.read_text()


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
    split = folder.write_split()
    task = make_task(store, str(folder.table), str(split), new_classes=True)
    assert task.classes == ("class 0", "class 1", "class 2", "class 3", "cartwheel")
    assert len(task.labels.ids) == 6
    assert "clip012" not in task.split.train
    assert len(task.split.train) == 47


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


def test_undo_withdraws_the_own_last_entry_only(folder):
    folder.add(Entry("label", ("clip010",), "wave", by="ann"))
    folder.add(Entry("label", ("clip011",), "walk", by="bob"))
    folder.add(Entry("label", ("clip012",), "walk", by="ann"))
    assert folder.undo("ann").clips == ("clip012",)
    assert folder.undo("ann").clips == ("clip010",)
    assert folder.undo("ann") is None
    assert folder.labels.label == {"clip011": "walk"}
