"""What browsers are given to label, what is made of their answers, and the thread that goes on whatever fails."""

import subprocess
import sys

import numpy as np
import pytest

from labelling import NAMES, store_to_label
from psp.dataset.split import resolve_split
from psp.errors import ConfigError
from psp.files import destination_lock, is_held
from psp.label.features import Recognised
from psp.label.folder import LabelFolder
from psp.label.journal import Entry
from psp.label.rounds import Rounds
from psp.label.session import Session

CLIPS = 12


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return store_to_label(tmp_path_factory.mktemp("session") / "store", CLIPS)


@pytest.fixture
def session(store, tmp_path):
    """A session whose thread does not run: tests let it take its steps."""
    folder = LabelFolder(tmp_path / "labels", store, resolve_split("none", store))
    yield Session(folder, Rounds(tmp_path / "rounds", store.path), every=1000)
    folder.close()


def given(session, browser, count):
    """The clips that a browser is given."""
    session._refill()
    return [each.clip for each in session.next(browser, count)]


def finish(session, number):
    """Let a network be trained that is sure of one class in all clips."""
    session.rounds._trained_on[number] = frozenset()
    probabilities = np.full((CLIPS, 2), [0.95, 0.05], dtype=np.float32)
    features = np.random.default_rng(number).normal(size=(CLIPS, 4)).astype(np.float32)
    session._use(number, Recognised(features, probabilities, ("wave", "walk")))
    session._cluster[:] = 0


def test_a_label_names_the_network_that_proposed_its_clip(session):
    old = given(session, 1, 2)
    group = [clip for clip in session.ids if clip not in old][:2]
    finish(session, 1)
    session.group(1, 0)
    finish(session, 2)
    for entry in (Entry("label", tuple(old[:1]), "wave", by="ann"), Entry("label", tuple(group), "wave", how="group")):
        session.add(1, entry)
    assert [each.round for each in session.folder.journal.entries] == [0, 1]
    session.undo(1, "ann")
    session.add(1, Entry("label", tuple(old[:1]), "walk", by="ann"))
    assert session.folder.journal.entries[-1].round == 0
    (new,) = set(given(session, 1, 2)) - set(old)
    session.add(1, Entry("label", (new,), "walk"))
    assert session.folder.journal.entries[-1].round == 2


def test_groups_are_without_the_clips_that_others_were_given(session):
    finish(session, 1)
    own, other = given(session, 1, 3), given(session, 2, 3)
    _, clips, _ = session.group(1, 0)
    assert set(clips) == set(session.ids) - set(other)
    assert set(own) < set(clips)


def test_the_first_of_two_answers_for_a_clip_is_kept_unless_the_page_showed_it(session):
    session.add(1, Entry("label", ("clip000",), "wave", by="ann"))
    session.add(1, Entry("reject", ("clip001",), by="ann"))
    session.add(1, Entry("skip", ("clip002",), by="ann"))
    for act, clips in (("label", ["clip000"]), ("skip", ["clip001"]), ("reject", ["clip005", "clip000"])):
        with pytest.raises(ConfigError, match=r"'(wave|not an action)' by ann"):
            session.add(2, Entry(act, tuple(clips), "walk" if act == "label" else None, by="bob"))
    session.add(2, Entry("label", ("clip002",), "walk", by="bob"))
    session.add(2, Entry("label", ("clip001",), "walk", by="bob", how="timeline"), seen=3)
    session.add(1, Entry("label", ("clip000",), "jump", by="ann"))
    assert session.folder.known == {"clip000": "jump", "clip001": "walk", "clip002": "walk"}


def test_clips_put_off_are_given_to_a_browser_for_which_there_are_no_others(session):
    session.add(1, Entry("skip", ("clip003",), by="ann"))
    for count in (CLIPS // 2, CLIPS - 1):
        own = given(session, 1, count)
    assert sorted(own) == [clip for clip in session.ids if clip != "clip003"]
    assert given(session, 2, 3) == ["clip003"]


def test_an_entry_of_an_earlier_session_is_not_withdrawn(session):
    session.add(1, Entry("label", ("clip000",), "wave", by="ann"))
    later = Session(session.folder, session.rounds)
    assert later.undo(1, "ann") is None
    later.add(1, Entry("label", ("clip000",), "walk", by="bob"))
    assert session.undo(1, "ann").label == "wave"


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("a fault of the program")])
def test_the_thread_shows_a_failure_and_goes_on(session, monkeypatch, error):
    faults, refill = [error], session._refill

    def fails_once():
        if faults:
            raise faults.pop()
        return refill()

    monkeypatch.setattr(session, "_refill", fails_once)
    with session, session.changed:
        assert session.changed.wait_for(lambda: session.rounds.state == "failed", 60)
        assert str(error.args[-1]) in session.rounds.message
        assert len(session.next(1, 2)) == 2


@pytest.fixture
def interrupted(tmp_path, monkeypatch):
    """The rounds of a session whose first training was interrupted, and the arguments of trainings that begin."""
    rounds, begun = Rounds(tmp_path, tmp_path), []
    rounds.run(1).path.mkdir()
    rounds.run(1).config.touch()
    monkeypatch.setattr(rounds, "_start", lambda number, arguments: begun.append(arguments[1]))
    return rounds, begun


@pytest.mark.parametrize("is_finished", [True, False])
def test_a_training_of_a_killed_session_is_waited_for(interrupted, is_finished):
    rounds, begun = interrupted
    with destination_lock(rounds.run(1).path):
        rounds.resume()
        assert (rounds.state, rounds.poll(), begun) == ("training", None, [])
        rounds.fail("a step fails meanwhile")
        assert (rounds.state, rounds.poll()) == ("training", None)
        if is_finished:
            rounds.run(1).result.touch()
    assert rounds.poll() == (1 if is_finished else None)
    assert (rounds.state, begun) == ("idle", [] if is_finished else ["--resume"])


def test_a_training_that_another_process_was_quicker_to_continue_is_waited_for(interrupted):
    rounds, begun = interrupted
    refused = [subprocess.Popen([sys.executable, "-c", "raise SystemExit(2)"]) for _ in range(2)]
    for process in refused:
        process.wait()
    rounds._process = refused[0]
    rounds._set_training(1)
    with destination_lock(rounds.run(1).path):
        assert (rounds.poll(), rounds.state) == (None, "training")
    assert (rounds.poll(), begun) == (None, ["--resume"])
    rounds._process = refused[1]
    rounds._set_training(1)
    (rounds.folder / "001.log").write_text("psp: the disk is full.\n")
    assert (rounds.poll(), rounds.state, rounds.message) == (None, "failed", "the disk is full.")


def test_after_a_failure_a_training_begins_when_there_are_newer_labels(session, monkeypatch):
    session.every, begun = 3, []

    def start(labels, split):
        begun.append(len(session.folder.known))
        session.rounds.fail("no")

    monkeypatch.setattr(session.rounds, "start", start)
    for number in range(7):
        session.add(1, Entry("label", (f"clip{number:03}",), NAMES[number % 4]))
        for _ in range(2):
            session._begin_if_due()
    assert begun == [3, 6]
    assert session.until_training == 2


def test_an_interrupted_end_ends_the_training_too(session, monkeypatch):
    ended = []

    def join():
        raise KeyboardInterrupt

    monkeypatch.setattr(session._worker, "join", join)
    monkeypatch.setattr(session.rounds, "stop", lambda: ended.append(is_held(session.folder.path)))
    with pytest.raises(KeyboardInterrupt), session:
        pass
    assert ended == [True]
    assert not is_held(session.folder.path)


@pytest.mark.parametrize("content", [None, b"", b"nonsense", b"PK\x03\x04", b"PK\x05\x06" + bytes(18)])
def test_damaged_findings_of_a_network_are_none(tmp_path, content):
    rounds = Rounds(tmp_path, tmp_path)
    if content is not None:
        (tmp_path / "001.npz").write_bytes(content)
    assert rounds.kept(1) is None
