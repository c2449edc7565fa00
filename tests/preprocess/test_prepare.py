"""Preparation: the store does not depend on workers or interruptions, and damage is told, never stored."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from psp.preprocess.clean import CleanConfig
from psp.preprocess.normalise import NormaliseConfig
from psp.preprocess.prepare import prepare
from psp.io.base import open_reader
from psp.dataset.store import open_store
from psp.synthetic import SyntheticConfig, synthetic_clip
from psp.io.write_ntu import write_ntu_folder
from psp.errors import ConfigError, RecordingError, StoreError

SMALL = SyntheticConfig(clips=150, seed=3)
PARTS = ("joints.npy", "clips.csv", "manifest.json")

INTERRUPTED = """
import sys
from pathlib import Path
from psp.preprocess.prepare import prepare
from psp.synthetic import SyntheticConfig

def report(done, total):
    print(done, flush=True)

if __name__ == "__main__":
    config = SyntheticConfig(clips=640)
    prepare("synthetic", None, Path(sys.argv[1]), synthetic=config, workers=2, on_progress=report)
"""


def parts(store: Path) -> dict[str, bytes]:
    return {name: (store / name).read_bytes() for name in PARTS}


def test_a_prepared_store_holds_every_clip_and_its_provenance(tmp_path: Path) -> None:
    report = prepare("synthetic", None, tmp_path / "store", synthetic=SMALL, workers=1)
    store = open_store(tmp_path / "store")
    assert report.clips == len(store) == 150
    assert report.skipped == ()
    assert store.manifest["report"] == report.counts
    assert store.manifest["skipped"] == []
    assert store.manifest["preprocessing"]["normalise"]["centre"] == NormaliseConfig().centre
    assert [entry.name for entry in tmp_path.iterdir()] == ["store"]


def test_with_everything_switched_off_clips_are_stored_as_recorded(tmp_path: Path) -> None:
    clean = CleanConfig(bodies=None, drop_empty_frames=False, fill_gaps=False)
    keep = NormaliseConfig(centre="none", scale="none")
    prepare("synthetic", None, tmp_path / "store", synthetic=SMALL, workers=1, clean=clean, normalise=keep)
    store = open_store(tmp_path / "store")
    for index in (0, 77, 149):
        expected, stored = synthetic_clip(SMALL, index), store.clip(index)
        assert (stored.id, stored.label, stored.subject) == (expected.id, expected.label, expected.subject)
        assert (stored.joints == expected.joints).all()


def test_the_store_does_not_depend_on_the_number_of_workers(tmp_path: Path) -> None:
    for workers in (1, 2):
        prepare("synthetic", None, tmp_path / str(workers), synthetic=SMALL, workers=workers)
    assert parts(tmp_path / "1") == parts(tmp_path / "2")


def test_a_killed_preparation_goes_on_and_gives_the_same_store(tmp_path: Path) -> None:
    config = SyntheticConfig(clips=640)
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

    prepare("synthetic", None, tmp_path / "killed", synthetic=config, workers=1, on_progress=listen)
    assert heard[0] > 64 * 3
    assert heard[-1] == 640
    prepare("synthetic", None, tmp_path / "whole", synthetic=config, workers=1)
    assert parts(tmp_path / "killed") == parts(tmp_path / "whole")


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
        prepare("ntu60", folder, tmp_path / "store", workers=1)
    chunk = next((tmp_path / ".store.preparing").glob("*.npz"))
    chunk.write_bytes(b"a chunk that must not be used")
    keep = NormaliseConfig(centre="none", scale="none")
    report = prepare("ntu60", folder, tmp_path / "store", workers=1, normalise=keep, skip_damaged=True)
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
        prepare("ntu60", folder, tmp_path / "store", workers=1)
    line = (folder / cut).read_bytes().count(b"\n") + 1
    assert f"{cut}:{line}: " in str(caught.value)
    assert f"{empty}: nobody is seen." in str(caught.value)
    assert not (tmp_path / "store").exists()


def test_the_error_lists_some_and_counts_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psp.preprocess.prepare.SHOWN", 10)
    for number in range(1, 14):
        (tmp_path / f"a01_s01_e{number:02}_v01.json").write_text("{")
    with pytest.raises(RecordingError, match="13 recordings") as caught:
        prepare("nw-ucla", tmp_path, tmp_path / "store", workers=1)
    assert str(caught.value).count(".json:1: ") == 10
    assert "and 3 more" in str(caught.value)


def test_skipping_damaged_recordings_uses_what_was_done_and_records_the_list(tmp_path: Path) -> None:
    folder = write_damaged(tmp_path)
    with pytest.raises(RecordingError):
        prepare("ntu60", folder, tmp_path / "store", workers=1)
    chunks = {path.stat().st_mtime_ns for path in (tmp_path / ".store.preparing").glob("*.npz")}
    assert chunks
    report = prepare("ntu60", folder, tmp_path / "store", workers=1, skip_damaged=True)
    manifest = json.loads((tmp_path / "store" / "manifest.json").read_text())
    assert report.clips == 4
    assert [entry["reason"] for entry in manifest["skipped"]] == [reason for _, reason in report.skipped]
    assert manifest["skipped"][1]["reason"] == "nobody is seen."
    assert not (tmp_path / ".store.preparing").exists()


def test_a_spoiled_chunk_is_made_again(tmp_path: Path) -> None:
    folder = write_damaged(tmp_path)
    with pytest.raises(RecordingError):
        prepare("ntu60", folder, tmp_path / "store", workers=1)
    chunk = next((tmp_path / ".store.preparing").glob("*.npz"))
    for content in (b"", chunk.read_bytes()[:1000]):
        chunk.write_bytes(content)
        with pytest.raises(RecordingError, match="2 recordings"):
            prepare("ntu60", folder, tmp_path / "store", workers=1)
    chunk.write_bytes(b"no archive")
    assert prepare("ntu60", folder, tmp_path / "store", workers=1, skip_damaged=True).clips == 4


def test_an_existing_destination_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    with pytest.raises(StoreError, match="already exists"):
        prepare("synthetic", None, tmp_path / "store", synthetic=SMALL)
    assert [entry.name for entry in tmp_path.iterdir()] == ["store"]


def test_wrong_sources_are_told_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="does not exist"):
        prepare("nw-ucla", tmp_path / "nowhere", tmp_path / "store")
    with pytest.raises(RecordingError, match="Name the folder"):
        prepare("nw-ucla", None, tmp_path / "store")
    with pytest.raises(RecordingError, match=r"no \*\.json file"):
        prepare("nw-ucla", tmp_path, tmp_path / "store")
    with pytest.raises(ConfigError, match="Did you mean 'nw-ucla'"):
        prepare("nwucla", tmp_path, tmp_path / "store")


def test_settings_that_cannot_be_are_refused_before_any_work(tmp_path: Path) -> None:
    for workers in (0, -1):
        with pytest.raises(ConfigError, match="Use 1 or more") as refusal:
            prepare("synthetic", None, tmp_path / "store", workers=workers)
        assert refusal.value.where == "workers"
    with pytest.raises(ConfigError, match="no list of missing"):
        prepare("synthetic", None, tmp_path / "store", missing=tmp_path / "missing.txt")
    with pytest.raises(RecordingError, match="Ask for 1 clip or more") as empty:
        prepare("synthetic", None, tmp_path / "store", synthetic=SyntheticConfig(clips=0))
    assert empty.value.where == "synthetic"
    assert not list(tmp_path.iterdir())


def test_recordings_left_out_are_counted(tmp_path: Path) -> None:
    folder, names = tmp_path / "recordings", tmp_path / "missing.txt"
    write_ntu_folder(folder, SyntheticConfig(clips=4))
    first = min(folder.iterdir())
    first.with_name("S018C001P001R001A061.skeleton").write_bytes(first.read_bytes())
    names.write_text(f"{first.stem}\nS001C002P005R002A008\n")
    report = prepare("ntu60", folder, tmp_path / "store", workers=1, missing=names)
    ids = open_store(tmp_path / "store").clips.id
    assert report.clips == 3
    assert first.stem not in ids
    assert "S018C001P001R001A061" not in ids
    assert list(report.counts.values()).count(1) >= 2


def test_a_reader_of_your_own_can_be_given(tmp_path: Path) -> None:
    report = prepare(open_reader("synthetic", SMALL), None, tmp_path / "store", workers=1)
    assert report.clips == 150


def test_nw_ucla_as_published(tmp_path: Path, shared_data: Path) -> None:
    archive = shared_data / "nw-ucla" / "all_sqe.zip"
    report = prepare("nw-ucla", archive, tmp_path / "store", workers=2)
    store = open_store(tmp_path / "store")
    table = store.clips
    assert report.clips == len(store) == 1484
    assert np.bincount(table.camera).tolist() == [0, 516, 504, 464]
    assert (table.id[1:] > table.id[:-1]).all()
    assert len(np.unique(table.subject)) == 10
    assert (table.frames.min(), table.frames.max()) == (1, 201)
    assert (np.bincount(table.label[table.camera == 3])[1:3] == (50, 45)).all()
    assert np.isfinite(store.joints).all()
    assert report.seconds < 20
