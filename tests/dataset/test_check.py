"""Each kind of fault is planted in clean clips and found, and nothing else is."""

import itertools
import time
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import psp
from psp.dataset.check import check, check_store
from psp.dataset.checks.copies import grouped
from psp.dataset.checks.measure import BLOCK_ROWS, measure
from psp.dataset.checks.report import KINDS, Report
from psp.dataset.clip_table import ClipTable
from psp.dataset.divide import Split
from psp.dataset.store import Store, open_store
from psp.errors import SplitError, StoreError
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Clip, Up
from psp.synthetic import SyntheticConfig, synthetic_clip
from stores import own_store, small_store, table_store

CLASSES, REPETITIONS = 4, 5
FIRST = "S001C001P001R001A001"
Fault = Callable[[Clip], Clip | list[Clip]]


@lru_cache
def clean_clips(layout: str = "kinect20") -> tuple[Clip, ...]:
    """Return clips of six subjects and four classes, of a sensor without faults, each before one camera."""
    config = SyntheticConfig(layout=layout, subjects=6, cameras=1, noise=0.3, occlusion=0, dropout=0)
    chosen = (index for index in itertools.count() if index % len(config.classes) < CLASSES)
    return tuple(synthetic_clip(config, index) for index in itertools.islice(chosen, 6 * CLASSES * REPETITIONS))


def store_of(clips: list[Clip], layout: str | Layout = "kinect20", up: Up = "y", classes: int = CLASSES) -> Store:
    named = layout_by_name(layout) if isinstance(layout, str) else layout
    return Store.in_memory(clips, named, [f"class {number}" for number in range(classes)], up=up)


def found(report: Report) -> dict[str, list[tuple[str, ...]]]:
    return {kind: [each.clips for each in report.of(kind)] for kind in KINDS if report.of(kind)}


def changed(clip: Clip, joints: np.ndarray, name: str | None = None) -> Clip:
    info = clip.info if name is None else replace(clip.info, id=name)
    return Clip(info, np.ascontiguousarray(joints, dtype=np.float32), None)


def empty(clip: Clip) -> Clip:
    return changed(clip, np.zeros_like(clip.joints))


def one_frame(clip: Clip) -> Clip:
    return changed(clip, clip.joints[:, :1])


def frozen(clip: Clip) -> Clip:
    return changed(clip, np.repeat(clip.joints[:, :1], clip.frames, axis=1) + 3)


def begins_in_the_middle(clip: Clip) -> Clip:
    path = np.linspace(0, 2, clip.frames)[:, None, None] * [1.0, 0, 0]
    return changed(clip, np.roll(clip.joints + path, clip.frames // 3, axis=1))


def jumps(clip: Clip) -> Clip:
    joints = clip.joints.copy()
    joints[:, clip.frames // 2 :] += [2.5, 0, 0.5]
    return changed(clip, joints)


def swaps_sides(clip: Clip) -> Clip:
    joints = clip.joints.copy()
    half = clip.frames // 2
    joints[:, half:] = joints[:, half:][:, :, layout_by_name("kinect20").mirror]
    return changed(clip, joints)


def mirrored(clip: Clip) -> Clip:
    return changed(clip, clip.joints[:, :, layout_by_name("kinect20").mirror])


def upside_down(clip: Clip) -> Clip:
    return changed(clip, clip.joints * [-1, -1, 1])


def long_arm(clip: Clip) -> Clip:
    joints = clip.joints.copy()
    child = layout_by_name("kinect20").joints.index("left hand")
    joints[:, :, child] += [0.0, 0, 3]
    return changed(clip, joints)


def collapsed_leg(clip: Clip) -> Clip:
    joints, names = clip.joints.copy(), layout_by_name("kinect20").joints
    ankle, knee, foot = (names.index(f"left {name}") for name in ("ankle", "knee", "foot"))
    joints[:, :, foot] += joints[:, :, knee] - joints[:, :, ankle]
    joints[:, :, ankle] = joints[:, :, knee]
    return changed(clip, joints)


def stretching_arm(clip: Clip) -> Clip:
    joints = clip.joints.copy()
    child = layout_by_name("kinect20").joints.index("left hand")
    joints[:, clip.frames // 2 : clip.frames // 2 + clip.frames // 8, child, 2] += 1.5
    return changed(clip, joints)


FAULTS: dict[str, tuple[str, Fault]] = {
    "empty": ("empty", empty),
    "one frame": ("one-frame", one_frame),
    "frozen": ("frozen", frozen),
    "frame order": ("frame-order", begins_in_the_middle),
    "jump": ("jump", jumps),
    "side swap": ("side-swap", swaps_sides),
    "mirrored": ("mirrored", mirrored),
    "upside down": ("upside-down", upside_down),
    "long arm": ("bone-length", long_arm),
    "collapsed leg": ("bone-length", collapsed_leg),
    "stretching arm": ("bone-change", stretching_arm),
}


def test_nothing_is_found_in_clean_clips():
    report = check(store_of(list(clean_clips())))
    assert found(report) == {}
    assert report.skipped == {"identity-switch": "no clip has two persons"}
    assert not report.has_errors
    assert report.split == "subject"


@pytest.mark.parametrize(("kind", "fault"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_one_clip_is_found_there_and_nowhere_else(kind: str, fault: Fault):
    clips = list(clean_clips())
    clips[9] = fault(clips[9])
    assert found(check(store_of(clips))) == {kind: [(clips[9].id,)]}


def test_persons_who_are_exchanged_are_found():
    config = SyntheticConfig(layout="kinect20", cameras=1, noise=0.3, occlusion=0, dropout=0)
    pairs = [synthetic_clip(config, index) for index in range(17, 80) if index % 20 >= 17]
    pairs = [Clip(replace(clip.info, label=None), clip.joints) for clip in pairs]
    assert not check(store_of(pairs)).of("identity-switch")
    joints = pairs[2].joints.copy()
    half = pairs[2].frames // 2
    joints[:, half:] = joints[::-1, half:]
    report = check(store_of([*pairs[:2], changed(pairs[2], joints), *pairs[3:]]))
    assert [each.clips for each in report.of("identity-switch")] == [(pairs[2].id,)]
    assert report.of("identity-switch")[0].frame == half
    assert not report.of("jump")


def test_a_wrong_vertical_axis_is_found_once_for_the_data_set():
    report = check(store_of(list(clean_clips()), up="z"))
    assert found(report) == {"up-axis": [()]}
    assert "most bodies stand along y" in report.findings[0].sentence
    assert report.has_errors


def copied(clip: Clip, name: str, label: int | None = None, **columns: int) -> Clip:
    info = replace(clip.info, id=name, label=clip.label if label is None else label)
    return Clip(replace(info, columns={**info.columns, **columns}), clip.joints)


@given(
    cut=st.tuples(st.integers(0, 2), st.integers(0, 2)).filter(lambda cut: sum(cut) <= 2),
    shift=st.tuples(*[st.floats(-5, 5)] * 3),
    scale=st.floats(0.5, 2),
    number=st.integers(1, 119),
)
@settings(max_examples=6)
def test_a_copy_is_found_moved_scaled_and_with_fewer_frames(cut, shift, scale, number):
    clips = list(clean_clips())
    joints = clips[number].joints[:, cut[0] : clips[number].frames - cut[1]] * scale + shift
    report = check(store_of([*clips, changed(clips[number], joints, "copy")]))
    both = tuple(sorted((clips[number].id, "copy"), key=lambda name: name == "copy"))
    assert {kind: clips for kind, clips in found(report).items() if kind != "leak"} in ({"copy": [both]}, {})
    assert [each.clips for each in (*report.of("copy"), *report.of("leak"))] == [both]


def turned(joints: np.ndarray) -> np.ndarray:
    """Return joints after a turn by one radian about y."""
    sine, cosine = np.sin(1), np.cos(1)
    return joints @ np.array([[cosine, 0, -sine], [0, 1, 0], [sine, 0, cosine]])


NEAR: dict[str, tuple[str, Callable[[np.ndarray], np.ndarray]]] = {
    "turned": ("turned", turned),
    "sides exchanged": (
        "mirrored",
        lambda joints: turned(joints[:, :, layout_by_name("kinect20").mirror]) * [-1, 1, 1],
    ),
    "picture mirrored": ("mirrored", lambda joints: turned(joints) * [1, 1, -1]),
}


@pytest.mark.parametrize(("how", "change"), NEAR.values(), ids=NEAR)
def test_copies_that_were_turned_or_mirrored_are_found_and_called_so(how: str, change: Callable):
    clips = list(clean_clips())
    clips += [changed(clips[0], change(clips[0].joints) * 1.5 + 2, "near")]
    report = check(store_of(clips), Split.by(store_of(clips), "subject", test=(3, 4)))
    (finding,) = report.of("copy")
    assert finding.clips == (FIRST, "near")
    assert finding.sentence.endswith(f" when {how}.")
    assert not report.of("leak")
    other = changed(clips[0], clips[-1].joints, "near")
    other = replace(other, info=replace(other.info, label=1, columns={**other.info.columns, "subject": 2}))
    report = check(store_of([*clips[:-1], other]), Split.by(store_of([*clips[:-1], other]), "subject", test=(2, 4, 6)))
    assert [each.clips for each in report.of("leak")] == [(FIRST, "near")]
    assert bool(report.of("contradiction")) == (how == "turned")


def test_mirrored_copies_in_two_dimensions_are_found():
    store = own_store(None, "coco17")
    clips = [store.clip(number) for number in range(len(store))]
    clips = [Clip(clip.info, clip.joints) for clip in clips]
    assert not check(store_of(clips, "coco17", up="-y")).of("copy")
    flipped = changed(clips[0], clips[0].joints[:, :, store.layout.mirror] * [-1, 1], "flipped")
    (finding,) = check(store_of([*clips, flipped], "coco17", up="-y"), "none").of("copy")
    assert finding.clips == (clips[0].id, "flipped")
    assert finding.sentence.endswith("identical when mirrored.")


def test_many_pairs_are_grouped_in_one_pass():
    count = 12_000
    pairs = [(2 * index, 2 * index + 1, index / count) for index in range(count)] + [(4, 7, 0.5), (4, 5, 0.0)]
    begun = time.process_time()
    groups = grouped(pairs, 2 * count)
    assert time.process_time() - begun < 6
    assert len(groups) == count - 1
    assert (groups[2].members.tolist(), groups[2].difference) == ([4, 5, 6, 7], 0.5)
    assert (groups[-1].members.tolist(), groups[-1].difference) == ([2 * count - 2, 2 * count - 1], (count - 1) / count)
    assert grouped([], 3) == []


def test_copies_on_both_sides_of_the_split_are_a_leak():
    clips = list(clean_clips())
    clips += [copied(clips[0], "same", subject=2)]
    store = store_of(clips)
    apart = Split.by(store, "subject", test=(2, 4, 6))
    report = check(store, apart)
    assert found(report) == {"leak": [(FIRST, "same")]}
    assert report.findings[0].sentence == f"held out: same; in training: {FIRST}: identical."
    assert report.has_errors
    together = check(store, Split.by(store, "subject", test=(3, 4)))
    assert found(together) == {"copy": [(FIRST, "same")]}
    assert not together.has_errors


def test_copies_with_different_labels_contradict_each_other():
    clips = list(clean_clips())
    store = store_of([*clips, copied(clips[0], "other", label=1)])
    report = check(store, Split.by(store, "subject", test=(2, 4, 6)))
    assert found(report) == {"contradiction": [(FIRST, "other")]}
    assert "class 0, class 1" in report.findings[0].sentence


def test_classes_that_a_side_of_the_split_lacks_are_found():
    clips = list(clean_clips())
    rare = [copied(changed(clips[0], clips[0].joints * [1, 1, 1.4] + clips[4].joints[:, :1]), "rare", label=4)]
    store = store_of(clips + rare, classes=6)
    train = [clip.id for clip in clips if clip.label not in (0, 1)]
    test = [clip.id for clip in clips if clip.label == 0][:4] + [clip.id for clip in clips if clip.label in (2,)][:2]
    report = check(store, Split.of_ids(store, set(train) - set(test), test))
    kinds = {kind: each for kind, each in found(report).items() if "class" in kind}
    assert {kind: len(each[0]) for kind, each in kinds.items()} == {
        "untrained-class": 30, "untested-class": 30, "single-clip-class": 1, "unused-class": 0
    }  # fmt: skip
    assert [report.of(kind)[0].sentence for kind in kinds] == [
        "no training clip has the class 'class 0'.",
        "no test clip has the class 'class 3'.",
        "a single clip has the class 'class 4'.",
        "no clip of the data set has the class 'class 5'.",
    ]


def test_labels_that_are_exchanged_for_a_subject_are_found():
    clips = list(clean_clips())
    swap = {2: 3, 3: 2}
    wrong = [
        copied(clip, clip.id, swap.get(clip.label, clip.label)) if clip.info.columns["subject"] == 3 else clip
        for clip in clips
    ]
    assert found(check(store_of(clips))) == {}
    report = check(store_of(wrong))
    names = [clip.id for clip in wrong if clip.info.columns["subject"] == 3 and clip.label in swap]
    assert [sorted(each) for each in found(report)["exchanged-labels"]] == [sorted(names)]
    assert set(found(report)) == {"exchanged-labels"}
    assert "where subject is 3" in report.findings[0].sentence


def test_a_wrong_label_is_suspected():
    clips = list(clean_clips())
    clips[28] = copied(clips[28], clips[28].id, (clips[28].label + 2) % CLASSES)
    assert found(check(store_of(clips))) == {"suspect-label": [(clips[28].id,)]}


def test_clips_without_any_label_are_examined():
    clips = [replace(clip, info=replace(clip.info, label=None)) for clip in clean_clips()]
    report = check(store_of([*clips, empty(copied(clips[0], "nothing"))], classes=0))
    assert set(found(report)) == {"empty", "too-few-classes"}
    assert {"leak", "suspect-label", "exchanged-labels"} <= set(report.skipped)


def test_what_does_not_apply_is_named():
    beetle = check(own_store(None))
    assert beetle.split == "none"
    assert {"identity-switch", "up-axis", "upside-down", "mirrored"} <= set(beetle.skipped)
    flat = check(own_store(None, "coco17"))
    assert {"bone-length", "bone-change", "mirrored"} <= set(flat.skipped)
    assert not beetle.of("leak")
    assert not flat.of("leak")
    chain = Layout.from_graph("chain", ["a", "b", "c"], [("a", "b", "c")])
    draw = np.random.default_rng(0)
    worms = [Clip(clip.info, draw.normal(size=(1, 9, 3, 2)).astype(np.float32)) for clip in clean_clips()]
    assert "side-swap" in check(store_of(worms, chain, up="none")).skipped


def test_data_without_labels_or_with_one_class_is_examined_all_the_same():
    clips = [Clip(replace(clip.info, label=None), clip.joints) for clip in clean_clips()]
    unlabelled = check(store_of([*clips[:-1], frozen(clips[-1]), copied(clips[0], "copy")]))
    assert found(unlabelled) == {"copy": [(FIRST, "copy")], "frozen": [(clips[-1].id,)], "too-few-classes": [()]}
    assert unlabelled.of("too-few-classes")[0].sentence == "no clip has a label."
    assert {"leak", "untrained-class", "suspect-label"} <= set(unlabelled.skipped)
    single = check(store_of([clip for clip in clean_clips() if clip.label == 0], classes=1))
    assert found(single) == {"too-few-classes": [()]}
    assert single.of("too-few-classes")[0].sentence == "all labelled clips are of the class 'class 0'."
    assert "psp label" in single.findings[0].remedy
    assert "suspect-label" in single.skipped
    assert found(check(store_of(list(clean_clips())[:1], classes=1)))["single-clip-class"] == [(FIRST,)]


def test_measures_do_not_depend_on_the_blocks_in_which_clips_are_read(monkeypatch: pytest.MonkeyPatch):
    store = own_store(None, "coco17")
    whole = measure(store)
    monkeypatch.setattr("psp.dataset.checks.measure.BLOCK_ROWS", 1)
    assert BLOCK_ROWS > 1
    for name, values in vars(measure(store)).items():
        np.testing.assert_allclose(values, getattr(whole, name), rtol=1e-3, atol=1e-5, err_msg=name)


def test_labels_outside_the_classes_are_refused():
    store = store_of(list(clean_clips()))
    wrong = ClipTable.of(store.clips.id, np.full(len(store), 7), store.clips.persons, store.clips.frames)
    with pytest.raises(StoreError, match=r"the label of clip .* cannot be 7"):
        check(replace(store, clips=wrong))


def test_a_split_that_was_asked_for_has_to_fit():
    with pytest.raises(SplitError, match="there is no split"):
        check(store_of(list(clean_clips())), "nothing")
    assert psp.check is check


def test_the_faults_of_northwestern_ucla_are_found(shared_data: Path, tmp_path: Path):
    psp.prepare(shared_data / "nw-ucla" / "all_sqe.zip", tmp_path / "store")
    report = check(tmp_path / "store", "nw-ucla")
    leaks = report.of("leak")
    assert len(leaks) == 95
    assert {name[:3] for each in leaks for name in each.clips} == {"a02", "a03"}
    assert all(one[:-1] == other[:-1] for one, other in (each.clips for each in leaks))
    assert [each.clips for each in report.of("one-frame")] == [("a02_s09_e04_v02",), ("a02_s09_e04_v03",)]
    exchanged = [{(name[:3], name[4:7], name[-3:]) for name in each.clips} for each in report.of("exchanged-labels")]
    assert exchanged == [
        {("a05", "s04", "v02"), ("a06", "s04", "v02")},
        {("a08", "s05", "v02"), ("a09", "s05", "v02")},
    ]
    assert "a05_s07_e00_v03" in {each.clips[0] for each in report.of("frame-order")}
    assert not report.of("copy")
    assert not report.of("contradiction")
    assert len(report.findings) < 220


def test_the_summary_counts_what_is_there(tmp_path: Path):
    found = check_store(small_store(tmp_path / "store"))
    assert (found["data set"], found["vertical axis"]) == ("synthetic", "y")
    assert found["layout"] == "kinect20 (20 joints, 3 coordinates)"
    assert (found["clips"], found["labelled clips"]) == (48, 48)
    assert (found["different values of subject"], found["different values of camera"]) == (6, 2)
    assert found["clips per class"] == {f"class {number}": 12 for number in range(4)}
    assert found["persons (most)"] == 2
    assert found["frames (least, median, most)"] == "12, 16, 20"
    assert found["joints not observed"] == "0.0%"


def test_a_missing_value_is_no_value_of_a_column():
    store = table_store(["a", "b", "c"], [0, 0, 1], subject=[1.0, np.nan, 2.0], room=["hall", "", ""])
    found = check_store(store)
    assert (found["different values of subject"], found["different values of room"]) == (2, 1)


def test_joints_that_were_not_observed_are_counted(tmp_path: Path):
    store = own_store(tmp_path / "store", "coco17")
    share = sum((store.clip(index).confidence == 0).sum() for index in range(len(store))) / store.confidence.size
    assert share > 0.05
    assert check_store(store)["joints not observed"] == f"{share:.1%}"


@pytest.mark.parametrize("name", ["joints.npy", "confidence.npy", "clips.arrow"])
def test_a_changed_byte_is_found(tmp_path: Path, name: str):
    store = own_store(tmp_path / "store", "coco17")
    content = bytearray((store.path / name).read_bytes())
    place = content.index(b"clip001") if name == "clips.arrow" else -3
    content[place] ^= 1
    (store.path / name).write_bytes(content)
    with pytest.raises(StoreError, match=f"{name} (is damaged|was changed)") as refusal:
        check_store(open_store(store.path))
    assert refusal.value.where == str(store.path)
    assert refusal.value.remedy
