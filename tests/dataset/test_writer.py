import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psp.dataset.arrays import sha256_of_file
from psp.dataset.store import Store, open_store
from psp.dataset.writer import StoreWriter
from psp.errors import DestinationError, RecordingError, StoreError
from psp.files import destination_lock
from psp.preprocess.clean import CleanConfig
from psp.preprocess.normalise import NORMALISATIONS, NormaliseConfig, normalisation
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.recording import Clip, ClipInfo

KINECT20 = layout_by_name("kinect20")
CLASSES = ("wave", "kick", "sit, stand")

KILLED = """
import os, signal, sys
from psp.dataset.writer import StoreWriter
from psp.skeleton.catalogue import layout_by_name

with StoreWriter(sys.argv[1], dataset="tests", layout=layout_by_name("kinect20"), classes=(), up="y"):
    os.kill(os.getpid(), signal.SIGKILL)
"""


def writer(path: Path, **options: Any) -> StoreWriter:
    about = {"dataset": "tests", "layout": KINECT20, "classes": CLASSES, "up": "y", "source": "here"}
    return StoreWriter(path, **(about | options))


def clip(name: str = "a", persons: int = 1, frames: int = 3, seed: int = 0, channels: int = 3, **known: Any) -> Clip:
    joints = np.random.default_rng(seed).normal(size=(persons, frames, 20, channels)).astype(np.float32)
    confidence = known.pop("confidence", None)
    return Clip(ClipInfo(name, **known), joints, confidence)


def seen(each: Clip) -> np.ndarray:
    return np.ones(each.joints.shape[:3]) if each.confidence is None else each.confidence


def visible(folder: Path) -> list[str]:
    """What is in a folder but for locks."""
    return [each.name for each in folder.iterdir() if each.suffix != ".lock"]


def break_off(started: StoreWriter) -> None:
    with started as store_writer:
        store_writer.add(clip("broken off"))
        raise InterruptedError


@st.composite
def clips(draw: st.DrawFn) -> list[Clip]:
    """Up to eight clips of the same kind of coordinates and columns."""
    text = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=12)
    channels = draw(st.sampled_from([2, 3]))
    columns = {"subject": st.integers(0, 2**40), "age": st.floats(allow_nan=False), "who": text}
    each = st.builds(
        clip,
        name=text,
        persons=st.integers(1, 3),
        frames=st.integers(1, 9),
        seed=st.integers(0, 99),
        channels=st.just(channels),
        label=st.none() | st.integers(0, len(CLASSES) - 1),
        columns=st.fixed_dictionaries(columns),
    )
    made = draw(st.lists(each, min_size=1, max_size=8, unique_by=lambda one: one.id))
    for number, one in enumerate(made):
        if draw(st.booleans()):
            values = np.random.default_rng(number).integers(0, 5, one.joints.shape[:3]) / 4
            made[number] = Clip(one.info, one.joints, values.astype(np.float32))
    return made


@settings(max_examples=20)
@given(clips())
def test_what_is_written_is_read(written: list[Clip]):
    with tempfile.TemporaryDirectory() as folder:
        with writer(Path(folder) / "store") as store_writer:
            for each in written:
                store_writer.add(each)
        store = open_store(Path(folder) / "store")
        read = [store.clip(index) for index in range(len(store))]
    assert (store.dataset, store.layout, store.classes) == ("tests", KINECT20, CLASSES)
    assert (store.confidence is None) == all((seen(each) == 1).all() for each in written)
    for before, after in zip(written, read, strict=True):
        assert before.info == after.info
        assert np.array_equal(before.joints, after.joints)
        assert np.array_equal(seen(before), seen(after))


def test_the_manifest_says_what_was_done_and_where_everything_is_from(tmp_path: Path):
    normalise, clean = NormaliseConfig(centre="every-frame", scale="none"), CleanConfig(bodies=None)
    with writer(tmp_path / "store", normalise=normalise, clean=clean, up="z") as store_writer:
        store_writer.add(clip(persons=2))
        store_writer.manifest_extra["skipped"] = ["b"]
    store = open_store(tmp_path / "store")
    assert (store.normalise, store.clean, store.up) == (normalise, clean, "z")
    assert (store.manifest["source"], store.manifest["skipped"]) == ("here", ["b"])
    assert (store.manifest["clips"], store.manifest["rows"]) == (1, 6)
    assert set(store.manifest["parts"]) == {"joints.npy", "clips.arrow"}
    for name, part in store.manifest["parts"].items():
        assert part["sha256"] == sha256_of_file(tmp_path / "store" / name)


@pytest.mark.parametrize("name", NORMALISATIONS)
def test_every_normalisation_comes_back(tmp_path: Path, name: str):
    normalise = normalisation(name, layout_by_name("ntu25"))
    with writer(tmp_path / "store", normalise=normalise, clean=CleanConfig()) as store_writer:
        store_writer.add(clip())
    store = open_store(tmp_path / "store")
    assert (store.normalise, store.clean) == (normalise, CleanConfig())


def test_equal_clips_make_equal_bytes(tmp_path: Path):
    for name in ("one", "two"):
        with writer(tmp_path / name) as store_writer:
            store_writer.add(clip())
    for part in ("joints.npy", "clips.arrow", "manifest.json"):
        assert (tmp_path / "one" / part).read_bytes() == (tmp_path / "two" / part).read_bytes()


def test_nothing_is_at_its_place_before_the_end(tmp_path: Path):
    with writer(tmp_path / "store") as store_writer:
        store_writer.add(clip())
        assert not (tmp_path / "store").exists()
    assert visible(tmp_path) == ["store"]


def test_an_error_inside_leaves_nothing(tmp_path: Path):
    with pytest.raises(InterruptedError):
        break_off(writer(tmp_path / "store"))
    assert not visible(tmp_path)


def test_a_store_without_clips_is_refused(tmp_path: Path):
    with pytest.raises(StoreError, match="no clip to store"), writer(tmp_path / "store"):
        pass
    assert not visible(tmp_path)


def test_an_existing_destination_is_not_touched(tmp_path: Path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "mine.txt").write_text("keep")
    with pytest.raises(DestinationError, match="already exists"):
        writer(tmp_path / "store")
    assert (tmp_path / "store" / "mine.txt").read_text() == "keep"


def test_a_destination_that_appears_meanwhile_is_not_touched(tmp_path: Path):
    store_writer = writer(tmp_path / "store").__enter__()
    store_writer.add(clip())
    (tmp_path / "store").mkdir()
    with pytest.raises(DestinationError, match="already exists"):
        store_writer.__exit__(None, None, None)
    assert not list((tmp_path / "store").iterdir())
    assert visible(tmp_path) == ["store"]


def test_a_destination_that_was_finished_before_the_lock_was_free_is_not_touched(tmp_path: Path):
    late = writer(tmp_path / "store")
    (tmp_path / "store").mkdir()
    with pytest.raises(DestinationError, match="already exists"), late:
        pass
    assert visible(tmp_path) == ["store"]


def test_a_destination_that_another_one_writes_is_not_touched(tmp_path: Path):
    with writer(tmp_path / "store") as first:
        first.add(clip())
        with pytest.raises(DestinationError, match="another process writes here"), writer(tmp_path / "store"):
            pass
    assert len(open_store(tmp_path / "store")) == 1


def test_a_caller_may_hold_the_lock(tmp_path: Path):
    with destination_lock(tmp_path / "store"), writer(tmp_path / "store", locked=True) as store_writer:
        store_writer.add(clip())
    assert len(open_store(tmp_path / "store")) == 1


def test_a_writer_leaves_the_unfinished_store_of_a_longer_name_alone(tmp_path: Path):
    with writer(tmp_path / "store.2024") as store_writer:
        for folder in tmp_path.glob(".*.writing"):
            os.utime(folder, (0, 0))
        with destination_lock(tmp_path / "store"):
            store_writer.add(clip())
    assert len(open_store(tmp_path / "store.2024")) == 1


def test_what_a_killed_writer_left_is_removed(tmp_path: Path):
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "store")]) as process:
        assert process.wait() == -signal.SIGKILL
    assert f".store.{process.pid}.writing" in visible(tmp_path)
    with writer(tmp_path / "store") as store_writer:
        store_writer.add(clip())
    assert visible(tmp_path) == ["store"]


def with_value(value: float) -> Clip:
    broken = clip("broken")
    broken.joints[0, 1, 2, 0] = value
    return broken


def with_confidence(value: float, frames: int = 3) -> Clip:
    broken = clip("broken")
    object.__setattr__(broken, "confidence", np.full((1, frames, 20), value, dtype=np.float32))
    return broken


def with_shape(*shape: int) -> Clip:
    return Clip(ClipInfo("broken"), np.zeros(shape, np.float32))


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (with_value(np.inf), "position is infinite"),
        (with_value(-np.inf), "position is infinite"),
        (with_shape(1, 3, 25, 3), r"the shape \(persons, frames, 20, 3\), not"),
        (with_shape(1, 0, 20, 3), "the shape"),
        (with_shape(0, 3, 20, 3), "the shape"),
        (with_shape(1, 3, 20, 2), r"the shape \(persons, frames, 20, 3\), not"),
        (with_confidence(1.5), "confidence is not between 0 and 1"),
        (with_confidence(np.nan), "confidence is not between 0 and 1"),
        (with_confidence(1, frames=4), r"the confidence has the shape \(1, 4, 20\), not \(1, 3, 20\)"),
        (clip("broken", label=3), "label 3 is not one of the 3 classes"),
        (clip("broken", label=-1), "label -1"),
        (clip("broken", columns={"id": "x"}), "is reserved"),
    ],
)
def test_a_damaged_clip_is_named_and_the_others_are_kept(tmp_path: Path, broken: Clip, message: str):
    with writer(tmp_path / "store") as store_writer:
        store_writer.add(clip("first"))
        with pytest.raises(RecordingError, match=message) as refusal:
            store_writer.add(broken)
        store_writer.add(clip("last"))
    assert refusal.value.where == "broken"
    assert open_store(tmp_path / "store").clips.id.tolist() == ["first", "last"]


def test_a_joint_that_is_not_a_number_was_not_observed(tmp_path: Path):
    clips = [clip("first"), with_value(np.nan)]
    with writer(tmp_path / "store") as store_writer:
        for each in clips:
            store_writer.add(each)
    for store in (open_store(tmp_path / "store"), Store.in_memory(clips, KINECT20, CLASSES, up="y")):
        joints, confidence = store.joints[-3:], store.confidence[-3:]
        assert np.argwhere(confidence == 0).tolist() == [[1, 2]]
        np.testing.assert_array_equal(joints, np.nan_to_num(clips[1].joints[0]) * (confidence > 0)[..., None])


def test_the_first_clip_needs_two_or_three_coordinates(tmp_path: Path):
    with writer(tmp_path / "store") as store_writer:
        with pytest.raises(RecordingError, match="a joint has 4 coordinates"):
            store_writer.add(with_shape(1, 3, 20, 4))
        with pytest.raises(RecordingError, match="position is infinite"):
            store_writer.add(with_value(np.inf))
        store_writer.add(with_shape(1, 3, 20, 2))
    assert open_store(tmp_path / "store").channels == 2


def test_a_repeated_id_is_refused(tmp_path: Path):
    with writer(tmp_path / "store") as store_writer:
        store_writer.add(clip("a"))
        with pytest.raises(RecordingError, match="two recordings have this id"):
            store_writer.add(clip("a", seed=1))
    assert len(open_store(tmp_path / "store")) == 1
