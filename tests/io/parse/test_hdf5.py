"""HDF5 files are read by a child process: hangs and crashes of the library are errors of one file."""

import io
import multiprocessing
import os
import signal
import subprocess
import time
from multiprocessing.connection import Connection
from pathlib import Path

import h5py
import numpy as np
import pytest

from format_examples.nwb import nwb
from psp import prepare
from psp.errors import ConfigError, RecordingError
from psp.io.format import File
from psp.io.formats.nwb import parse_nwb
from psp.io.parse import hdf5_process
from psp.io.parse.hdf5 import Group, opened
from psp.io.parse.hdf5_process import child

WALK = np.random.default_rng(0).uniform(0, 100, (2, 6, 3, 2))
GOOD = nwb(WALK, np.ones((2, 6, 3)), groups=False)


def endless() -> bytes:
    """Return a file whose texts HDF5 2.0 reads for ever, as the first one has a size of -16; no other has its size."""
    at = GOOD.index(b"GCOL") + 24
    return GOOD[:at] + (2**64 - 16).to_bytes(8, "little") + GOOD[at + 8 :] + b"\0"


@pytest.fixture
def hanging(monkeypatch: pytest.MonkeyPatch) -> bytes:
    """A file that hangs, with a limit of 0.3 s for files of its size."""
    content, usual = endless(), hdf5_process.limit
    monkeypatch.setattr(hdf5_process, "limit", lambda size: 0.3 if size == len(content) else usual(size))
    return content


def end_by(number: signal.Signals, root: Group) -> None:
    """End the child while it has a file open, and go on reading."""
    os.kill(child().pid, number)
    list(root)


def test_a_hang_is_an_error_of_the_file_and_the_next_file_is_read(hanging: bytes) -> None:
    with pytest.raises(RecordingError, match=r"x\.nwb: the HDF5 library did not finish .* within 0\.3 s\. Export"):
        parse_nwb([File("x.nwb", hanging)])
    (raw,) = parse_nwb([File("y.nwb", GOOD)])
    np.testing.assert_array_equal(raw.joints, WALK)


def test_a_crash_is_an_error_of_the_file_and_the_next_file_is_read() -> None:
    for number in (signal.SIGSEGV, signal.SIGABRT):
        says = rf"x\.nwb: the HDF5 library was ended by {number.name}.* Export"
        with pytest.raises(RecordingError, match=says), opened(File("x.nwb", GOOD)) as root:
            end_by(number, root)
        (raw,) = parse_nwb([File("y.nwb", GOOD)])
        np.testing.assert_array_equal(raw.joints, WALK)


def test_one_process_reads_many_files_and_is_replaced_if_it_is_killed_between_them() -> None:
    pids = []
    for _ in range(3):
        parse_nwb([File("x.nwb", GOOD)])
        pids.append(child().pid)
    assert len(set(pids)) == 1
    os.kill(child().pid, signal.SIGKILL)
    os.waitid(os.P_PID, child().pid, os.WEXITED | os.WNOWAIT)
    parse_nwb([File("x.nwb", GOOD)])
    assert child().pid not in pids


def test_workers_leave_out_a_file_that_hangs(hanging: bytes, tmp_path: Path) -> None:
    for name, content in {"a.nwb": GOOD, "b.nwb": hanging, "c.nwb": GOOD}.items():
        (tmp_path / name).write_bytes(content)
    report = prepare(tmp_path, tmp_path / "store", workers=2, skip_damaged=True)
    assert report.clips == 2
    (skipped,) = report.skipped
    assert skipped.reason == "the HDF5 library did not finish reading the file within 0.3 s."


def test_an_interrupted_file_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with opened(File("x.nwb", GOOD)) as root, monkeypatch.context() as patch:
        patch.setattr(hdf5_process.json, "loads", interrupted)
        with pytest.raises(KeyboardInterrupt):
            list(root)
        assert child().pid is None
    assert len(parse_nwb([File("x.nwb", GOOD)])) == 1


def test_a_child_that_cannot_start_is_no_fault_of_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise ImportError")
    monkeypatch.setattr(hdf5_process, "PROGRAM", tmp_path / "broken.py")
    hdf5_process._child.cache_clear()
    with pytest.raises(ConfigError, match="exit code 1"):
        parse_nwb([File("x.nwb", GOOD)])


def read_and_wait(told: Connection) -> None:
    parse_nwb([File("x.nwb", GOOD)])
    told.send(child().pid)
    time.sleep(100)


def test_the_child_ends_with_its_parent_even_if_that_is_killed() -> None:
    parse_nwb([File("x.nwb", GOOD)])
    context = multiprocessing.get_context("fork")
    here, there = context.Pipe()
    process = context.Process(target=read_and_wait, args=(there,))
    process.start()
    pid = here.recv()
    assert pid != child().pid
    process.kill()
    process.join()
    while state := subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True).stdout.strip():
        if state.startswith("Z"):
            break
        time.sleep(0.02)
    assert len(parse_nwb([File("x.nwb", GOOD)])) == 1


def test_nodes_and_attributes() -> None:
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        file["data"], file["gone"], file["complex"] = np.zeros((2, 3)), h5py.SoftLink("/nowhere"), np.zeros(2, complex)
        file.create_group("inner/most")
        file.attrs["one"], file.attrs["many"], file.attrs["text"] = np.array([2.5]), [1, 2], b"abc"
        file.attrs["reference"], file.attrs["empty"] = file["inner/most"].ref, h5py.Empty("f")
    with opened(File("x.h5", content.getvalue())) as root:
        assert (list(root), len(root), "gone" in root) == (["complex", "data", "inner"], 3, False)
        assert root["data"].shape == (2, 3)
        assert (root["inner"]["most"].name, list(root["inner"]["most"])) == ("/inner/most", [])
        found = [root.attribute(key) for key in ("one", "many", "text", "reference", "none")]
        assert found == [2.5, [1, 2], "abc", "/inner/most", None]
        assert root.attribute("none", 5) == 5
    with pytest.raises(RecordingError, match="damaged or incomplete"), opened(File("x.h5", content.getvalue())) as root:
        root.attribute("empty")
