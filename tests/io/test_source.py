"""Folders and archives list and give the same files, and everything unreadable is told."""

import gzip
import json
import os
import zipfile
from pathlib import Path

import pytest

from psp.errors import RecordingError
from psp.io.format import without_suffix
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


@pytest.mark.parametrize("within", [False, True])
def test_members_with_backslashes_are_in_folders(tmp_path: Path, within: bool) -> None:
    names = ["data\\wave\\0.txt", "\\data\\sit\\1.txt", "./data/sit/2.txt", "..\\3.txt", ".git\\4.txt", "C:\\5.txt"]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        for name in names:
            file.writestr(zipfile.ZipInfo(name), name)
    source, start = FileSource(tmp_path if within else tmp_path / "a.zip", (".txt",)), "a.zip/" if within else ""
    found = {file.name.removeprefix(start): source.read(file.name).decode() for file in source.files()}
    expected = ["data/wave/0.txt", "data/sit/1.txt", "data/sit/2.txt", "C:/5.txt"]
    assert found == dict(zip(expected, [*names[:3], names[5]], strict=True))
    with pytest.raises(RecordingError, match="cannot be read"):
        source.read(f"{start}data/wave/6.txt")


def test_packed_files_in_capitals(tmp_path: Path) -> None:
    (tmp_path / "a.TXT.GZ").write_bytes(gzip.compress(b"first"))
    source = FileSource(tmp_path, (".txt",))
    assert [(file.id, source.read(file.name)) for file in source.files()] == [("a", b"first")]
    assert without_suffix("wave/a.CSV.GZ") == "wave/a"


def test_a_file_that_only_is_called_compressed_is_read(tmp_path: Path) -> None:
    (tmp_path / "a.csv.gz").write_bytes(b"a,b")
    assert FileSource(tmp_path, (".csv",)).read("a.csv.gz") == b"a,b"


def paths_of(folder: Path, *names: str) -> tuple[Path, ...]:
    return tuple(folder / name for name in names)


@pytest.mark.parametrize("inner", ["rec", "rec/wave", "rec/wave/../wave", "rec/wave/a.txt", "link.txt", "link"])
@pytest.mark.parametrize("turned", [False, True])
def test_no_file_is_read_twice(tmp_path: Path, inner: str, turned: bool) -> None:
    (tmp_path / "rec/wave").mkdir(parents=True)
    (tmp_path / "rec/wave/a.txt").write_text("a")
    (tmp_path / "link.txt").symlink_to(tmp_path / "rec/wave/a.txt")
    (tmp_path / "link").symlink_to(tmp_path / "rec")
    paths = paths_of(tmp_path, "rec", inner)[:: -1 if turned else 1]
    with pytest.raises(RecordingError, match=r"is also read from .*, and would be read twice") as refusal:
        list(FileSource(paths, (".txt",)).walk())
    assert refusal.value.where == str(paths[1])


def test_archives_are_not_read_twice_either(archive: Path) -> None:
    (archive.parent / "in").mkdir()
    linked = archive.parent / "in" / "linked.zip"
    linked.symlink_to(archive)
    with pytest.raises(RecordingError, match=r"b\.txt is also read from"):
        list(FileSource((linked.parent, archive), (".txt",)).walk())


def test_paths_inside_others_that_these_leave_out_are_read(folder: Path, archive: Path) -> None:
    inside = folder / archive.name
    archive.rename(inside)
    paths = (folder, inside, folder / ".git", folder / "deep" / ".hidden.txt")
    names = [file.name for file in FileSource(paths[:3], (".txt",)).walk()]
    assert sorted(names) == [".git/d.txt", "files.zip/b.txt", "files.zip/deep/a.txt", "files/b.txt", "files/deep/a.txt"]


def test_sources_side_by_side_are_several(tmp_path: Path) -> None:
    paths = paths_of(tmp_path, "rec", "rec2", "other/rec")
    assert open_paths(paths) == paths
    assert FileSource(paths, ()).name == "rec + rec2 + rec"
    assert list(FileSource(paths, ()).roots) == ["1-rec", "rec2", "3-rec"]


def test_many_sources_have_a_short_name(tmp_path: Path) -> None:
    source = FileSource(tuple(tmp_path / f"{number}.txt" for number in range(400)), (".txt",))
    assert source.name == "0.txt + 1.txt + 2.txt + 397 more"
    assert source.where.endswith("2.txt, 397 more")


def test_what_is_not_read_is_named(folder: Path, archive: Path) -> None:
    assert FileSource(folder, (".txt",)).not_read == []
    archive.rename(folder / "more.zip")
    (folder / "deep" / "other").symlink_to(folder.parent)
    source = FileSource(folder, (".txt",))
    assert [file.name for file in source.files()] == ["deep/a.txt", "b.txt"]
    assert source.not_read == [
        "Not read: more.zip (archives beside other files; name them separately).",
        "Not read: deep/other (links to folders; name them separately).",
    ]
    assert FileSource((folder, folder / "more.zip"), (".txt",)).not_read == [
        "Not read: files/deep/other (links to folders; name them separately)."
    ]
    assert FileSource(folder, (".csv",)).not_read == source.not_read[1:]


STORE, RUN = {"format": "psp-store-2"}, {"hash": "x", "store": {}, "config": {}}


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("manifest.json", STORE, "a data set that psp prepared, not recordings. .*psp train"),
        ("config.json", RUN, "a run of psp train, not recordings. .*psp predict"),
    ],
)
def test_stores_and_runs_are_no_recordings(folder: Path, name: str, content: dict[str, object], says: str) -> None:
    written = folder / "deep" / "written"
    (written / "more").mkdir(parents=True)
    (written / "more" / "x.txt").write_text("x")
    (written / name).write_text(json.dumps(content))
    source = FileSource(folder, (".txt",))
    assert [file.name for file in source.files()] == ["deep/a.txt", "b.txt"]
    assert source.not_read == ["Not read: deep/written (written by psp)."]
    with pytest.raises(RecordingError, match=says) as refusal:
        open_paths([folder / "deep", written])
    assert refusal.value.where == str(written)


@pytest.mark.parametrize("content", ["{", "[]", "{}", '{"format": "webapp"}', '{"hash": 1}', "\xff"])
def test_other_folders_with_such_files_are_read(folder: Path, content: str) -> None:
    for name in ("manifest.json", "config.json"):
        (folder / name).write_text(content, encoding="latin-1")
    assert [file.id for file in FileSource(open_paths(folder), (".txt",)).files()] == ["a", "b"]
