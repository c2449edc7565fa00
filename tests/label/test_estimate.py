"""The accuracy estimated from random queries: which network judges which clip, and what is counted."""

import pytest

from psp.evaluate.accuracy import wilson
from psp.label.estimate import LATEST, Answers, estimated_growth
from psp.label.journal import Entry, labels_of
from psp.label.timelines import timelines


def random_labels(*clips, label="walk", how="random"):
    return [Entry("label", (clip,), label, how=how) for clip in clips]


def growth(entries, answers):
    return estimated_growth(entries, labels_of(entries), answers)


def test_each_random_clip_is_judged_by_the_newest_network_not_trained_on_it():
    entries = random_labels("a", "b", "c")
    answers = {
        1: Answers({"a": "walk", "b": "walk", "c": "jump"}, frozenset()),
        2: Answers({"a": "walk", "b": "jump", "c": "walk"}, frozenset({"a"})),
        3: Answers({"a": "walk", "b": "walk", "c": "walk"}, frozenset({"a", "b", "c"})),
    }
    found = growth(entries, answers)
    assert [(each.round, each.labels, each.clips, each.hits) for each in found.rounds] == [(1, 0, 1, 1), (2, 1, 2, 1)]
    assert (found.latest.clips, found.latest.hits, found.latest.labels) == (3, 2, 3)
    assert found.latest.interval == wilson(2, 3)


@pytest.mark.parametrize("how", ["centre", "typical", "margin", "group", "timeline", "chosen", "file"])
def test_chosen_clips_are_not_counted(how):
    found = growth(random_labels("a", how=how), {1: Answers({"a": "walk"}, frozenset())})
    assert (found.latest, found.rounds) == (None, ())


def test_a_correction_counts_and_withdrawn_rejected_and_skipped_clips_do_not():
    answers = {1: Answers(dict.fromkeys("abcd", "walk"), frozenset())}
    entries = random_labels("a", "b", "c", label="jump")
    entries += [Entry("label", ("a",), "walk"), Entry("reject", ("b",)), Entry("undo", undone=2)]
    found = growth([*entries, Entry("skip", ("d",), how="random")], answers)
    assert (found.latest.clips, found.latest.hits) == (1, 1)


def test_only_the_latest_clips_count():
    clips = [f"c{number}" for number in range(LATEST + 5)]
    answers = {1: Answers({clip: "jump" if number < 5 else "walk" for number, clip in enumerate(clips)}, frozenset())}
    found = growth(random_labels(*clips), answers)
    assert (found.latest.clips, found.latest.hits) == (LATEST, LATEST)
    assert found.rounds[0].clips == LATEST + 5


def test_without_a_network_nothing_is_estimated():
    assert growth(random_labels("a"), {}).latest is None


def test_windows_of_a_recording_are_in_the_order_of_time():
    found = timelines(["day:100-200", "day:20-100", "clip1", "other:0-10", "a:b:0-5", "a:b:5-9"])
    assert [(each.name, each.frames) for each in found] == [("a:b", 9), ("day", 200)]
    assert found[1].windows == ((20, 100, "day:20-100"), (100, 200, "day:100-200"))
