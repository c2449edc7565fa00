import json
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from psp.errors import DestinationError
from psp.files import destination_lock, flush_folder, write_atomically, write_json


def test_a_failed_write_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "value.json"
    write_json(path, {"a": 1})

    def fail(place):
        place.write_text("half")
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="space"):
        write_atomically(path, fail)
    assert json.loads(path.read_text()) == {"a": 1}
    assert [each.name for each in tmp_path.iterdir()] == ["value.json"]


def test_an_error_names_the_file_that_was_asked_for(tmp_path):
    (tmp_path / "file").touch()
    for below_a_file in (tmp_path / "file" / "value.json", tmp_path / "file" / "folder" / "value.json"):
        with pytest.raises(NotADirectoryError) as refusal:
            write_json(below_a_file, 1)
        assert refusal.value.filename == str(below_a_file)


def test_missing_folders_are_made(tmp_path):
    write_json(tmp_path / "new" / "folder" / "value.json", 1)
    assert (tmp_path / "new" / "folder" / "value.json").read_text() == "1\n"


def test_a_full_disk_names_the_file_that_was_asked_for(tmp_path):
    def fail(place: Path) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left on device") as refusal:
        write_atomically(tmp_path / "value.json", fail)
    assert (refusal.value.errno, refusal.value.filename) == (28, str(tmp_path / "value.json"))


def test_two_programs_may_write_the_same_file_at_once(tmp_path):
    program = "import sys, pathlib; from psp.files import write_json\n"
    program += "for number in range(50): write_json(pathlib.Path(sys.argv[1]), [int(sys.argv[2])] * 1000)"
    command = [sys.executable, "-c", program, str(tmp_path / "value.json")]
    writers = [subprocess.Popen([*command, str(number)], stderr=subprocess.PIPE, text=True) for number in (1, 2)]
    assert [(writer.communicate()[1], writer.returncode) for writer in writers] == [("", 0), ("", 0)]
    assert json.loads((tmp_path / "value.json").read_text()) in ([1] * 1000, [2] * 1000)
    assert [each.name for each in tmp_path.iterdir()] == ["value.json"]


def test_the_folder_is_flushed_after_the_rename(tmp_path, monkeypatch):
    there = []
    monkeypatch.setattr("psp.files.flush_folder", lambda folder: there.append((folder, os.listdir(folder))))
    write_json(tmp_path / "value.json", 1)
    assert there == [(tmp_path, ["value.json"])]


def test_flushing_opens_folders_only(tmp_path):
    flush_folder(tmp_path)
    (tmp_path / "file").touch()
    with pytest.raises(NotADirectoryError):
        flush_folder(tmp_path / "file")


HOLDER = """
import sys, pathlib, time
from psp.files import destination_lock
with destination_lock(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def hold(path: Path) -> None:
    with destination_lock(path):
        pass


def test_a_destination_has_one_writer_whom_the_refusal_names(tmp_path):
    path = tmp_path / "new" / "run"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(DestinationError, match=rf"another process writes here \(process {holder.pid} on .*Wait"):
            hold(path)
        hold(tmp_path / "new" / "another")
        holder.kill()
        holder.wait()
        hold(path)
    assert not path.exists()


def test_a_destination_that_is_held_for_a_moment_is_waited_for(tmp_path):
    held = threading.Event()

    def hold_for_a_moment():
        with destination_lock(tmp_path / "run"):
            held.set()
            time.sleep(0.1)

    with ThreadPoolExecutor() as pool:
        holder = pool.submit(hold_for_a_moment)
        held.wait()
        hold(tmp_path / "run")
        holder.result()


def test_a_destination_is_free_again_after_a_failure(tmp_path):
    with pytest.raises(ZeroDivisionError), destination_lock(tmp_path / "run"):
        raise ZeroDivisionError
    hold(tmp_path / "run")


@pytest.mark.parametrize("name", ["", ".", "..", "/"])
def test_a_destination_needs_a_name(name):
    with pytest.raises(DestinationError, match="names no new file or folder"):
        hold(Path(name))
