"""What folders and archives tell: ids, classes and parts; several sources and packed files."""

import gzip
import io
import time
import zipfile
from pathlib import Path
from unicodedata import normalize

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psp.errors import PSPError
from psp.io.base import detect_format, open_reader
from psp.io.labels.facts import Facts, FactTable
from psp.io.labels.match import match_lines
from psp.io.listing import folder_facts
from psp.io.source import FileSource


@pytest.mark.parametrize(
    ("ids", "facts"),
    [
        (["a", "b/c"], [(None, None), (None, "b")]),
        (["walk/1", "walk/2"], [(None, "walk"), (None, "walk")]),
        (["data/walk/1", "data/run/2"], [(None, "walk"), (None, "run")]),
        (["data/walk/1", "2"], [(None, "data"), (None, None)]),
        (["train/walk/1", "test/run/2", "val/run/3"], [("train", "walk"), ("test", "run"), ("validation", "run")]),
        (["Train/1", "Test/2"], [("train", None), ("test", None)]),
        (["x/train/run/1", "x/test/run/2"], [("train", "run"), ("test", "run")]),
        (["more.zip/1", "other.zip/run/2", "sit/x.zip/3"], [(None, None), (None, "run"), (None, "sit")]),
        ([], []),
    ],
)
def test_folders_tell_parts_and_classes(ids: list[str], facts: list) -> None:
    assert folder_facts(ids) == facts


def array(value: float) -> bytes:
    file = io.BytesIO()
    np.save(file, np.full((2, 17, 2), value))
    return file.getvalue()


def archive(path: Path, files: dict[str, bytes]) -> Path:
    path.parent.mkdir(exist_ok=True, parents=True)
    with zipfile.ZipFile(path, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


def values(source, **options) -> dict[str, float]:
    reader = open_reader(source, layout="coco17", **options)
    assert detect_format(source) == "arrays"
    return {item.id: float(reader.read(item).joints[0, 0, 0, 0]) for item in reader.items()[0]}


def test_archives_of_a_folder_count_where_it_has_no_files_of_its_own(tmp_path: Path) -> None:
    archive(tmp_path / "in" / "one.zip", {"data/a.npy": array(1), "__MACOSX/._a.npy": b"x", "data/.b.npy": b"x"})
    archive(tmp_path / "in" / "deep" / "two.zip", {"b.npy": array(2)})
    assert values(tmp_path / "in") == {"deep/two.zip/b": 2, "one.zip/data/a": 1}
    (tmp_path / "in" / "c.npy").write_bytes(array(3))
    assert values(tmp_path / "in") == {"c": 3}


def test_several_sources_of_any_kind(tmp_path: Path) -> None:
    (tmp_path / "x" / "in").mkdir(parents=True)
    (tmp_path / "in").mkdir()
    (tmp_path / "x" / "in" / "a.npy").write_bytes(array(1))
    (tmp_path / "in" / "a.npy").write_bytes(array(2))
    (tmp_path / "b.npy").write_bytes(array(3))
    sources = [
        tmp_path / "in",
        archive(tmp_path / "z.zip", {"c.npy": array(4)}),
        tmp_path / "b.npy",
        tmp_path / "x" / "in",
    ]
    assert values(sources) == {"1-in/a": 2, "4-in/a": 1, "b": 3, "z.zip/c": 4}
    assert values(sources[:1]) == {"a": 2}
    with pytest.raises(PSPError, match="does not exist"):
        open_reader([tmp_path / "in", tmp_path / "gone"], "arrays", layout="coco17")


def test_a_source_without_recordings_is_named(tmp_path: Path) -> None:
    for name in ("html", "empty", "good"):
        (tmp_path / name).mkdir()
    (tmp_path / "html" / "a.csv").write_text("<html>")
    (tmp_path / "good" / "a.npy").write_bytes(array(1))
    sources = [tmp_path / name for name in ("html", "good", "empty")]
    with pytest.raises(PSPError, match=r"no \*\.npy or") as refusal:
        values(sources)
    assert refusal.value.where == f"{sources[0]}, {sources[2]}"
    with pytest.raises(PSPError, match=r"no \*\.skeleton file") as refusal:
        FileSource(tuple(sources), (".skeleton",)).files()
    assert refusal.value.where == ", ".join(map(str, sources))


@pytest.mark.parametrize(
    ("names", "classes", "parts"),
    [
        (("new/a.npy", "b.npy"), [None, None], [None, None]),
        (("new/walk/a.npy", "old/b.npy"), [None, "walk"], [None, None]),
        (("train/walk/a.npy", "test/walk/b.npy"), ["walk", "walk"], ["test", "train"]),
    ],
)
def test_a_source_is_no_class(tmp_path: Path, names: tuple[str, ...], classes: list, parts: list) -> None:
    for name in names:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(array(1))
    reader = open_reader([tmp_path / name.partition("/")[0] for name in names], layout="coco17")
    infos = [reader.read(item).info for item in reader.items()[0]]
    assert sorted((None if info.label is None else reader.classes[info.label] for info in infos), key=str) == classes
    assert [info.columns.get("part") for info in infos] == parts


def test_files_packed_with_gzip(tmp_path: Path) -> None:
    (tmp_path / "a.npy.gz").write_bytes(gzip.compress(array(5)))
    assert values(tmp_path) == values(tmp_path / "a.npy.gz") == {"a": 5}
    assert FileSource(tmp_path, (".npy",)).read("a.npy.gz", 6) == b"\x93NUMPY"
    (tmp_path / "b.npy.gz").write_bytes(gzip.compress(array(5))[:-20])
    with pytest.raises(PSPError, match="cannot be read"):
        FileSource(tmp_path, (".npy",)).read("b.npy.gz")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.npy", b"version https://git-lfs.github.com/spec/v1\n", "a Git-LFS pointer"),
        ("a.npz", b"<!DOCTYPE html><html>", "a web page"),
        ("a.zip", b"PK\x03\x04" + bytes(50), "this zip archive is cut off or damaged"),
        ("a.zip", b"<html>", "a web page"),
        ("a.mp4", b"\0\0\0\x18ftypmp42", "a video"),
        ("a.7z", b"7z\xbc\xaf\x27\x1c", "an archive of another kind than zip"),
        ("a.tar", bytes(257) + b"ustar", "an archive of another kind than zip"),
    ],
)
def test_what_is_not_read_is_called_what_it_is(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(PSPError, match=says) as refusal:
        detect_format(tmp_path / name)
    assert refusal.value.remedy


def test_one_table_names_recordings_of_a_single_file_and_by_how_names_begin(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("video1DLC_resnet50", "video2DLC_resnet50"):
        (tmp_path / "in" / f"{name}.npy").write_bytes(array(1))
    table = tmp_path / "labels.csv"
    table.write_text("file,label\n/media/video1.avi,run\nvideo2.mp4,sit\n")
    reader = open_reader(tmp_path / "in", layout="coco17", table=table)
    assert [reader.classes[item.info.label] for item in reader.items()[0]] == ["run", "sit"]
    table.write_text("file,label,start_frame,end_frame\nanything.avi,run,0,2\n")
    single = open_reader(tmp_path / "in" / "video1DLC_resnet50.npy", layout="coco17", table=table)
    assert [item.info.label for item in single.items()[0]] == [0]
    assert any("only recording" in note for note in single.notes)


def matched(ids: list[str], names: list[str]) -> dict[str, str]:
    """Return the name of a line by the id of the recording that it is assigned to."""
    lines = tuple(Facts(name, None, name, {}) for name in names)
    found = match_lines(FactTable(lines, None, "clips.csv"), [(id, (f"{id}.csv",)) for id in ids], leave_out=True)
    return {ids[number]: own[0].name for number, own in found.lines.items()}


def test_a_number_at_the_end_of_a_name_is_whole() -> None:
    videos = [f"video{number}DLC" for number in (1, 2, 10, 12)]
    assert matched(videos, ["video1.mp4", "video12.mp4"]) == {"video1DLC": "video1.mp4", "video12DLC": "video12.mp4"}
    assert matched(["anna-10", "anna-2b"], ["anna-1", "anna-2"]) == {"anna-2b": "anna-2"}


def test_a_folder_of_recordings_that_a_line_names_is_its_own() -> None:
    assert matched(["walk/01", "wave/02"], ["wave/01", "videos/02.mp4"]) == {"wave/02": "videos/02.mp4"}
    assert matched(["walk/01", "wave/01"], ["wave/01.mp4"]) == {"wave/01": "wave/01.mp4"}
    assert matched(["monday/intro", "monday/cam1/clip"], ["monday/clip.mp4"]) == {"monday/cam1/clip": "monday/clip.mp4"}
    assert matched(["v1", "monday/v2"], ["monday/v1.mp4"]) == {}
    lines = FactTable(tuple(Facts(name, None, "x", {}) for name in ("monday/v1.mp4", "monday/v2.mp4")), None, "t.csv")
    recordings = [("v1", ("monday/results.json",)), ("v2", ("monday/results.json",)), ("v3", ("monday/more.json",))]
    assert sorted(match_lines(lines, recordings).lines) == [0, 1]
    exact = FactTable((Facts("monday/results.json", None, "x", {}),), None, "t.csv")
    assert sorted(match_lines(exact, [("subject1", ("monday/results.json",)), ("b", ("monday/b.json",))]).lines) == [0]


def test_a_file_that_cannot_be_read_hides_neither_labels_nor_the_format(tmp_path: Path) -> None:
    rows = "frame,a_x,a_y,b_x,b_y,c_x,c_y\n0,1,2,3,4,5,6\n"
    for name in ("a", "c"):
        (tmp_path / f"{name}.csv").write_text(rows)
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(rows.encode() * 99)[:-20])
    (tmp_path / "labels.csv").write_text("file,label\na,run\nc,sit\n")
    assert detect_format(tmp_path) == "tables"
    reader = open_reader(tmp_path)
    assert {item.id: item.info.label for item in reader.items()[0]} == {"a": 0, "b": None, "c": 1}
    for name in ("a.csv", "c.csv", "labels.csv"):
        (tmp_path / name).unlink()
    with pytest.raises(PSPError, match=r"b\.csv\.gz.*cannot be read"):
        detect_format(tmp_path)


def test_a_table_of_labels_is_text_in_utf_8(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(array(1))
    (tmp_path / "labels.csv").write_bytes("file,label\na,gähnen\n".encode("latin-1"))
    with pytest.raises(PSPError, match=r"labels\.csv: byte .* is not UTF-8"):
        open_reader(tmp_path, layout="coco17")


def test_the_label_of_another_clip_is_not_given_to_the_only_one(tmp_path: Path) -> None:
    (tmp_path / "a.npy").write_bytes(array(1))
    (tmp_path / "clips.csv").write_text("file,label\nb.npy,x\n")
    with pytest.raises(PSPError, match=r"'b\.npy' names no recording"):
        open_reader(tmp_path, layout="coco17")


def test_names_are_one_however_their_letters_are_spelled(tmp_path: Path) -> None:
    composed, apart = normalize("NFC", "Grüße"), normalize("NFD", "Grüße")
    for name in (f"{composed}/1.npy", f"{apart}/2.npy", f"x/{apart}.npy"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(array(1))
    assert open_reader(tmp_path, layout="coco17").classes == (composed, "x")
    (tmp_path / "clips.csv").write_text(f"file,label\n1,{apart}\n2,{composed}\nx/{composed},{composed}\n", "utf-8")
    reader = open_reader(tmp_path, layout="coco17")
    assert reader.classes == (composed,)
    assert [item.id for item in reader.items()[0] if item.info.label == 0] == [
        f"{composed}/1", f"{composed}/2", f"x/{composed}"
    ]  # fmt: skip
    assert all(reader.read(item).joints.any() for item in reader.items()[0])


def test_names_that_differ_only_in_the_spelling_of_letters_are_refused(tmp_path: Path) -> None:
    for form in ("NFC", "NFD"):
        (tmp_path / normalize(form, "ü.npy")).write_bytes(array(1))
    with pytest.raises(PSPError, match="have the same id"):
        open_reader(tmp_path, layout="coco17")


@pytest.fixture
def three(tmp_path: Path) -> Path:
    for name in ("c00", "c01", "c02"):
        (tmp_path / f"{name}.npy").write_bytes(array(1))
    return tmp_path


@pytest.mark.parametrize(
    ("lines", "says", "near"),
    [
        ("x00.npx,x\nd9,y\nc02,z", "2 lines name no recording: 'x00.npx', 'd9'", "Did you mean 'c00'"),
        ("c07.npy,x", "'c07.npy' names no recording", "Did you mean 'c0"),
        ("d/c07.npy,x", "'d/c07.npy' names no recording", "Did you mean 'c0"),
        (
            "".join(f"d{number},x\n" for number in range(9)),
            "9 lines name no recording: 'd0', 'd1', 'd2', 6 more",
            "Ids look like 'c00'",
        ),
    ],
)
def test_lines_without_a_recording_are_counted_or_left_out(three: Path, lines: str, says: str, near: str) -> None:
    (three / "clips.csv").write_text(f"file,label\n{lines}\n")
    with pytest.raises(PSPError, match=says) as refusal:
        open_reader(three, layout="coco17")
    assert refusal.value.remedy.startswith(near)
    reader = open_reader(three, layout="coco17", skip_damaged=True)
    (count,) = (count for what, count in reader.items()[1].items() if "name no recording" in what)
    assert count == len(lines.split()) - (1 if "c02" in lines else 0)
    assert reader.classes == (("z",) if "c02" in lines else ())


letters = st.text(st.characters(categories=["L", "M"]), min_size=1, max_size=4)


@given(st.lists(letters, unique_by=lambda name: normalize("NFC", name)), st.sampled_from(["NFC", "NFD"]), st.booleans())
def test_every_id_names_its_recording_however_it_is_spelled(ids: list[str], form: str, turned: bool) -> None:
    recordings = [(id, (f"{id}.npy",)) for id in ids]
    lines = [Facts(normalize(form, id), None, id, {}) for id in ids]
    matched = match_lines(FactTable(tuple(lines[::-1] if turned else lines), None, "clips.csv"), recordings)
    assert {number: own[0].label for number, own in matched.lines.items()} == dict(enumerate(ids))


def test_a_table_names_many_recordings_in_little_time() -> None:
    recordings = [(f"a/{number:05}", (f"a/{number:05}.npy",)) for number in range(20_000)]
    table = FactTable(tuple(Facts(f"{number:05}.npy", None, "x", {}) for number in range(20_000)), None, "clips.csv")
    start = time.process_time()
    assert len(match_lines(table, recordings).lines) == 20_000
    assert time.process_time() - start < 10
