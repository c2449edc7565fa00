import contextlib
import os
import shutil
from itertools import product

import pytest
import torch

from faults import KilledError, killed_at
from psp.errors import CheckpointError
from psp.train import checkpoint
from psp.train.checkpoint import load_checkpoint, newest_step, save_checkpoint, under


def step_of(folder) -> int:
    tensors, facts = load_checkpoint(folder)
    assert float(tensors["a"]) == facts["step"]
    return facts["step"]


def save(folder, step: int) -> None:
    save_checkpoint(folder, step, {"a": torch.tensor(float(step))}, {"note": "x"})


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_tensors_and_facts_come_back(tmp_path):
    tensors = {"a": torch.arange(6).reshape(2, 3).T, "b": torch.tensor(True), "c": torch.zeros(0)}
    save_checkpoint(tmp_path, 3, tensors, {"note": [1, None]})
    found, facts = load_checkpoint(tmp_path)
    assert facts == {"step": 3, "note": [1, None]}
    assert found.keys() == tensors.keys()
    assert all(torch.equal(value, found[name]) for name, value in tensors.items())


def test_a_prefix_names_a_part():
    one, two = torch.ones(1), torch.ones(2)
    assert under("a.", {"a.b.c": one, "ab": two}) == {"b.c": one}


def test_the_last_two_checkpoints_are_kept(tmp_path):
    for step in range(5):
        save(tmp_path, step)
    assert names(tmp_path) == ["000000003", "000000004"]


def test_a_damaged_later_checkpoint_takes_no_place(tmp_path):
    for step in (1, 9):
        save(tmp_path, step)
    (tmp_path / "000000009" / "facts.json").write_text("")
    assert step_of(tmp_path) == 1
    for step in (1, 2, 3):
        save(tmp_path, step)
        assert newest_step(tmp_path) == step
    assert names(tmp_path) == ["000000002", "000000003"]


@pytest.mark.parametrize("damage", ["cut", "changed", "facts", "other facts", "no facts", "missing"])
def test_a_damaged_checkpoint_is_passed_over(tmp_path, damage):
    for step in (1, 2):
        save_checkpoint(tmp_path, step, {"a": torch.full((50,), float(step))}, {"seconds": 1.5})
    tensors, facts = tmp_path / "000000002" / "state.safetensors", tmp_path / "000000002" / "facts.json"
    if damage == "cut":
        tensors.write_bytes(tensors.read_bytes()[:-10])
    elif damage == "changed":
        tensors.write_bytes(tensors.read_bytes()[:-1] + b"x")
    elif damage == "facts":
        facts.write_text('{"step": 2')
    elif damage == "other facts":
        facts.write_text(facts.read_text().replace('"seconds": 1.5', '"seconds": 1.6'))
    elif damage == "no facts":
        facts.write_text("[]")
    else:
        tensors.unlink()
    found_tensors, found = load_checkpoint(tmp_path)
    assert found["step"] == 1
    assert float(found_tensors["a"][0]) == 1


def test_without_a_readable_checkpoint_it_says_so(tmp_path):
    assert load_checkpoint(tmp_path) is None
    assert newest_step(tmp_path) == 0
    save(tmp_path, 1)
    (tmp_path / "000000001" / "facts.json").write_text("")
    with pytest.raises(CheckpointError, match="all checkpoints are damaged"):
        load_checkpoint(tmp_path)


def test_loading_changes_nothing(tmp_path):
    for step in (1, 2):
        save(tmp_path, step)
    (tmp_path / ".writing-000000003").mkdir()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert step_of(tmp_path) == 2
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_whole_checkpoint_is_not_written_again(tmp_path):
    for step in (1, 2):
        save(tmp_path, step)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    save(tmp_path, 2)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_full_disk_is_an_operating_system_error_and_the_older_checkpoint_stays(tmp_path, monkeypatch):
    save(tmp_path, 1)

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoint.os, "fsync", full)
        with pytest.raises(OSError, match="space"):
            save(tmp_path, 2)
    assert newest_step(tmp_path) == step_of(tmp_path) == 1
    save(tmp_path, 3)
    assert names(tmp_path) == ["000000001", "000000003"]


def shape(folder) -> frozenset[tuple[str, int, tuple[tuple[str, int], ...]]]:
    """What lies in a folder, steps counted from the newest readable one: equal shapes behave alike."""
    newest, found = step_of(folder), set()
    for path in folder.iterdir():
        kind, step = path.name[:-9], int(path.name[-9:])
        found.add((kind, step - newest, tuple(sorted((file.name, file.stat().st_size) for file in path.iterdir()))))
    return frozenset(found)


def test_three_kills_in_a_row_at_any_calls_lose_nothing(tmp_path):
    """From every folder that kills can leave, a save that is killed anywhere leaves the newest durable step."""
    start, calls = tmp_path / "start", set()
    for step in (101, 102):
        save(start, step)
    known, fresh = {shape(start)}, [start]
    for kills in range(1, 4):
        before, fresh = fresh, []
        for number, kill in product(range(len(before)), range(20)):
            after = shutil.copytree(before[number], tmp_path / f"{kills} {number} {kill}")
            newest, done = step_of(after), killed_save(after, kill)
            assert step_of(after) == newest + ("rename" in done[:kill])
            calls |= set(done)
            if len(done) <= kill:  # nothing was killed
                assert names(after) == [f"{newest:09d}", f"{newest + 1:09d}"]
            elif shape(after) not in known:
                known.add(shape(after))
                fresh.append(after)
        assert fresh
    assert calls == {"fsync", "rename", "rmtree", "mkdir"}


def killed_save(folder, kill: int) -> list[str]:
    """Save the next step, killed at a call; return the calls."""
    step = step_of(folder) + 1
    with killed_at(kill) as done, contextlib.suppress(KilledError):
        save(folder, step)
    return done


@pytest.mark.parametrize("damaged", [False, True])
def test_a_checkpoint_is_removed_only_after_its_successor_is_durable(tmp_path, monkeypatch, damaged):
    """Power may fail at any time: files, their folder and the folder of all are flushed before anything is removed."""
    for step in (1, 2, 3)[: 2 + damaged]:
        save(tmp_path, step)
    if damaged:
        (tmp_path / "000000003" / "facts.json").write_text("")
    events, rename, rmtree = [], os.rename, shutil.rmtree

    def note_fsync(handle: int) -> None:
        of_inode = {path.stat().st_ino: path.name for path in [tmp_path, *tmp_path.rglob("*")]}
        events.append(("fsync", of_inode[os.fstat(handle).st_ino]))

    def note_rename(path, target) -> None:
        events.append(("rename", target.name))
        rename(path, target)

    def note_rmtree(path, **options) -> None:
        events.extend([("rmtree", path.name)] if path.exists() else [])
        rmtree(path, **options)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "rename", note_rename)
    monkeypatch.setattr(shutil, "rmtree", note_rmtree)
    save(tmp_path, 3)
    flushed = [("fsync", "state.safetensors"), ("fsync", "facts.json"), ("fsync", ".writing-000000003")]
    damaged_one, oldest = [("rmtree", "000000003")], [("rmtree", "000000001")]
    made = [*(damaged_one if damaged else []), ("rename", "000000003"), ("fsync", tmp_path.name)]
    assert events == [*flushed, *made, *([] if damaged else oldest)]
