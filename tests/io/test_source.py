"""Folders and archives list and give the same files, and everything unreadable is told."""

import os
import zipfile
from pathlib import Path

import pytest

from psp.errors import RecordingError
from psp.io.source import FileSource, open_paths

FILES = {"b.txt": b"second", "deep/a.txt": b"first", "deep/.hidden.txt": b"", ".git/d.txt": b"", "c.json": b"{}"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / "files" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "files" / name).write_bytes(content)
    return tmp_path / "files"


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    with zipfile.ZipFile(tmp_path / "files.zip", "w") as file:
        for name, content in FILES.items():
            file.writestr(name, content)
    return tmp_path / "files.zip"


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_files_come_in_order_of_their_ids(kind: str, request: pytest.FixtureRequest) -> None:
    source = FileSource(request.getfixturevalue(kind), (".txt",))
    files = source.files()
    assert [(file.id, file.name) for file in files] == [("a", "deep/a.txt"), ("b", "b.txt")]
    assert [source.read(file.name) for file in files] == [b"first", b"second"]


def test_one_file_is_a_source_of_itself(folder: Path) -> None:
    source = FileSource(folder / "b.txt", (".txt",))
    (file,) = source.files()
    assert (file.id, file.name, source.read(file.name)) == ("b", "b.txt", b"second")
    assert source.files() == FileSource(folder, (".txt",)).files()[1:]


def test_files_of_several_suffixes(folder: Path) -> None:
    assert [file.id for file in FileSource(folder, (".txt", ".json")).files()] == ["a", "b", "c"]


def test_the_stamp_changes_with_the_file(folder: Path) -> None:
    before = FileSource(folder, (".txt",)).files()
    os.utime(folder / "b.txt", ns=(1, 1))
    after = FileSource(folder, (".txt",)).files()
    assert before[0] == after[0]
    assert before[1].stamp != after[1].stamp


def test_equal_ids_are_refused(folder: Path) -> None:
    (folder / "a.txt").write_text("another")
    with pytest.raises(RecordingError, match="same name"):
        FileSource(folder, (".txt",)).files()


def test_missing_and_damaged_files_are_told(folder: Path, archive: Path) -> None:
    with pytest.raises(RecordingError, match=r"gone\.txt: the file cannot be read"):
        FileSource(folder, (".txt",)).read("gone.txt")
    with pytest.raises(RecordingError, match=r"gone\.txt: the file cannot be read"):
        FileSource(archive, (".txt",)).read("gone.txt")
    archive.write_bytes(archive.read_bytes().replace(b"second", b"sacond"))
    with pytest.raises(RecordingError, match=r"b\.txt: the file cannot be read"):
        FileSource(archive, (".txt",)).read("b.txt")


def test_what_is_no_source_is_told(folder: Path) -> None:
    with pytest.raises(RecordingError, match="does not exist"):
        FileSource(folder / "nowhere", (".txt",)).files()
    with pytest.raises(RecordingError, match="neither a folder nor a readable zip archive"):
        FileSource(folder / "c.json", (".txt",)).files()
    with pytest.raises(RecordingError, match=r"no \*\.skeleton file"):
        FileSource(folder, (".skeleton",)).files()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_process_has_its_own_place_in_the_archive(archive: Path) -> None:
    source = FileSource(archive, (".txt",))
    assert source.read("b.txt") == b"second"
    child = os.fork()
    if child == 0:
        os._exit(0 if source.read("deep/a.txt") == b"first" else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert source.read("deep/a.txt") == b"first"


@pytest.mark.parametrize(
    ("content", "says"), [(b"version https://git-lfs.github.com/spec/v1", "Git-LFS"), (b"<html>", "web")]
)
def test_what_was_stored_in_the_place_of_a_file_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "a.csv").write_bytes(content)
    source = FileSource(tmp_path, (".csv",))
    assert source.read("a.csv", 5) == content[:5]
    with pytest.raises(RecordingError, match=says) as refusal:
        source.read("a.csv")
    assert refusal.value.where == "a.csv"


def test_a_file_that_only_is_called_compressed_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(b"a,b")
    assert FileSource(tmp_path, (".csv",)).read("a.csv.gz") == b"a,b"


@pytest.mark.parametrize("inner", ["rec", "rec/wave", "rec/wave/../wave"])
@pytest.mark.parametrize("turned", [False, True])
def test_no_file_is_read_twice(tmp_path: Path, inner: str, turned: bool) -> None:
    (tmp_path / "rec/wave").mkdir(parents=True)
    paths = [tmp_path / "rec", tmp_path / inner]
    with pytest.raises(RecordingError, match="read twice") as refusal:
        open_paths(paths[::-1] if turned else paths)
    assert "rec" in str(refusal.value.where)


def test_sources_side_by_side_are_several(tmp_path: Path) -> None:
    paths = (tmp_path / "rec", tmp_path / "rec2", tmp_path / "other/rec")
    assert open_paths(paths) == paths
