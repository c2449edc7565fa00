"""Damaged and hostile files of every format are named, whatever is wrong with them; new formats are enrolled."""

import io
import json
import os
import zipfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from attack.attacks import FACTOR, mutated
from format_examples import example_of
from psp.dataset.build import prepare
from psp.errors import ConfigError, PSPError, RecordingError
from psp.io.base import FORMATS, READERS, open_reader
from psp.io.format import File, Format
from psp.io.formats.write_ntu import write_skeleton_file
from psp.io.parse import hdf5_process
from psp.io.parse.limits import USUAL, VARIABLE, largest
from psp.io.reader import observed
from psp.io.source import FileSource
from psp.skeleton.recording import Clip
from psp.synthetic import SyntheticConfig
from psp.synthetic.generate import synthetic_clips

NAMES = [format.name for format in FORMATS]
MUTATIONS = 120 * FACTOR


@pytest.mark.parametrize("format", FORMATS, ids=NAMES)
def test_damaged_files_are_named(format: Format, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hdf5_process, "SECONDS", 5.0)
    draw = np.random.default_rng(len(format.name))
    example = example_of(format.name, draw)
    groups = format.group(sorted(example.files))
    for _ in range(MUTATIONS):
        names = groups[sorted(groups)[draw.integers(len(groups))]]
        spoiled = names[draw.integers(len(names))]
        files = [File(n, mutated(example.files[n], draw) if n == spoiled else example.files[n]) for n in names]
        error = refused(format, files)
        assert error is None or (error.where and error.remedy), error


def refused(format: Format, files: Sequence[File]) -> PSPError | None:
    """Return the error that files raise."""
    try:
        for raw in format.parse(files):
            observed(raw, slice(None), files[0].name)
    except PSPError as error:
        return error
    return None


def ntu_file() -> bytes:
    clip = next(clip for clip in synthetic_clips(SyntheticConfig(clips=9)) if clip.persons == 1)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.skeleton"
        write_skeleton_file(path, Clip(clip.info, clip.joints[:, :4]))
        return path.read_bytes()


def nw_ucla_file() -> bytes:
    joints = np.random.default_rng(0).normal(size=(4, 20, 3)).round(3)
    return json.dumps({"file_name": "a08_s03_e02_v01", "skeletons": joints.tolist(), "label": 7}).encode()


BENCHMARKS: dict[str, tuple[str, str, Callable[[], bytes]]] = {
    "ntu": ("S001C001P{}R001A001.skeleton", "001", ntu_file),
    "nw-ucla": ("a08_s{}_e02_v01.json", "03", nw_ucla_file),
}
"""The readers that are no Format: name of a file with its number of a person, that number, and content."""


def test_every_reader_of_files_is_attacked() -> None:
    assert {name for name, spec in READERS.items() if spec.suffixes} == {*NAMES, *BENCHMARKS}


@pytest.mark.parametrize("name", BENCHMARKS)
def test_damaged_files_of_benchmarks_are_named(name, tmp_path):
    pattern, number, make = BENCHMARKS[name]
    draw, whole, path = np.random.default_rng(0), make(), tmp_path / pattern.format(number)
    for _ in range(MUTATIONS):
        path.write_bytes(mutated(whole, draw))
        with suppress(RecordingError):
            [reader.read(item) for reader in [open_reader(tmp_path, name)] for item in reader.items()[0]]


@pytest.mark.parametrize("digits", ["9" * 25, str(2**63)])
@pytest.mark.parametrize(
    ("name", "skipped"), [("ntu", ["its subject is a number of more than 64 bits."]), ("nw-ucla", [])]
)
def test_a_name_with_a_number_of_more_than_64_bits_is_left_out(name, skipped, digits, tmp_path):
    pattern, number, make = BENCHMARKS[name]
    (tmp_path / "files").mkdir()
    for each in (number, digits):
        (tmp_path / "files" / pattern.format(each)).write_bytes(make())
    report = prepare(tmp_path / "files", tmp_path / "store", format=name, workers=1, skip_damaged=True)
    assert report.clips == 1
    assert [each.reason for each in report.skipped] == ["its subject is a number of more than 64 bits."]


@pytest.mark.parametrize("name", [name for name, spec in READERS.items() if spec.suffixes])
def test_a_named_pipe_is_refused_and_not_waited_for(name, tmp_path):
    for suffix in (*READERS[name].suffixes, ".zip"):
        folder = tmp_path / suffix[1:]
        folder.mkdir()
        os.mkfifo(folder / f"S001C001P001R001A001{suffix}")
        for source in (folder, folder / f"S001C001P001R001A001{suffix}"):
            with pytest.raises(RecordingError):
                [reader.read(item) for reader in [open_reader(source, name)] for item in reader.items()[0]]


def archive(packing: int, names: Sequence[str], content: bytes = b"1,2\n" * 200) -> bytes:
    """Return a zip archive."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", packing) as made:
        for name in names:
            made.writestr(name, content)
    return file.getvalue()


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_damaged_archives_are_named(packing, tmp_path):
    draw, whole = np.random.default_rng(packing), archive(packing, ["a.csv", "é/b.csv", "c.csv"])
    for number in range(60 * FACTOR):
        path = tmp_path / f"{number}.zip"
        path.write_bytes(mutated(whole, draw))
        source = FileSource(path, (".csv",))
        with suppress(RecordingError):
            for item in source.files():
                source.read(item.name)


def test_names_that_are_no_text_are_an_error_of_the_archive(tmp_path):
    content = bytearray(archive(zipfile.ZIP_STORED, ["ab.csv"]))
    content[6:8] = content[content.index(b"PK\x01\x02") + 8 : content.index(b"PK\x01\x02") + 10] = b"\x00\x08"
    path = tmp_path / "names.zip"
    path.write_bytes(bytes(content).replace(b"ab.csv", b"\xff\xfe.csv"))
    with pytest.raises(RecordingError, match="damaged"):
        FileSource(path, (".csv",)).files()


def test_what_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    packed = archive(zipfile.ZIP_DEFLATED, ["a.csv"], bytes(10**6))
    (tmp_path / "a.zip").write_bytes(packed)
    source = FileSource(tmp_path / "a.zip", (".csv",))
    assert largest() == USUAL
    assert len(source.read("a.csv")) == 10**6
    monkeypatch.setenv(VARIABLE, str(10**6 - 1))
    with pytest.raises(RecordingError, match=VARIABLE):
        source.read("a.csv")
    assert len(source.read("a.csv", 10)) == 10
    monkeypatch.setenv(VARIABLE, "much")
    with pytest.raises(ConfigError, match="number of bytes"):
        source.read("a.csv")


def npy(shape: tuple[int, ...], kind: str = "<f8", content: bytes = bytes(80)) -> bytes:
    """Return an .npy file that states a shape."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": kind, "fortran_order": False, "shape": shape})
    return file.getvalue() + content


@pytest.mark.parametrize("shape", [(10**12, 25, 3), (2**62, 2**62, 3), (-1, 25, 3), (3, 25, 3)])
@pytest.mark.parametrize("kind", ["<f8", "|O", "|V8", "<U1000000000"])
def test_stated_shapes_take_no_memory(shape, kind, tmp_path):
    for name, content in (("a.npy", npy(shape, kind)), ("a.npz", archive(8, ["joints.npy"], npy(shape, kind)))):
        folder = tmp_path / name[2:]
        folder.mkdir()
        (folder / name).write_bytes(content)
        with pytest.raises(RecordingError):
            open_reader(folder, "arrays", layout="ntu25")


def test_many_bodies_in_many_frames_take_no_memory(tmp_path):
    """A file of two megabytes that would need 340 gigabytes as one array."""
    bodies, frames = 1500, 400_000
    body = b"1\n%d 0 0 0 0 0 0 0 0 0\n25\n" + b"0 0 0 0 0 0 0 0 0 0 0 0\n" * 25
    content = b"%d\n" % frames + b"".join(body % number for number in range(bodies)) + b"0\n" * (frames - bodies)
    (tmp_path / "S001C001P001R001A001.skeleton").write_bytes(content)
    reader = open_reader(tmp_path, "ntu")
    with pytest.raises(RecordingError, match="GiB"):
        reader.read(reader.items()[0][0])
