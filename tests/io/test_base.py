"""Every reader lists, reads and travels to other processes; wrong sources are told."""

import pickle
from pathlib import Path

import numpy as np
import pytest

from psp.errors import ConfigError, RecordingError
from psp.io.base import FORMATS, READERS, Reader, detect_format, open_reader
from psp.io.formats.write_ntu import write_ntu_folder
from psp.synthetic import SyntheticConfig, synthetic_clip

OWN = [name for name in READERS if name == "arrays" or name not in {format.name for format in FORMATS}]
"""Formats of foreign files are in test_formats.py."""

MADE = SyntheticConfig(clips=3)
DETECTED = {"ntu": "ntu", "ntu60": "ntu", "ntu120": "ntu", "nw-ucla": "nw-ucla", "arrays": "arrays"}


@pytest.fixture
def sources(tmp_path: Path) -> dict[str, Path]:
    """A tiny source of every format."""
    write_ntu_folder(tmp_path / "ntu", MADE)
    for name in ("nw-ucla", "arrays"):
        (tmp_path / name).mkdir()
    frame = str([[0.0, 1.0, 2.0]] * 20)
    for number in range(3):
        file = tmp_path / "nw-ucla" / f"a01_s01_e{number:02}_v01.json"
        file.write_text(f'{{"label": 1, "skeletons": [{frame}]}}')
        np.save(tmp_path / "arrays" / f"{number}.npy", np.ones((4, 17, 3)))
    ntu = tmp_path / "ntu"
    own = {"arrays": tmp_path / "arrays", "nw-ucla": tmp_path / "nw-ucla", "synthetic": Path("synthetic")}
    return {"ntu": ntu, "ntu60": ntu, "ntu120": ntu, **own}


def opened(format: str, source: Path) -> Reader:
    options = {"arrays": {"layout": "coco17"}, "synthetic": {"clips": 3}}.get(format, {})
    return open_reader(source, format, **options)


@pytest.mark.parametrize("format", OWN)
def test_every_reader_lists_and_reads_in_another_process_too(format: str, sources: dict[str, Path]) -> None:
    reader = pickle.loads(pickle.dumps(opened(format, sources[format])))
    assert isinstance(reader, Reader)
    items, counts = reader.items()
    assert len(items) == 3
    assert counts == ({"recordings without a label": 3} if format == "arrays" else {})
    for item in items:
        recording = reader.read(item)
        assert format == "synthetic" or recording.info.id == item.id
        assert recording.joints.shape[2] == len(reader.layout.joints)
        assert recording.confidence.shape == recording.joints.shape[:3]
        assert recording.up == reader.up
        assert recording.info.label in ([None] if format == "arrays" else range(len(reader.classes)))


@pytest.mark.parametrize("format", OWN)
def test_the_format_is_found(format: str, sources: dict[str, Path]) -> None:
    assert detect_format(sources[format]) == DETECTED.get(format, format)


def test_a_folder_called_synthetic_is_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("synthetic").mkdir()
    np.save("synthetic/0.npy", np.ones((4, 17, 3)))
    assert detect_format("synthetic") == "arrays"


def test_what_no_format_fits_is_told(tmp_path: Path, sources: dict[str, Path]) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(RecordingError, match=r"no recordings of a known format.*ntu, .*nw-ucla, .*arrays\."):
        detect_format(tmp_path / "empty")
    with pytest.raises(RecordingError, match=r"may be ntu or nw-ucla or arrays.*--format"):
        detect_format(tmp_path)
    with pytest.raises(RecordingError, match="does not exist"):
        detect_format(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="Did you mean 'ntu60'"):
        open_reader(tmp_path, "ntu-60")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.json", '[{"image_id": "a.jpg", "keyp', r"a\.json: the file is cut off"),
        ("a.json", "hello", r"a\.json: this is not JSON"),
        ("a.json", '{"frames": [[], null]}', r"a\.json: there is no person"),
        ("a.csv", "frame,a_x,a_y,a_x,b_x,b_y\n1,2,3,4,5,6\n", r"a\.csv, line 1: the column 'a_x' occurs twice"),
        ("a.csv", "scorer,S,S\nbodyparts,n,n\ncoords,x,y\n", r"a\.csv: there is no line of a frame"),
    ],
)
def test_what_is_wrong_with_the_only_file_is_said(tmp_path: Path, name: str, content: str, says: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(RecordingError, match=says):
        open_reader(tmp_path)


@pytest.mark.parametrize(
    ("format", "options"),
    [("nw-ucla", {"missing": "missing.txt"}), ("ntu60", {"layout": "coco17"}), ("arrays", {"clips": 3})],
)
def test_options_of_other_formats_are_refused(format: str, options: dict, sources: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match="no such option") as refusal:
        open_reader(sources[format], format, **options)
    assert refusal.value.where in options


def test_ntu120_has_twice_the_classes_of_ntu60(sources: dict[str, Path]) -> None:
    ntu60, ntu120 = (open_reader(sources[name], name).classes for name in ("ntu60", "ntu120"))
    assert (len(ntu60), len(ntu120)) == (60, 120)
    assert len(set(ntu120)) == 120
    assert ntu120[:60] == ntu60


def test_written_ntu_files_read_as_the_clips_they_came_from(sources: dict[str, Path]) -> None:
    reader = open_reader(sources["ntu60"])
    clips = {clip.id: clip for clip in (synthetic_clip(MADE, index) for index in range(3))}
    for item in reader.items()[0]:
        recording, clip = reader.read(item), clips[item.id]
        assert recording.info == clip.info
        assert recording.joints == pytest.approx(clip.joints, rel=1e-6)


def test_actions_beyond_60_are_counted_not_read(tmp_path: Path) -> None:
    write_ntu_folder(tmp_path, SyntheticConfig(clips=2))
    first = min(tmp_path.iterdir())
    first.rename(first.with_name("S018C001P001R001A061.skeleton"))
    items, counts = open_reader(tmp_path, "ntu60").items()
    assert len(items) == 1
    assert sum(counts.values()) == 1
    assert len(open_reader(tmp_path, "ntu120").items()[0]) == 2
