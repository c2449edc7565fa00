"""Tables of behaviours in every known form become the same intervals; what is wrong with them is named."""

import csv
import io
import shutil
import zipfile
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from psp.errors import RecordingError
from psp.io.base import detect_format, open_reader
from psp.io.intervals import Cutting, cut_clips
from psp.io.labels.facts import FactTable
from psp.io.labels.label_table import find_label_table, label_tables, read_label_table
from psp.io.listing import Listed

FREE = "Observation id,x\n\nMedia file(s),\nTime offset (s),0.0\n"
OLD = "Time,Media file path,Total length,FPS,Subject,Behavior,Behavioral category,Comment,Status\n"
NEW = "Observation id,Media duration (s),FPS (frame/s),Subject,Behavior,Behavior type,Time,Media file name,Comment\n"
AGGREGATED = "Observation id,Media file,FPS,Subject,Behavior,Behavior type,Start (s),Stop (s),Duration (s)\n"
ELAN = "act\t\t00:00:01.000\t1.0\t00:00:02.500\t2.5\t00:00:01.500\t1.5\trun\tfile:///d/v.mp4\n"
ELAN += "act\t\t00:00:04.000\t4.0\t00:00:05.000\t5.0\t00:00:01.000\t1.0\tjump\tfile:///d/v.mp4\n"
TIERS = "Begin Time - ss.msec\tEnd Time - ss.msec\tDuration - ss.msec\tact\n1.0\t2.5\t1.5\trun\n4.0\t5.0\t1.0\tjump\n"

FORMS = {
    "BORIS events": FREE + OLD + "1.0,/d/v.avi,9,10,m,run,,,START\n2.5,/d/v.avi,9,10,m,run,,,STOP\n"
    "3.0,/d/v.avi,9,10,m,sniff,,,POINT\n4.0,/d/v.avi,9,10,m,jump,,,START\n5.0,/d/v.avi,9,10,m,jump,,,STOP\n",
    "BORIS events of version 8": NEW + "o,9,10,m,run,START,1.0,player #1:/d/v.avi,\n"
    "o,9,10,m,jump,START,4,player #1:/d/v.avi,\no,9,10,m,jump,STOP,5,player #1:/d/v.avi,\n"
    "o,9,10,m,run,STOP,2.5,player #1:/d/v.avi,\n",
    "BORIS aggregated events": AGGREGATED + "o,/d/v.avi,10,m,run,STATE,1.0,2.5,1.5\n"
    "o,/d/v.avi,10,m,sniff,POINT,3,3,NA\no,/d/v.avi,10,m,jump,STATE,4,5,1\n",
    "DLCAnalyzer": "file;Experimenter;from;to;type;ID;DLCFile\nv;e;1.0;2.5;run;1;v.csv\nv;e;4;5;jump;1;v.csv\n",
    "ELAN": ELAN,
    "ELAN with a header": TIERS,
    "start and end": "start,end,label\n1.0,2.5,run\n4.0,5.0,jump\n",
    "one column per behaviour": "time,background,run,jump\n"
    + "".join(f"{t / 2},{int(t not in (2, 3, 4, 8, 9))},{int(2 <= t < 5)},{int(8 <= t < 10)}\n" for t in range(12)),
}  # fmt: skip


def table(folder: Path, text: str, name: str = "labels.csv") -> FactTable:
    (folder / name).write_text(text)
    return read_label_table(folder / name)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_tells_the_same_intervals(form: str, tmp_path: Path) -> None:
    found = table(tmp_path, FORMS[form])
    lines = sorted((line.interval, line.label) for line in found.lines)
    assert lines == [((1.0, 2.5), "run"), ((4.0, 5.0), "jump")]
    assert found.unit == (None if form == "start and end" else "seconds")
    assert {line.fps for line in found.lines} == {10 if "BORIS" in form else None}
    assert all(line.columns.get("subject") in (None, "m", "e") for line in found.lines)
    assert any("left out: 1" in note for note in found.notes) == (form in ("BORIS events", "BORIS aggregated events"))


def test_frames_and_the_name_of_the_table(tmp_path: Path) -> None:
    text = ",background,Run\n0,1,0\n1,0,1\n2,0,1\n3,1,0\n"
    (line,) = table(tmp_path, text, "v1.csv").lines
    assert (line.name, line.label, line.interval) == ("v1", "Run", (1, 3))
    assert table(tmp_path, text, "v1.csv").unit == "frames"


@pytest.mark.parametrize(
    ("form", "old", "new", "says"),
    [
        ("BORIS events", "2.5,/d/v.avi,9,10,m,run,,,STOP\n", "", "line 6: 'run' begins at 1 s and never stops"),
        ("BORIS events", "1.0,/d/v.avi,9,10,m,run,,,START\n", "", "line 6: 'run' .* STOP, but it has not begun"),
        ("BORIS events", "10,m,run,,,STOP", "10,m,run,,,START", "line 7: .*but it has begun"),
        ("BORIS events", "4.0,/d/v.avi", "4.0,/d/w.avi", "line 9: an observation has several videos, v.avi and w.avi"),
        ("BORIS events", "4.0,/d", "x,/d", "line 9: 'x' is not a time"),
        ("BORIS events", ",,,STOP", ",,STOP", "line 7: the line has 8 entries, the header 9"),
        ("BORIS events", "offset (s),0.0", "offset (s),5", "times are shifted by 5 s"),
        ("BORIS aggregated events", "1.0,2.5", "2.5,1.0", "line 2: the interval from 2.5 to 1 is empty"),
        ("one column per behaviour", "3.0,1,0,0", "3.3,1,0,0", "not evenly spaced"),
        ("ELAN", "run", "", "line 1: there is no begin, end and value"),
        ("start and end", "start,end", "begin,finish", "no known form"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(form: str, old: str, new: str, says: str, tmp_path: Path) -> None:
    assert old in FORMS[form]
    with pytest.raises(RecordingError, match=says):
        table(tmp_path, FORMS[form].replace(old, new, 1))


def test_a_wrong_entry_late_in_a_table_of_columns(tmp_path: Path) -> None:
    with pytest.raises(RecordingError, match="line 102: an entry is neither 0 nor 1"):
        table(tmp_path, "frame,run\n" + "".join(f"{row},1\n" for row in range(100)) + "100,7\n")


def test_overlaps_subjects_and_ends(tmp_path: Path) -> None:
    text = "Subject,Behavior,Start (s),Stop (s)\na,run,1,3\nb,run,1,3\na,jump,1,3\nb,sit,2,99\n"
    found = table(tmp_path, text)
    assert "overlap others (3)" in found.notes[0]
    assert "a, b" in found.notes[1]
    clips = cut_clips([Listed("v", ("v.csv",), "", length=100)], Cutting(found, window="1000", fps=10))
    assert [(clip.id, clip.label, clip.columns) for clip in clips.clips] == [
        ("v:10-30:run", "run", {"subject": "a"}), ("v:10-30:jump", "jump", {"subject": "a"}),
        ("v:20-100", "sit", {"subject": "b"}),
    ]  # fmt: skip
    assert clips.counts["intervals of the same frames and label, counted once"] == 1
    assert clips.counts["intervals cut off at the end of their recording"] == 1
    late = table(tmp_path, "Behavior,Start (s),Stop (s)\nrun,20,30\n")
    with pytest.raises(RecordingError, match="begins at 20, after its 100 frames"):
        cut_clips([Listed("v", ("v.csv",), "", length=100)], Cutting(late, fps=10))


def test_only_tables_of_labels_are_found(tmp_path: Path) -> None:
    texts = {f"{number}.csv": text for number, text in enumerate(FORMS.values())}
    others = [
        "frame,nose_x,nose_y\n0,0,0\n1,1,1\n",
        "id,label,frame,x,y\n1,a,0,1,2\n",
        "0,1\n1,0\n",
        "label,x1\n0,1\n",
        "",
    ]
    texts |= {f"other{number}.csv": text for number, text in enumerate(others)}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "clips.csv").write_text("file,label\na,x\n")
    (tmp_path / "facts.csv").write_text("id,label,subject\na,x,1\n")
    assert label_tables(tmp_path) == [*(f"{number}.csv" for number in range(len(FORMS))), "clips.csv", "facts.csv"]


@pytest.mark.parametrize("header", ["file,label", "id,label", "id,class", "file,label,subject"])
def test_classes_0_and_1_of_recordings_are_no_behaviours_in_frames(tmp_path: Path, header: str) -> None:
    last = ",1" if "subject" in header else ""
    facts = table(tmp_path, f"{header}\na,0{last}\nb,1{last}\nc,1{last}\n")
    assert [(each.name, each.label, each.interval) for each in facts.lines] == [
        ("a", "0", None), ("b", "1", None), ("c", "1", None),
    ]  # fmt: skip


def test_one_table_in_the_folder_is_taken_and_is_no_recording(tmp_path: Path) -> None:
    np.save(tmp_path / "v.npy", np.ones((60, 17, 3)))
    (tmp_path / "scores.csv").write_text(FORMS["BORIS events"])
    reader = open_reader(tmp_path, layout="coco17")
    found = {item.id: reader.read(item) for item in reader.items()[0]}
    assert [id for id, each in found.items() if each.info.label is not None] == ["v:10-25", "v:40-50"]
    named = open_reader(tmp_path, layout="coco17", table=str(tmp_path / "scores.csv"))
    assert [item.id for item in named.items()[0]] == list(found)
    assert found["v:10-25"].joints.shape[1] == 15
    assert any("Labels are read from scores.csv" in note for note in reader.notes)


def test_the_first_of_the_columns_of_behaviours_may_be_a_behaviour(tmp_path: Path) -> None:
    rows = ("1,0,0", "1,0,0", "0,1,0", "0,1,0", "0,0,1")
    found = table(tmp_path, "\n".join(["walk,run,other", *rows]))
    assert [(line.label, line.interval) for line in found.lines] == [("walk", (0, 2)), ("run", (2, 4))]
    constant = table(tmp_path, "\n".join(["trial,walk,run,other", *(f"1,{row}" for row in rows)]))
    assert [line.label for line in constant.lines] == ["walk", "run"]
    for name in ("", "frame", "Unnamed: 0"):
        numbered = [f"{number},{row}" for number, row in enumerate(rows)]
        found = table(tmp_path, "\n".join([f"{name},walk,run,other", *numbered]))
        assert [(line.label, line.interval) for line in found.lines] == [("walk", (0, 2)), ("run", (2, 4))]


def test_a_table_for_each_recording_is_taken(tmp_path: Path) -> None:
    for name in ("v", "w"):
        np.save(tmp_path / f"{name}.npy", np.ones((60, 17, 3)))
    for name in ("v", "w"):
        (tmp_path / f"scores_{name}.csv").write_text(FORMS["BORIS events"].replace("/d/v.avi", f"/d/{name}.avi"))
    reader = open_reader(tmp_path, layout="coco17")
    labelled = [item.id for item in reader.items()[0] if reader.read(item).info.label is not None]
    assert labelled == ["v:10-25", "v:40-50", "w:10-25", "w:40-50"]
    assert any("Labels are read from scores_v.csv, scores_w.csv" in note for note in reader.notes)


def test_a_table_that_names_no_recording_is_that_of_its_own_name(tmp_path: Path) -> None:
    for name in ("v", "w"):
        (tmp_path / f"{name}.csv").write_text(FORMS["start and end"])
    found, _ = find_label_table(tmp_path)
    assert found is not None
    assert [(line.name, line.label) for line in found.lines] == [
        (name, each) for name in "vw" for each in ("run", "jump")
    ]


def recordings_in(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        np.save(folder / name, np.ones((60, 17, 3)))


def labels_of(source: Path | list[Path], **options: object) -> dict[str, str | None]:
    reader = open_reader(source, layout="coco17", **options)
    infos = {item.id: item.info.label for item in reader.items()[0]}
    return {id: None if label is None else reader.classes[label] for id, label in infos.items()}


def test_each_of_several_sources_has_its_own_table(tmp_path: Path) -> None:
    recordings_in(tmp_path, "A/c.npy", "A/deep/d.npy", "B/c.npy", "C/sit/e.npy")
    (tmp_path / "A" / "clips.csv").write_text("file,label\nc,run\nd.npy,jump\n")
    with zipfile.ZipFile(tmp_path / "B.zip", "w") as file:
        file.write(tmp_path / "B" / "c.npy", "c.npy")
        file.writestr("labels.csv", "id,label\nc,run\n")
    sources = [tmp_path / name for name in ("A", "B.zip", "C")]
    assert labels_of(sources) == {"A/c": "run", "A/deep/d": "jump", "B.zip/c": "run", "C/sit/e": "sit"}
    notes = open_reader(sources, layout="coco17").notes
    assert "Labels are read from A/clips.csv, B.zip/labels.csv." in notes
    (tmp_path / "A" / "clips.csv").write_text("file,label\ne,run\n")
    with pytest.raises(RecordingError, match="'e' names no recording"):
        labels_of(sources)


def test_intervals_of_several_sources(tmp_path: Path) -> None:
    recordings_in(tmp_path, "A/v.npy", "B/w.npy", "B/x.npy")
    (tmp_path / "A" / "scores.csv").write_text(FORMS["BORIS events"])
    (tmp_path / "B" / "clips.csv").write_text("file,label\nw,sit\nx,sit\n")
    sources = [tmp_path / "A", tmp_path / "B"]
    labelled = {id: label for id, label in labels_of(sources).items() if label}
    assert labelled == {"A/v:10-25": "run", "A/v:40-50": "jump", "B/w": "sit", "B/x": "sit"}
    (tmp_path / "B" / "clips.csv").write_text("file,label,start_frame,end_frame\nw,sit,0,5\n")
    assert set(labels_of(sources).values()) == {None}
    assert any("none is used (--table names one)" in note for note in open_reader(sources, layout="coco17").notes)


@pytest.mark.parametrize("name", ["clips.csv", "mine.csv"])
def test_a_table_among_the_sources_is_the_table(name: str, tmp_path: Path) -> None:
    recordings_in(tmp_path, "c.npy", "d.npy")
    (tmp_path / name).write_text("file,label\nc.npy,run\nd.npy,sit\n")
    sources = sorted(tmp_path.iterdir())
    assert detect_format(sources) == "arrays"
    assert labels_of(sources) == labels_of(sources, table=tmp_path / name) == {"c": "run", "d": "sit"}
    assert labels_of([tmp_path / "c.npy", tmp_path / name], skip_damaged=True) == {"c": "run"}
    (tmp_path / "other.csv").write_text("file,label\nc.npy,x\n")
    with pytest.raises(RecordingError, match="one can be the table of labels"):
        labels_of([*sources, tmp_path / "other.csv"])
    with pytest.raises(RecordingError, match="is a table of labels"):
        labels_of([tmp_path / "other.csv", tmp_path / name])


@pytest.mark.parametrize(
    "joints", ["x_hip,y_hip,x_knee,y_knee", "hipX,hipY,kneeX,kneeY", "hip (x),hip (y),a (x),a (y)"]
)
def test_recordings_with_ids_and_labels_are_no_tables_of_labels(joints: str, tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        lines = [f"{number},run,1,2,3,{number}" for number in range(9)]
        (tmp_path / name).write_text("\n".join([f"id,label,{joints}", *lines]))
    assert label_tables(tmp_path) == []
    reader = open_reader(tmp_path)
    assert ([item.id for item in reader.items()[0]], reader.classes) == (["a", "b"], ("run",))


@pytest.mark.parametrize("header", ["File,Label", "FILENAME,Class", "file_name, LABEL"])
def test_headers_in_any_case_and_synonyms(header: str, tmp_path: Path) -> None:
    recordings_in(tmp_path, "c.npy", "d.npy")
    (tmp_path / "labels.csv").write_text(f"{header}\nc.npy,run\nd.npy,sit\n")
    assert label_tables(tmp_path) == ["labels.csv"]
    assert labels_of(tmp_path) == {"c": "run", "d": "sit"}
    (tmp_path / "labels.csv").write_text(f"{header},Start,END\nc.npy,run,10,20\n")
    assert {id: label for id, label in labels_of(tmp_path).items() if label} == {"c:10-20": "run"}


@pytest.mark.parametrize("other", ["BORIS events", "start and end"])
def test_of_two_observers_or_two_units_no_table_is_taken(other: str, tmp_path: Path) -> None:
    (tmp_path / "first.csv").write_text(FORMS["BORIS events"])
    (tmp_path / "second.csv").write_text(FORMS[other])
    found, notes = find_label_table(tmp_path)
    assert found is None
    assert any("none is used (--table names one): first.csv, second.csv" in note for note in notes)


def test_the_recorded_mice_and_their_events(shared_data: Path, tmp_path: Path) -> None:
    for name in ("madlc_122332.csv.gz", "boris_122332.csv"):
        shutil.copy(shared_data / "own-samples/mice-ethome" / name, tmp_path / name)
    assert detect_format(tmp_path) == "deeplabcut"
    reader = open_reader(tmp_path)
    labelled = sorted((item for item in reader.items()[0] if item.info.label is not None), key=lambda item: item.frames)
    lines = (tmp_path / "boris_122332.csv").read_text().splitlines()
    events = list(csv.DictReader(io.StringIO("\n".join(lines[15:]))))
    spans = [(float(a["Time"]), float(b["Time"])) for a, b in zip(events[::2], events[1::2], strict=True)]
    assert len(labelled) == len(spans) == 10
    assert [item.frames for item in labelled] == [(round(30 * a), round(30 * b)) for a, b in spans]
    assert reader.classes == ("interact",)
    assert reader.read(labelled[0]).fps == 30
    assert {item.info.columns["subject"] for item in labelled} == {"adult"}
    whole = open_reader(tmp_path / "madlc_122332.csv.gz")
    everything = whole.read(whole.items()[0][0]).joints
    start, end = labelled[3].frames
    np.testing.assert_array_equal(reader.read(labelled[3]).joints, everything[:, start:end])


@pytest.mark.parametrize("form", FORMS)
def test_spoiled_tables_raise_no_other_error(form: str, tmp_path: Path) -> None:
    draw, good = np.random.default_rng(len(form)), FORMS[form]
    for _ in range(300):
        at, length = draw.integers(len(good)), draw.integers(0, 12)
        word = draw.choice(["", ",", "\n", "nan", "-1", "1e400", "START", '"', "\t", "\0", "00:00:00.5"])
        with suppress(RecordingError):
            found = table(tmp_path, good[:at] + str(word) + good[at + length :])
            assert all(line.interval is None or 0 <= line.interval[0] < line.interval[1] for line in found.lines)
