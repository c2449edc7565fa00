"""Tables of joints in the spellings that people use, and what is wrong with others."""

from pathlib import Path

import numpy as np
import pytest

from psp.errors import RecordingError
from psp.io.format import File, Raw
from psp.io.formats.table_columns import columns_of
from psp.io.formats.tables import TABLES, parse_table, recognises_tables
from psp.io.reader import open_files
from psp.skeleton.catalogue import layout_by_name

BODY = layout_by_name("mediapipe33").joints


def read(text: str, name: str = "x.csv") -> list[Raw]:
    assert recognises_tables(name, text.encode())
    return list(parse_table([File(name, text.encode())]))


@pytest.mark.parametrize(
    "header",
    [
        "hip_x,hip_y,left knee_x,left knee_y", "hip.x,hip.y,left knee.x,left knee.y",
        "x_hip,y_hip,x_left knee,y_left knee", "hip x,hip y,left knee x,left knee y",
        "hip (x),hip (y),left knee (x),left knee (y)", '"hip_X","hip_Y","left knee_X","left knee_Y"',
        "hipX,hipY,left kneeX,left kneeY",
    ],
)  # fmt: skip
def test_names_of_columns_in_many_spellings(header: str) -> None:
    (raw,) = read(f"frame,{header}\n1,1,2,3,4\n2,5,6,7,8\n")
    assert raw.names == ("hip", "left knee")
    np.testing.assert_array_equal(raw.joints[0], [[[1, 2], [3, 4]], [[5, 6], [7, 8]]])


@pytest.mark.parametrize("begin", [0, 1, 120])
def test_gaps_in_the_numbers_of_frames_are_frames_without_joints(begin: int) -> None:
    (raw,) = read(f"frame,a_x,a_y,b_x,b_y\n{begin + 2},5,6,7,8\n{begin},1,2,3,4\n")
    assert np.isnan(raw.joints[0, :, 0, 0]).tolist() == [False, True, False]
    assert raw.first == (120 if begin == 120 else 0)
    assert raw.joints[0, 2, 1, 1] == 8


def test_frames_in_steps_keep_their_numbers_for_intervals(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(lines("frame,time", *(f"{frame},{frame / 30}" for frame in range(300, 400, 5))))
    (tmp_path / "clips.csv").write_text("file,start_frame,end_frame,label\na.csv,320,350,run\n")
    reader = open_files(TABLES, tmp_path)
    (item,) = [item for item in reader.items()[0] if item.info.label is not None]
    recording = reader.read(item)
    assert (item.frames, recording.first) == ((20, 50), 320)
    assert recording.fps == pytest.approx(30, rel=1e-3)
    assert recording.joints[recording.seen, :, 0][:, 0].tolist() == [4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize("first", [0, 1])
def test_the_common_csv_of_mediapipe(first: int) -> None:
    points = np.random.default_rng(0).uniform(0, 1, (6, 33, 4)).round(4)
    points[:, :, 3] = 0
    header = ",".join(f"{part}{number + first}" for number in range(33) for part in "xyzv")
    lines = [",".join([label, *map(str, row)]) for label, row in zip("aabbbc", points.reshape(6, -1), strict=True)]
    raws = read("\n".join([f"class,{header}", *lines]))
    assert [(raw.label, raw.joints.shape[1], raw.layout) for raw in raws] == [
        ("a", 2, "mediapipe33"), ("b", 3, "mediapipe33"), ("c", 1, "mediapipe33"),
    ]  # fmt: skip
    np.testing.assert_array_equal(np.concatenate([raw.joints[0] for raw in raws]), points[..., :3])
    assert raws[0].units == "shares of the image"
    assert raws[0].up == "-y"


def test_names_of_landmarks_in_any_order_and_world_coordinates() -> None:
    order = np.random.default_rng(0).permutation(33)
    points = np.random.default_rng(1).normal(0, 0.4, (3, 33, 3)).round(6)
    points[:, 24] = -points[:, 23]
    names = [BODY[joint].upper() for joint in order]
    header = ",".join(f"{name}_{part}" for name in names for part in ("X", "Y", "Z", "Visibility"))
    rows = np.concatenate([points[:, order], np.full((3, 33, 1), 0.5)], axis=2).reshape(3, -1)
    (raw,) = read("\n".join([header, *(",".join(map(str, row)) for row in rows)]))
    assert (raw.layout, raw.units) == ("mediapipe33", "metres")
    np.testing.assert_array_equal(raw.joints[0], points)
    assert raw.confidence is not None
    assert (raw.confidence == 0.5).all()


def test_times_tell_the_frame_rate_and_constant_columns_are_facts() -> None:
    lines = [f"{frame / 25},anna,{frame % 2},1,2,3,4" for frame in range(9)]
    (raw,) = read("\n".join(["time,subject,odd,a_x,a_y,b_x,b_y", *lines]))
    assert (raw.fps, raw.columns) == (25, {"subject": "anna"})


@pytest.mark.parametrize("columns", ["part", "name", "name,part"])
def test_a_part_and_a_name_are_facts_of_wide_tables(columns: str) -> None:
    expected = dict.fromkeys(columns.split(","), "train")
    (raw,) = read(lines(columns, *[",".join(expected.values())] * 3))
    assert raw.columns == expected


def test_a_part_and_a_name_are_facts_of_long_tables_with_joints() -> None:
    (raw,) = read("part,name,frame,joint,x,y\ntest,anna,0,hip,1,2\ntest,anna,0,knee,3,4\n")
    assert (raw.names, raw.columns) == (("hip", "knee"), {"part": "test", "name": "anna"})


def test_headers_of_any_length_are_read_whole() -> None:
    names = [f"{number:0200}_landmark" for number in range(200)]
    header = ",".join(f"{name}_{axis}" for name in names for axis in "xy")
    assert len(header) > 80_000
    (raw,) = read(f"{header}\n{','.join(['1'] * 400)}\n")
    assert raw.names == tuple(names)


def test_decimal_commas_in_times_and_facts() -> None:
    rows = [f"{frame / 25};1,75;1,5;2;3;{frame},5".replace(".", ",") for frame in (0, 1, 2, 3, 6, 7, 8)]
    (raw,) = read("\n".join(["time;height;a_x;a_y;b_x;b_y", *rows]))
    assert np.flatnonzero(~np.isnan(raw.joints[0, :, 0, 0])).tolist() == [0, 1, 2, 3, 6, 7, 8]
    assert (raw.fps, raw.columns, raw.joints[0, 8, 1, 1]) == (25, {"height": 1.75}, 8.5)
    (raw,) = read("frame;label;a_x;a_y;b_x;b_y\n0,0;1,5;1,5;2;3;4\n1,0;1,5;1;2;3;4\n")
    assert (raw.label, raw.joints.shape[1]) == ("1,5", 2)


def lines(header: str, *rows: object) -> str:
    return "\n".join([f"{header},a_x,a_y,b_x,b_y", *(f"{row},{number},2,3,4" for number, row in enumerate(rows))])


@pytest.mark.parametrize(("digits", "begin"), [(9, 0), (2, 0), (9, 300), (3, 10**10)])
def test_times_without_frames_tell_the_gaps(digits: int, begin: int) -> None:
    frames = [*range(60), *range(240, 300)]
    (raw,) = read(lines("time", *(round((begin + frame) / 30, digits) for frame in frames)))
    assert np.flatnonzero(~np.isnan(raw.joints[0, :, 0, 0])).tolist() == frames
    assert raw.first == 0
    assert raw.fps == pytest.approx(30, rel=1e-3)


@pytest.mark.parametrize(
    ("times", "frames"),
    [((-5, -4, -2), [0, 1, 3]), ((0, 1e-300, 1e300), [0, 1, 2]), ((0, 0.1, 1e6, 1e6 + 0.1), [0, 1, 2, 3])],
)
def test_few_times_tell_gaps_but_not_hours(times: tuple[float, ...], frames: list[int]) -> None:
    (raw,) = read(lines("time", *times))
    assert np.flatnonzero(~np.isnan(raw.joints[0, :, 0, 0])).tolist() == frames


def test_times_tell_the_frames_of_each_person() -> None:
    rows = [(frame / 10, "A") for frame in range(20)] + [(frame / 10 + 0.002, "B") for frame in range(16, 20)]
    (raw,) = read(lines("time,person", *(f"{time},{person}" for time, person in sorted(rows))))
    assert [np.flatnonzero(~np.isnan(each[:, 0, 0])).tolist() for each in raw.joints] == [
        [*range(20)], [*range(16, 20)],
    ]  # fmt: skip


@pytest.mark.parametrize("times", [[0, 0, 0, 1, 1], [0, 0.1, 0.2, "", 0.3], [0, 0.1, 0.2, 0.21, 0.3], ["x"] * 5])
def test_without_times_of_frames_rows_are_in_order(times: list[object]) -> None:
    (raw,) = read(lines("time", *times))
    assert raw.joints[0, :, 0, 0].tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("header", ["id", "id,frame", "filename", "frame,filename"])
def test_columns_that_number_the_rows_are_neither_persons_nor_clips(header: str) -> None:
    names = {"id": "{}", "frame": "{}", "filename": "img_{}.jpg"}
    pattern = ",".join(names[name] for name in header.split(","))
    (raw,) = read(lines(header, *(pattern.format(number, number) for number in range(4))))
    assert raw.id == "x"
    assert raw.joints[:, :, 0, 0].tolist() == [[0, 1, 2, 3]]


def test_ids_of_several_rows_of_a_frame_are_persons() -> None:
    (raw,) = read(lines("id,frame", "0,0", "1,0", "2,1"))
    assert raw.joints.shape[:2] == (3, 2)


def test_clips_of_one_frame_are_kept_without_numbers_of_frames() -> None:
    assert [raw.id for raw in read(lines("clip", "c0", "c1", "c2"))] == ["x/c0", "x/c1", "x/c2"]


def test_clips_of_one_frame_are_kept_where_they_share_its_number() -> None:
    raws = read(lines("frame,file", "0,a.jpg", "0,b.jpg"))
    assert [(raw.id, raw.joints[0, 0, 0, 0]) for raw in raws] == [("x/a", 0), ("x/b", 1)]


def test_ids_that_repeat_and_those_of_one_frame_are_persons() -> None:
    (raw,) = read(lines("id,frame", "7,0", "9,0", "7,1"))
    np.testing.assert_array_equal(raw.joints[:, :, 0, 0], [[0, 2], [1, np.nan]])
    (raw,) = read(lines("id,frame", "7,0", "9,0"))
    assert raw.joints[:, :, 0, 0].tolist() == [[0], [1]]
    (raw,) = read("id,frame,joint,x,y\n1,0,a,1,1\n2,0,b,2,2\n3,1,a,3,3\n4,1,b,4,4\n")
    assert raw.joints[..., 0].tolist() == [[[1, 2], [3, 4]]]
    (raw,) = read("id,frame,joint,x,y\n1,0,a,1,1\n1,0,b,2,2\n2,0,a,3,3\n2,0,b,4,4\n")
    assert raw.joints[..., 0].tolist() == [[[1, 2]], [[3, 4]]]


@pytest.mark.parametrize("box", ["bbox_x,bbox_y,bbox_w,bbox_h", "box_x,box_y,box_x1,box_conf", "x_bbox,y_bbox,a1,a2",
                                 "bboxX,bboxY,b,c", "bounding_box_x,bounding_box_y,BBOX_score,d"])  # fmt: skip
def test_boxes_are_no_joints(box: str) -> None:
    (raw,) = read(f"{box},a_x,a_y,toolbox_x,toolbox_y\n9,9,9,9,1,2,3,4\n")
    assert raw.names == ("a", "toolbox")
    assert raw.joints.tolist() == [[[[1, 2], [3, 4]]]]
    assert not [name for name in raw.columns if "box" in name.lower()]


def test_stretches_of_labels_are_parts_of_the_recording() -> None:
    raws = read(lines("frame,label", "301,run", "302,run", "305,sit"))
    assert [(raw.label, raw.first, raw.joints.shape[1]) for raw in raws] == [("run", 301, 4), ("sit", 305, 1)]


def test_persons_are_told_apart(tmp_path: Path) -> None:
    text = "frame,track_id,a_x,a_y,b_x,b_y\n0,7,1,1,1,1\n0,9,2,2,2,2\n1,9,3,3,3,3\n"
    (raw,) = read(text)
    assert raw.persons == "bodies"
    np.testing.assert_array_equal(raw.joints[:, :, 0, 0], [[1, np.nan], [2, 3]])


def test_persons_are_in_the_order_of_their_names() -> None:
    (raw,) = read(lines("frame,person", "0,mouse10", "0,mouse2", "1,mouse2", "1,mouse10"))
    assert raw.joints[:, :, 0, 0].tolist() == [[1, 2], [0, 3]]


@pytest.mark.parametrize("column", ["track_id", "person", "id"])
def test_more_tracks_than_fit_are_tracked_anew(column: str) -> None:
    rows = [f"{frame},{frame // 4 * 2 + second}" for frame in range(5000) for second in (0, 1)]
    if column != "track_id":
        with pytest.raises(RecordingError, match="2500 persons in 5000 frames are too many for 10000 lines"):
            read(lines(f"frame,{column}", *rows))
    else:
        (raw,) = read(lines(f"frame,{column}", *rows))
        assert (raw.joints.shape[:2], raw.persons) == ((2, 5000), "detections")
        assert raw.joints[:, :, 0, 0].T.ravel().tolist() == list(range(10_000))
        assert raw.notes == ("The 2500 tracks of the file are too many for one recording: persons are tracked anew.",)


def test_labels_of_a_folder_of_tables(tmp_path: Path) -> None:
    for name in ("anna", "ben"):
        (tmp_path / f"{name}.csv").write_text("hip_x,hip_y,knee_x,knee_y\n1,2,3,5\n1,2,3,6\n")
    (tmp_path / "clips.csv").write_text("file,label\nanna.csv,sit\nben.csv,\n")
    reader = open_files(TABLES, tmp_path)
    assert [item.info.label for item in reader.items()[0]] == [0, None]
    assert reader.layout.joints == ("hip", "knee")


@pytest.mark.parametrize(
    ("text", "says", "where"),
    [
        ("a_x,a_y,b_x,b_y\n1,2,3\n", "3 entries, the first line 4", "x.csv, line 2"),
        ("a_x,a_y,b_x,b_y\n1,2,3,4\n1,2,far,4\n", "'far' is not a number", "x.csv, line 3"),
        ("a_x,a_y,b_x,b_y\n", "no line of numbers", "x.csv"),
        ("a_x,a_y,a_z,b_x,b_y\n1,2,3,4,5\n", "'b' has no column z", "x.csv, line 1"),
        ("frame,a_x,a_y,b_x,b_y\n0,1,2,3,4\n0,1,2,3,4\n", "is in line 2 too", "x.csv, line 3"),
        ("frame,a_x,a_y,b_x,b_y\n-1,1,2,3,4\n", "-1 is not a frame number", "x.csv, line 2"),
        ("frame,a_x,a_y,b_x,b_y\n0,1,2,3,4\n9000000,1,2,3,4\n", "frames between", "x.csv, line 3"),
        ("frame,joint,x,y\n0,a,1,2\n0,a,3,4\n", "'a' of this frame is in line 2", "x.csv, line 3"),
        ("frame,id,label,a_x,a_y,b_x,b_y\n0,1,s,1,2,3,4\n0,2,t,1,2,3,4\n", "'s' and 't' belong", "x.csv, line 3"),
    ],
)
def test_what_is_wrong_with_a_table_is_told(text: str, says: str, where: str) -> None:
    with pytest.raises(RecordingError, match=says) as refusal:
        read(text)
    assert refusal.value.where == where


@pytest.mark.parametrize("header", ["file,label,subject", "time,x,y", "a,b,c", "scorer,x,x,x", "hip_x,hip_y", "x,y,z"])
def test_other_tables_are_not_taken_for_joints(header: str) -> None:
    assert columns_of(header.split(",")) is None
