import hashlib
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

from psp.dataset.store import open_store
from psp.dataset.writer import StoreWriter, sha256_of_file
from psp.errors import RecordingError, StoreError
from psp.skeleton.clip import Clip
from psp.skeleton.kinect20 import KINECT20

KILLED = """
import os, signal, sys
from psp.dataset.writer import StoreWriter
from psp.skeleton.kinect20 import KINECT20

with StoreWriter(sys.argv[1], dataset="tests", layout=KINECT20, classes=(), preprocessing={}, source="here"):
    os.kill(os.getpid(), signal.SIGKILL)
"""

CLASSES = ("wave", "kick", "sit, stand")


def writer(path: Path, **options: Any) -> StoreWriter:
    about = {"dataset": "tests", "layout": KINECT20, "classes": CLASSES, "source": "here"}
    return StoreWriter(path, preprocessing={"centre": True}, **(about | options))


def clip(name: str = "a", persons: int = 1, frames: int = 3, seed: int = 0, **known: Any) -> Clip:
    joints = np.random.default_rng(seed).normal(size=(persons, frames, 20, 3)).astype(np.float32)
    return Clip(name, joints, **known)


def break_off(started: StoreWriter) -> None:
    with started as store_writer:
        store_writer.add(clip("broken off"))
        raise InterruptedError


numbers = st.integers(0, 2**40)
clips = st.lists(
    st.builds(
        clip,
        name=st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=12),
        persons=st.integers(1, 3),
        frames=st.integers(1, 9),
        seed=st.integers(0, 99),
        label=st.none() | st.integers(0, len(CLASSES) - 1),
        subject=numbers,
        camera=numbers,
        setup=numbers,
        repetition=numbers,
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda each: each.id,
)


@settings(max_examples=40)
@given(clips)
def test_what_is_written_is_read(written: list[Clip]):
    with tempfile.TemporaryDirectory() as folder:
        with writer(Path(folder) / "store") as store_writer:
            for each in written:
                store_writer.add(each)
        store = open_store(Path(folder) / "store")
        read = [store.clip(row) for row in range(len(store))]
    assert (store.dataset, store.layout, store.classes) == ("tests", KINECT20, CLASSES)
    for before, after in zip(written, read, strict=True):
        assert np.array_equal(before.joints, after.joints)
        assert vars(before) | {"joints": 0} == vars(after) | {"joints": 0}


def test_the_manifest_tells_where_everything_is_from(tmp_path: Path):
    with writer(tmp_path / "store") as store_writer:
        store_writer.add(clip(persons=2))
        store_writer.manifest_extra["skipped"] = ["b"]
    manifest = open_store(tmp_path / "store").manifest
    assert manifest["source"] == "here"
    assert manifest["preprocessing"] == {"centre": True}
    assert manifest["skipped"] == ["b"]
    assert (manifest["clips"], manifest["rows"]) == (1, 6)
    assert set(manifest["parts"]) == {"joints.npy", "clips.csv", "ids.npy", "columns.npy"}
    for name, part in manifest["parts"].items():
        assert part["sha256"] == sha256_of_file(tmp_path / "store" / name)


def test_equal_clips_make_equal_bytes(tmp_path: Path):
    for name in ("one", "two"):
        with writer(tmp_path / name) as store_writer:
            store_writer.add(clip())
    for part in ("joints.npy", "clips.csv", "ids.npy", "columns.npy", "manifest.json"):
        assert (tmp_path / "one" / part).read_bytes() == (tmp_path / "two" / part).read_bytes()


def test_nothing_is_at_its_place_before_the_end(tmp_path: Path):
    with writer(tmp_path / "store") as store_writer:
        store_writer.add(clip())
        assert not (tmp_path / "store").exists()
    assert [each.name for each in tmp_path.iterdir()] == ["store"]


def test_an_error_inside_leaves_nothing(tmp_path: Path):
    with pytest.raises(InterruptedError):
        break_off(writer(tmp_path / "store"))
    assert not list(tmp_path.iterdir())


def test_a_store_without_clips_is_refused(tmp_path: Path):
    with pytest.raises(StoreError, match="no clip to store"), writer(tmp_path / "store"):
        pass
    assert not list(tmp_path.iterdir())


def test_an_existing_destination_is_not_touched(tmp_path: Path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "mine.txt").write_text("keep")
    with pytest.raises(StoreError, match="already exists"):
        writer(tmp_path / "store")
    assert (tmp_path / "store" / "mine.txt").read_text() == "keep"


def test_a_destination_that_appears_meanwhile_is_not_touched(tmp_path: Path):
    store_writer = writer(tmp_path / "store").__enter__()
    store_writer.add(clip())
    (tmp_path / "store").mkdir()
    with pytest.raises(StoreError, match="already exists"):
        store_writer.__exit__(None, None, None)
    assert not list((tmp_path / "store").iterdir())
    assert [each.name for each in tmp_path.iterdir()] == ["store"]


def test_what_a_killed_writer_left_is_removed(tmp_path: Path):
    with subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "store")]) as process:
        assert process.wait() == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    with writer(tmp_path / "store") as store_writer:
        store_writer.add(clip())
    assert [each.name for each in tmp_path.iterdir()] == ["store"]


def with_value(value: float) -> Clip:
    broken = clip("broken")
    broken.joints[0, 1, 2, 0] = value
    return broken


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (with_value(np.nan), "not a finite number"),
        (with_value(-np.inf), "not a finite number"),
        (Clip("broken", np.zeros((1, 3, 25, 3), np.float32)), r"the shape \(persons, frames, 20, 3\), not"),
        (Clip("broken", np.zeros((1, 0, 20, 3), np.float32)), "the shape"),
        (Clip("broken", np.zeros((0, 3, 20, 3), np.float32)), "the shape"),
        (clip("broken", label=3), "label 3 is not one of the 3 classes"),
        (clip("broken", label=-1), "label -1"),
    ],
    ids=["nan", "infinity", "25 joints", "no frames", "nobody", "label too large", "negative label"],
)
def test_a_damaged_clip_is_named_and_the_others_are_kept(tmp_path: Path, broken: Clip, message: str):
    with writer(tmp_path / "store") as store_writer:
        store_writer.add(clip("first"))
        with pytest.raises(RecordingError, match=message) as refusal:
            store_writer.add(broken)
        store_writer.add(clip("last"))
    assert refusal.value.where == "broken"
    assert open_store(tmp_path / "store").clips.id.tolist() == ["first", "last"]


def test_a_repeated_id_is_refused(tmp_path: Path):
    with writer(tmp_path / "store") as store_writer:
        store_writer.add(clip("a"))
        with pytest.raises(RecordingError, match="two recordings have this id"):
            store_writer.add(clip("a", seed=1))
    assert len(open_store(tmp_path / "store")) == 1


def test_sha256_of_file(tmp_path: Path):
    content = bytes(range(256)) * 5000
    (tmp_path / "file").write_bytes(content)
    assert sha256_of_file(tmp_path / "file") == hashlib.sha256(content).hexdigest()
