"""Long recordings are cut by the intervals of a table and into windows; whole recordings get its facts."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psp.errors import PSPError
from psp.io.base import open_reader
from psp.io.intervals import frames_of, unit_of, windows

LONG = np.arange(100, dtype=float)[:, None, None] + np.zeros((100, 17, 2))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("anna", "ben"):
        np.save(tmp_path / f"{name}.npy", LONG)
    return tmp_path


def clips(folder: Path, table: str, **options) -> dict[str, tuple[str | None, int, int]]:
    """Return label, first frame and number of frames of every clip by id; a frame holds its number."""
    (folder / "clips.csv").write_text(table)
    reader = open_reader(folder, layout="coco17", **options)
    found = {}
    for item in reader.items()[0]:
        recording = reader.read(item)
        frames = recording.joints[0, :, 0, 0]
        assert (np.diff(frames) == 1).all()
        label = recording.info.label
        found[item.id] = (None if label is None else reader.classes[label], int(frames[0]), len(frames))
    return found


def test_intervals_become_clips_and_the_rest_windows_of_their_median_length(folder: Path) -> None:
    table = "file,start_frame,end_frame,label,subject\nanna,10,30,wave,1\nanna,50,70,sit,1\nben,0,30,wave,2\n"
    assert clips(folder, table) == {
        "anna:0-10": (None, 0, 10),
        "anna:10-30": ("wave", 10, 20),
        "anna:30-50": (None, 30, 20),
        "anna:50-70": ("sit", 50, 20),
        "anna:70-90": (None, 70, 20),
        "ben:0-30": ("wave", 0, 30),
        "ben:30-50": (None, 30, 20),
        "ben:50-70": (None, 50, 20),
        "ben:70-90": (None, 70, 20),
    }


def test_recordings_that_no_line_names_are_windows_of_the_same_length(folder: Path) -> None:
    np.save(folder / "short.npy", LONG[:8])
    found = clips(folder, "file,start_frame,end_frame,label\nanna,0,40,wave\n", rest="other")
    assert found == {
        "anna:0-40": ("wave", 0, 40),
        "anna:40-80": ("other", 40, 40),
        "ben:0-40": (None, 0, 40),
        "ben:40-80": (None, 40, 40),
        "short": (None, 0, 8),
    }
    with pytest.raises(PSPError, match="rest: no interval is labelled"):
        clips(folder, "file,label\nanna,wave\n", rest="other")


def table_of(frames: range, fps: float) -> str:
    """Return a CSV table of a walk whose joints hold the number of the frame."""
    lines = [f"{frame},{frame / fps},{frame},1,{frame},2,{frame},3" for frame in frames]
    return "\n".join(["frame,time,a_x,a_y,b_x,b_y,c_x,c_y", *lines])


def test_every_recording_is_cut_by_its_own_frame_rate(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(table_of(range(90), 30))
    (tmp_path / "b.csv").write_text(table_of(range(360), 120))
    (tmp_path / "clips.csv").write_text("file,start,end,label\na,1,2,wave\nb,1,2,wave\n")
    reader = open_reader(tmp_path, window="1s")
    read = {item.id: reader.read(item) for item in reader.items()[0]}
    assert [*read] == ["a:0-30", "a:30-60", "a:60-90", "b:0-120", "b:120-240", "b:240-360"]
    assert [each.fps for each in read.values()] == [30, 30, 30, 120, 120, 120]
    assert [each.info.label for each in read.values()] == [None, 0, None, None, 0, None]
    stated = open_reader(tmp_path, window="1s", fps=60)
    assert {stated.read(item).fps for item in stated.items()[0]} == {60}


def test_a_recording_without_a_frame_rate_has_that_of_the_others(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(table_of(range(90), 30))
    (tmp_path / "b.csv").write_text(table_of(range(60), 30).replace("time", "other"))
    reader = open_reader(tmp_path, window="1s")
    assert [item.id for item in reader.items()[0]] == ["a:0-30", "a:30-60", "a:60-90", "b:0-30", "b:30-60"]
    (tmp_path / "c.csv").write_text(table_of(range(60), 60))
    (tmp_path / "clips.csv").write_text("file,start,end,label\na,1,2,wave\n")
    ids = [item.id for item in open_reader(tmp_path).items()[0]]
    assert ids == ["a:0-30", "a:30-60", "a:60-90", "b", "c:0-60"]


@pytest.mark.parametrize(
    "table",
    [
        "file,fps,start,end,label\na,30,1,2,wave\nb,120,1,2,wave\n",
        "Media file,FPS,Behavior,Behavior type,Start (s),Stop (s)\n"
        "v/a.mp4,30,wave,STATE,1,2\nv/b.mp4,120,wave,STATE,1,2\n",
    ],
)
def test_a_table_states_the_frame_rate_of_each_recording(tmp_path: Path, table: str) -> None:
    for name, frames in (("a", 90), ("b", 360), ("c", 90)):
        (tmp_path / f"{name}.csv").write_text(table_of(range(frames), 30).replace("time", "other"))
    labels = tmp_path / "labels.txt"
    labels.write_text(table)
    reader = open_reader(tmp_path, table=labels)
    read = {item.id: reader.read(item).fps for item in reader.items()[0]}
    assert read == dict.fromkeys(["a:0-30", "a:30-60", "a:60-90"], 30) | dict.fromkeys(
        ["b:0-120", "b:120-240", "b:240-360"], 120
    ) | {"c": None}
    assert "Frame rates are those of the table: 30, 120 a second." in reader.notes
    whole = open_reader(tmp_path, table=labels, whole=True)
    assert [whole.read(item).fps for item in whole.items()[0]] == [30, 120, None]


def test_a_frame_rate_that_is_no_number_is_refused(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.csv").write_text(table_of(range(9), 30).replace("time", "other"))
    for entry in ("fast", "0", "inf", "-30"):
        (tmp_path / "clips.csv").write_text(f"file,FPS,label\na,30,wave\nb,{entry},wave\n")
        with pytest.raises(PSPError, match=rf"clips.csv, line 3: fps is '{entry}'.*Write frames a second"):
            open_reader(tmp_path)
    (tmp_path / "clips.csv").write_text("file,fps,label\na,30,wave\nb,n/a,wave\n")
    reader = open_reader(tmp_path)
    assert [reader.read(item).fps for item in reader.items()[0]] == [30, 30]
    (tmp_path / "clips.csv").write_text("file,fps,start,end,label\na,30,0,1,wave\na,25,1,2,wave\n")
    with pytest.raises(PSPError, match="the lines of 'a' state the frame rates 25 and 30"):
        open_reader(tmp_path)


def test_recordings_left_whole_have_no_labels_of_folders(tmp_path: Path) -> None:
    for name in ("mon", "tue"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.csv").write_text(table_of(range(90), 30))
    (tmp_path / "clips.csv").write_text("file,start,end,label\nmon/a,1,2,wave\n")
    reader = open_reader(tmp_path, whole=True)
    assert [(item.id, item.info.label) for item in reader.items()[0]] == [("mon/a", None), ("tue/a", None)]
    assert reader.classes == ()


def test_intervals_count_from_frame_0_where_a_file_begins_later(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(table_of(range(300, 400), 30))
    (tmp_path / "clips.csv").write_text("file,start_frame,end_frame,label\na,290,310,wave\na,350,420,sit\n")
    reader = open_reader(tmp_path)
    items, counts = reader.items()
    labelled = [reader.read(item) for item in items if item.info.label is not None]
    assert [(each.first, each.joints.shape[1], each.joints[0, 0, 0, 0]) for each in labelled] == [
        (300, 10, 300.0),
        (350, 50, 350.0),
    ]
    assert counts["intervals cut off at the beginning of their recording"] == 1
    (tmp_path / "clips.csv").write_text("file,start_frame,end_frame,label\na,30,60,wave\n")
    with pytest.raises(PSPError, match="ends at 60, before its first frame, number 300"):
        open_reader(tmp_path)


def test_what_lies_between_intervals_may_be_a_class(folder: Path) -> None:
    found = clips(folder, "file,start_frame,end_frame,label\nanna,10,30,wave\n", rest="other", window="20")
    assert found["anna:30-50"] == ("other", 30, 20)
    assert found["anna:10-30"] == ("wave", 10, 20)
    assert found["ben:0-20"] == (None, 0, 20)


def test_seconds_need_a_frame_rate(folder: Path) -> None:
    table = "file,start,end,label\nanna,0.5,1.5,wave\n"
    found = clips(folder, table, fps=20, window="1s", stride="2s")
    assert found["anna:10-30"] == ("wave", 10, 20)
    assert found["anna:30-50"] == (None, 30, 20)
    assert found["anna:70-90"] == (None, 70, 20)
    assert "anna:50-70" not in found
    assert found["ben:0-20"] == (None, 0, 20)
    with pytest.raises(PSPError, match=r"in seconds and the frame rate of 'anna' is not known.*--fps"):
        clips(folder, table)
    with pytest.raises(PSPError, match=r"window: the frame rate is not known"):
        clips(folder, "file,label\nanna,wave\n", window="1s")


def test_whole_numbers_are_seconds_or_frames_and_that_is_said(folder: Path) -> None:
    (folder / "clips.csv").write_text("file,start,end,label\nanna,1,4,wave\n")
    for fps, unit, said in ((None, 3, "taken to be frames"), (25, 75, "taken to be seconds"), (50, 3, "frames: as")):
        reader = open_reader(folder, layout="coco17", fps=fps)
        (item,) = (item for item in reader.items()[0] if item.info.label is not None)
        assert reader.read(item).joints.shape[1] == unit
        assert any(said in note for note in reader.notes)


def test_windows_alone_cut_recordings_and_keep_their_facts(folder: Path) -> None:
    found = clips(folder, "file,label\nanna,wave\n", window="40")
    assert found == {
        "anna:0-40": ("wave", 0, 40),
        "anna:40-80": ("wave", 40, 40),
        "ben:0-40": (None, 0, 40),
        "ben:40-80": (None, 40, 40),
    }


def test_an_interval_that_ends_late_is_cut_off_and_counted(folder: Path) -> None:
    assert clips(folder, "file,start_frame,end_frame,label\nanna,90,120,wave\n")["anna:90-100"] == ("wave", 90, 10)
    assert open_reader(folder, layout="coco17").items()[1]["intervals cut off at the end of their recording"] == 1


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ("file,start,end,label\nanna,100,120,wave\n", "begins at 100, after its 100 frames"),
        ("file,start,end,label\nanna,7,7,wave\n", "line 2: the interval from 7 to 7 is empty"),
        ("file,start,end,label\nanna,-1,7,wave\n", "begins before the recording"),
        ("file,start,end,label\nanna,1,,wave\n", r"1 and \(empty\) are not a start and an end"),
        ("file,start,end,label\nanna,x,7,wave\n", "x and 7 are not a start and an end"),
        ("file,start,end,label\nanna,nan,7,wave\n", "is empty or begins before"),
        ("file,start,end,label\nanna,1,7,wave\nanna,1,7,sit\n", "of one interval that contradict each other"),
        ("file,start,end,label\ncarl,1,7,wave\n", "'carl' names no recording"),
    ],
)
def test_wrong_intervals_are_named(folder: Path, table: str, says: str) -> None:
    with pytest.raises(PSPError, match=says) as refusal:
        clips(folder, table)
    assert refusal.value.where.startswith(str(folder / "clips.csv"))


@given(st.integers(0, 50), st.integers(0, 50), st.integers(1, 30), st.integers(1, 30))
def test_windows_lie_inside_and_leave_less_than_one_out(start: int, length: int, size: int, step: int) -> None:
    found = windows(start, start + length, size, step)
    assert all(start <= begin < end <= start + length for begin, end in found)
    assert [begin for begin, _ in found] == list(range(start, start + step * len(found), step))[: len(found)]
    if length >= size:
        assert all(end - begin == size for begin, end in found)
        assert start + length - found[-1][0] < size + step
    else:
        assert len(found) == (2 * length >= size and length > 0)


@pytest.mark.parametrize(
    ("text", "fps", "frames"), [("60", None, 60), ("2s", 25, 50), ("0.5s", 30, 15), (None, None, None)]
)
def test_lengths(text: str | None, fps: float | None, frames: int | None) -> None:
    assert frames_of(text, fps, "window") == frames


@pytest.mark.parametrize("text", ["", "s", "0", "-3", "1.5", "0s", "nan", "inf", "1e12", "2 m"])
def test_what_is_no_length_is_told(text: str) -> None:
    with pytest.raises(PSPError, match="is not a length"):
        frames_of(text, 25, "window")


def test_units_of_intervals() -> None:
    assert unit_of([(0, 1.5, 100, None)])[0] == "seconds"
    assert unit_of([(0, 90, 100, 25)])[0] == "frames"
    assert unit_of([(0, 4, 100, 25)])[0] == "seconds"
    assert unit_of([(0, 4, 100, 25), (0, 4, 100, None)])[0] == "frames"
