"""Preparation: the data set does not depend on workers or interruptions, and damage is told, never stored."""

import json
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from psp.dataset.build import PreparationReport, prepare
from psp.dataset.store import Store, open_store
from psp.errors import ConfigError, DestinationError, PSPError, RecordingError
from psp.files import destination_lock
from psp.io.base import open_reader
from psp.io.formats.synthetic import SyntheticReader
from psp.io.formats.write_ntu import write_ntu_folder
from psp.io.source import FileSource
from psp.preprocess.clean import CleanConfig
from psp.preprocess.normalise import NormaliseConfig, normalisation
from psp.preprocess.prepare import Preparation
from psp.skeleton.catalogue import layout_by_name
from psp.synthetic import SyntheticConfig, synthetic_clip

MADE = SyntheticConfig(clips=130, seed=3)
SMALL = SyntheticReader(MADE)
AS_RECORDED = {
    "clean": CleanConfig(bodies=None, drop_empty_frames=False, fill_gaps=False),
    "normalise": NormaliseConfig(centre="none", scale="none"),
}
NW_UCLA = (
    "6281d929678f9b383a73099139256daebf9ef9b23b83e17ea60a75ad9d8dffcd:"
    "9a1d9b2fa16a7c2f93fdc22479cb3129ff2b4b09a184fa05014080eb8537631e"
)

INTERRUPTED = """
import sys
from pathlib import Path
from psp.dataset.build import prepare
from psp.io.formats.synthetic import SyntheticReader
from psp.synthetic import SyntheticConfig

def report(done, total):
    print(done, flush=True)

if __name__ == "__main__":
    prepare(SyntheticReader(SyntheticConfig(clips=384)), Path(sys.argv[1]), workers=2, on_progress=report)
"""


def parts(store: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in store.iterdir()}


def test_a_file_of_many_recordings_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source, takes = tmp_path / "recordings", np.random.default_rng(0).normal(size=(40, 1, 17, 2))
    source.mkdir()
    for part in (0, 1):  # the ids alternate between the files
        annotations = [
            {"frame_dir": f"{index:02}", "label": part, "keypoint": takes[None, index]} for index in range(part, 40, 2)
        ]
        (source / f"{part}.pkl").write_bytes(pickle.dumps({"split": {}, "annotations": annotations}))
    reader, whole = open_reader(source), list[str]()
    read = FileSource.read
    monkeypatch.setattr(FileSource, "read", lambda *given: whole.append(given[1]) or read(*given))
    prepare(reader, tmp_path / "store", workers=1, normalise=AS_RECORDED["normalise"])
    assert len(whole) == 2
    store = open_store(tmp_path / "store")
    assert store.clips.id.tolist() == [f"{index:02}" for index in range(40)]
    assert store.clips.label.tolist() == [0, 1] * 20
    for index, take in enumerate(takes):
        np.testing.assert_allclose(store.clip(index).joints[0], take, rtol=1e-6)


def entries(folder: Path) -> list[str]:
    """What is in a folder besides locks."""
    return sorted(path.name for path in folder.iterdir() if path.suffix not in (".lock", ".owner"))


def test_a_prepared_store_holds_every_clip_and_its_provenance(tmp_path: Path) -> None:
    report = prepare(SMALL, tmp_path / "store", workers=1)
    store = open_store(tmp_path / "store")
    assert report.clips == len(store) == 130
    assert report.skipped == ()
    assert store.manifest["report"] == report.counts
    assert store.manifest["skipped"] == []
    assert (store.normalise, store.clean, store.up) == (NormaliseConfig(), CleanConfig(), "y")
    assert (store.dataset, store.layout.name, store.channels) == ("synthetic", "ntu25", 3)
    assert entries(tmp_path) == ["store"]


def test_with_everything_switched_off_clips_are_stored_as_recorded(tmp_path: Path) -> None:
    prepare(SMALL, tmp_path / "store", workers=1, **AS_RECORDED)
    store = open_store(tmp_path / "store")
    for index in (0, 77, 129):
        expected, stored = synthetic_clip(MADE, index), store.clip(index)
        assert stored.info == expected.info
        assert (stored.joints == expected.joints).all()


def test_the_vertical_axis_of_a_store_is_that_after_normalisation(tmp_path: Path) -> None:
    reader = SyntheticReader(SyntheticConfig(clips=2))
    for number, chosen in enumerate(("published", normalisation("published", reader.layout))):
        prepare(reader, tmp_path / str(number), normalise=chosen, workers=1)
        assert open_store(tmp_path / str(number)).up == "z"
    assert parts(tmp_path / "0") == parts(tmp_path / "1")


def test_the_store_does_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    for workers in (1, 2):
        prepare(SMALL, tmp_path / str(workers), workers=workers)
    assert parts(tmp_path / "1") == parts(tmp_path / "2")


def test_a_killed_preparation_goes_on_and_gives_the_same_store(tmp_path: Path) -> None:
    command = [sys.executable, "-c", INTERRUPTED, str(tmp_path / "killed")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for _ in range(3):
            assert process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
    assert not (tmp_path / "killed").exists()
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / ".killed.preparing").glob("*.npz")}
    assert len(kept) >= 3
    heard: list[int] = []

    def listen(done: int, total: int) -> None:
        heard.append(done)
        assert all(path.stat().st_mtime_ns == time for path, time in kept.items())

    whole = SyntheticReader(SyntheticConfig(clips=384))
    prepare(whole, tmp_path / "killed", workers=1, on_progress=listen)
    assert heard[0] > 64 * 3
    assert heard[-1] == 384
    prepare(whole, tmp_path / "whole", workers=1)
    assert parts(tmp_path / "killed") == parts(tmp_path / "whole")
    assert entries(tmp_path) == ["killed", "whole"]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks for processes in /proc")
def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", INTERRUPTED, str(tmp_path / "orphans")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        workers = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(process.pid, signal.SIGKILL)
    assert len(workers) == 2
    deadline = time.monotonic() + 20
    while any(_alive(worker) for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(_alive(worker) for worker in workers)


def _alive(pid: str) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_other_settings_start_over(tmp_path: Path) -> None:
    folder = write_damaged(tmp_path)
    with pytest.raises(RecordingError):
        prepare(folder, tmp_path / "store", workers=1)
    chunk = next((tmp_path / ".store.preparing").glob("*.npz"))
    chunk.write_bytes(b"a chunk that must not be used")
    keep = AS_RECORDED["normalise"]
    report = prepare(folder, tmp_path / "store", workers=1, normalise=keep, skip_damaged=True)
    assert report.clips == 4


def write_damaged(tmp_path: Path) -> Path:
    """Six recordings: one is cut off in the middle of a line, one shows nobody."""
    folder = tmp_path / "recordings"
    write_ntu_folder(folder, SyntheticConfig(clips=6))
    cut, empty = sorted(folder.iterdir())[1:3]
    cut.write_bytes(cut.read_bytes()[:1000])
    empty.write_text("2\n0\n0\n")
    return folder


def test_damaged_recordings_are_all_named_and_nothing_is_stored(tmp_path: Path) -> None:
    folder = write_damaged(tmp_path)
    cut, empty = (path.name for path in sorted(folder.iterdir())[1:3])
    with pytest.raises(RecordingError, match=r"(?s)2 recordings .*--skip-damaged") as caught:
        prepare(folder, tmp_path / "store", workers=1)
    line = (folder / cut).read_bytes().count(b"\n") + 1
    assert f"{cut}:{line}: " in str(caught.value)
    assert f"{Path(empty).stem}: no person is observed in any frame." in str(caught.value)
    assert not (tmp_path / "store").exists()


def test_the_error_lists_some_and_counts_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psp.preprocess.prepare.SHOWN", 10)
    for number in range(1, 14):
        (tmp_path / f"a01_s01_e{number:02}_v01.json").write_text("{")
    with pytest.raises(RecordingError, match="13 recordings") as caught:
        prepare(tmp_path, tmp_path / "store", workers=1)
    assert str(caught.value).count(".json:1: ") == 10
    assert "and 3 more" in str(caught.value)


def test_skipping_damaged_recordings_uses_what_was_done_and_records_the_list(tmp_path: Path) -> None:
    folder = write_damaged(tmp_path)
    with pytest.raises(RecordingError):
        prepare(folder, tmp_path / "store", workers=1)
    chunks = {path.stat().st_mtime_ns for path in (tmp_path / ".store.preparing").glob("*.npz")}
    assert chunks
    report = prepare(folder, tmp_path / "store", workers=1, skip_damaged=True)
    manifest = json.loads((tmp_path / "store" / "manifest.json").read_text())
    assert report.clips == 4
    assert [entry["reason"] for entry in manifest["skipped"]] == [reason for _, reason in report.skipped]
    assert manifest["skipped"][1]["reason"] == "no person is observed in any frame."
    assert not (tmp_path / ".store.preparing").exists()


def test_a_spoiled_chunk_is_made_again(tmp_path: Path) -> None:
    folder = write_damaged(tmp_path)
    with pytest.raises(RecordingError):
        prepare(folder, tmp_path / "store", workers=1)
    chunk = next((tmp_path / ".store.preparing").glob("*.npz"))
    for content in (b"", chunk.read_bytes()[:1000]):
        chunk.write_bytes(content)
        with pytest.raises(RecordingError, match="2 recordings"):
            prepare(folder, tmp_path / "store", workers=1)
    chunk.write_bytes(b"no archive")
    assert prepare(folder, tmp_path / "store", workers=1, skip_damaged=True).clips == 4


def test_an_existing_destination_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with pytest.raises(DestinationError, match="already exists"):
        prepare(SMALL, tmp_path / "store")
    assert entries(tmp_path) == ["store"]


def test_of_two_preparations_of_one_destination_the_second_changes_nothing(tmp_path: Path) -> None:
    with destination_lock(tmp_path / "store"), pytest.raises(DestinationError, match=f"process {os.getpid()}"):
        prepare(SMALL, tmp_path / "store", workers=1)
    assert entries(tmp_path) == []
    assert prepare(SMALL, tmp_path / "store", workers=1).clips == 130


def test_wrong_sources_are_told_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="does not exist"):
        prepare(tmp_path / "nowhere", tmp_path / "store")
    with pytest.raises(RecordingError, match=r"there is no recording"):
        prepare(tmp_path, tmp_path / "store", format="nw-ucla")
    with pytest.raises(ConfigError, match="Did you mean 'nw-ucla'"):
        prepare(tmp_path, tmp_path / "store", format="nwucla")
    assert entries(tmp_path) == []


def test_settings_that_cannot_be_are_refused_before_any_work(tmp_path: Path) -> None:
    for workers in (0, -1):
        with pytest.raises(ConfigError, match="Use 1 or more") as refusal:
            prepare(SMALL, tmp_path / "store", workers=workers)
        assert refusal.value.where == "workers"
    with pytest.raises(ConfigError, match="no such option"):
        prepare("synthetic", tmp_path / "store", missing=tmp_path / "missing.txt")
    with pytest.raises(ConfigError, match="Did you mean 'published'"):
        prepare(SMALL, tmp_path / "store", normalise="publishd")
    with pytest.raises(RecordingError, match="Use --clips with 1 or more") as empty:
        prepare(SyntheticReader(SyntheticConfig(clips=0)), tmp_path / "store")
    assert empty.value.where == "synthetic"
    kinect = SyntheticReader(SyntheticConfig(clips=1, layout="kinect20"))
    with pytest.raises(ConfigError, match="no joint 'spine shoulder'"):
        prepare(kinect, tmp_path / "store", normalise=NormaliseConfig(shoulder_line=("spine shoulder", "left elbow")))
    assert not list(tmp_path.iterdir())


def test_recordings_left_out_are_counted(tmp_path: Path) -> None:
    folder, names = tmp_path / "recordings", tmp_path / "missing.txt"
    write_ntu_folder(folder, SyntheticConfig(clips=4))
    first = min(folder.iterdir())
    first.with_name("S018C001P001R001A061.skeleton").write_bytes(first.read_bytes())
    names.write_text(f"{first.stem}\nS001C002P005R002A008\n")
    report = prepare(folder, tmp_path / "store", format="ntu60", workers=1, missing=names)
    ids = open_store(tmp_path / "store").clips.id
    assert report.clips == 3
    assert first.stem not in ids
    assert "S018C001P001R001A061" not in ids
    assert list(report.counts.values()).count(1) >= 2


def own(folder: Path, dest: Path, **options) -> tuple[Store, PreparationReport]:
    report = prepare(folder, dest, workers=1, **options)
    return open_store(dest), report


@settings(max_examples=25)
@given(st.integers(1, 3), st.integers(1, 9), st.sampled_from([2, 3]), st.integers(0, 2**32 - 1))
def test_own_arrays_come_back_from_a_store(tmp_path_factory, persons, frames, channels, seed) -> None:
    folder, draw = tmp_path_factory.mktemp("own"), np.random.default_rng(seed)
    joints = draw.integers(-1, 2, (persons, frames, 17, channels)).astype(np.float64)
    joints[draw.uniform(size=joints.shape[:3]) < 0.3] = np.nan
    joints[:, 0, 0] = 0
    (folder / "in" / "sit").mkdir(parents=True)
    np.save(folder / "in" / "sit" / "0.npy", joints)
    store, report = own(folder / "in", folder / "out", layout="coco17", normalise=AS_RECORDED["normalise"])
    clip, observed = store.clip(0), ~np.isnan(joints).any(axis=3)
    assert (clip.id, store.classes, clip.label) == ("sit/0", ("sit",), 0)
    assert store.up == ("y" if channels == 3 else "-y")
    frames_of = observed.any(axis=(0, 2))
    np.testing.assert_array_equal(clip.joints[observed[:, frames_of]], joints[:, frames_of][observed[:, frames_of]])
    confidence = np.ones(clip.joints.shape[:3]) if clip.confidence is None else clip.confidence
    np.testing.assert_array_equal(confidence, observed[:, frames_of])
    assert report.clips == 1


def test_columns_and_labels_of_own_recordings_reach_the_store(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in "abc":
        np.save(tmp_path / "in" / f"{name}.npy", np.random.default_rng(0).normal(size=(20, 17, 2)))
    (tmp_path / "in" / "clips.csv").write_text("file,label,subject,city\na,sit,1,Ulm\nb,,2,\nc,go,3,Bonn\n")
    store, report = own(tmp_path / "in", tmp_path / "out", layout="coco17")
    assert store.classes == ("go", "sit")
    assert store.clips.label.tolist() == [1, -1, 0]
    assert store.clips.column("subject").tolist() == [1, 2, 3]
    assert store.clips.column("city").tolist() == ["Ulm", "", "Bonn"]
    assert store.confidence is None
    assert (report.counts, store.clean) == ({"recordings without a label": 1}, CleanConfig(bodies=None))
    assert store.manifest["notes"] == list(report.notes)


def test_persons_of_arrays_are_all_kept_but_those_never_seen(tmp_path: Path) -> None:
    joints = np.random.default_rng(0).normal(size=(4, 3, 17, 3))
    joints[2] = np.nan
    np.save(tmp_path / "x.npy", joints)
    store, report = own(tmp_path / "x.npy", tmp_path / "out", layout="coco17")
    assert store.clips.persons.tolist() == [3]
    assert report.counts["bodies never seen"] == 1


@pytest.mark.parametrize("bad", [np.zeros((3, 16, 2)), np.full((3, 17, 2), np.nan), np.zeros((3, 33))])
def test_arrays_that_cannot_be_used_are_named(tmp_path: Path, bad: np.ndarray) -> None:
    for name, joints in {"a": np.ones((3, 17, 2)), "b": bad}.items():
        np.save(tmp_path / f"{name}.npy", joints)
    with pytest.raises(RecordingError, match=r"1 recording cannot be used, nothing is stored:\n  b(\.npy)?: "):
        own(tmp_path, tmp_path / "out", layout="coco17")
    assert own(tmp_path, tmp_path / "out", layout="coco17", skip_damaged=True)[1].clips == 1


def test_other_facts_or_options_start_over(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    np.save(tmp_path / "in" / "a.npy", np.random.default_rng(0).normal(size=(20, 17, 3)))
    np.save(tmp_path / "in" / "b.npy", np.zeros((3, 33)))
    for label, up in [("sit", "y"), ("go", "y"), ("go", "z")]:
        (tmp_path / "in" / "clips.csv").write_text(f"id,label\na,{label}\n")
        with pytest.raises(PSPError):
            own(tmp_path / "in", tmp_path / "out", layout="coco17", up=up)
    assert len(list((tmp_path / ".out.preparing").glob("*.npz"))) == 3


@pytest.mark.parametrize("broken", ["a", "b"])
def test_broken_tracks_are_joined_whichever_file_comes_first(tmp_path: Path, broken: str) -> None:
    walk = np.cumsum(np.random.default_rng(0).normal(0, 1, (60, 1, 2)), axis=0) + 100 * np.arange(17)[:, None]
    header = ",".join(
        ["frame", "track_id", *(f"{name}_{axis}" for name in layout_by_name("coco17").joints for axis in "xy")]
    )
    (tmp_path / "in").mkdir()
    for name in ("a", "b"):
        rows = [(frame, frame // 20 if name == broken else 0, *walk[frame].ravel()) for frame in range(60)]
        (tmp_path / "in" / f"{name}.csv").write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]))
    store, _ = own(tmp_path / "in", tmp_path / "out")
    assert store.clips.persons.tolist() == [1, 1]
    assert store.clips.frames.tolist() == [60, 60]


def test_another_size_of_the_image_starts_over(tmp_path: Path) -> None:
    landmarks = [{"x": number / 33, "y": 0.5, "z": 0.0, "visibility": 1.0} for number in range(33)]
    (tmp_path / "a.json").write_text(json.dumps({"frames": [landmarks] * 5}))
    names = set[str]()
    for size in (None, (640, 480), (1920, 1080)):
        reader = open_reader(tmp_path, size=size)
        names.add(Preparation(reader, CleanConfig(), NormaliseConfig()).chunk_name(reader.items()[0]))
    assert len(names) == 3


def test_nw_ucla_as_published(tmp_path: Path, shared_data: Path) -> None:
    """The fingerprint is that of the data set on which results were recorded."""
    report = prepare(shared_data / "nw-ucla" / "all_sqe.zip", tmp_path / "store", workers=2)
    store = open_store(tmp_path / "store")
    table = store.clips
    assert report.clips == len(store) == 1484
    assert store.fingerprint == NW_UCLA
    assert list(table.columns) == ["subject", "camera", "setup", "repetition"]
    assert np.bincount(table.column("camera")).tolist() == [0, 516, 504, 464]
    assert (table.id[1:] > table.id[:-1]).all()
    assert len(np.unique(table.column("subject"))) == 10
    assert (table.frames.min(), table.frames.max()) == (1, 201)
    assert (np.bincount(table.label[table.column("camera") == 3])[1:3] == (50, 45)).all()
    assert np.isfinite(store.joints).all()
    assert (store.confidence == 0).sum() == report.counts["single joints filled in"] == 12
