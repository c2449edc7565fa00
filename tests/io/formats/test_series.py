"""Time series of aeon and pickles of DD-Net: the real files, read by other code, and what is wrong with others."""

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest

from psp.errors import RecordingError
from psp.io.format import File
from psp.io.formats.ddnet import DDNET, parse_ddnet
from psp.io.formats.ts import TS, parse_ts, part_of
from psp.io.reader import open_files
from psp.skeleton.layout import Layout

SIDES = [f"{side} {joint}" for joint in ("hand tip", "elbow", "wrist", "thumb") for side in ("left", "right")]
CHAINS = [
    [f"{side} elbow", f"{side} wrist", f"{side} {end}"] for side in ("left", "right") for end in ("hand tip", "thumb")
]
EIGHT = Layout.from_graph("eight", SIDES, CHAINS)


def test_natops_is_read(shared_data: Path) -> None:
    archive = shared_data / "own-samples" / "natops" / "natops.zip"
    reader = open_files(TS, archive, layout=EIGHT)
    items = reader.items()[0]
    assert (len(items), reader.classes) == (360, tuple(f"{number}.0" for number in range(1, 7)))
    parts = [item.info.columns["part"] for item in items]
    assert parts == ["test"] * 180 + ["train"] * 180
    line = zipfile.ZipFile(archive).read("NATOPS_TRAIN.ts").decode("latin1").splitlines()[53 + 7]
    *channels, label = line.split(":")
    recording = reader.read(items[187])
    expected = np.array([np.fromstring(channel, sep=",") for channel in channels]).reshape(8, 3, 51)
    np.testing.assert_array_equal(recording.joints[0], expected.transpose(2, 0, 1))
    assert reader.classes[recording.info.label or 0] == label


def test_an_empty_label_and_a_question_mark_mean_unlabelled() -> None:
    text = "@classLabel true a\n@data\n1,2:3,4:a\n1,2:3,4:\n1,2:3,4:?\n"
    assert [raw.label for raw in parse_ts([File("x.ts", text.encode())])] == ["a", None, None]


@pytest.mark.parametrize(
    ("text", "says", "where"),
    [
        ("@problemName x\n1,2:3,4\n", "no line @data", "x.ts"),
        ("@timeStamps true\n@data\n(0,1),(1,2)\n", "time stamps", "x.ts"),
        ("@classLabel true a\n@data\n1,2:3:a\n", "different lengths, 1 to 2 numbers", "x.ts, line 3"),
        ("@classLabel true a\n@data\n1,2:3,far:a\n", "far", "x.ts, line 3"),
    ],
)
def test_what_is_wrong_with_series_is_told(text: str, says: str, where: str) -> None:
    with pytest.raises(RecordingError, match=says) as refusal:
        parse_ts([File("x.ts", text.encode())])
    assert refusal.value.where == where


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("NATOPS_TRAIN.ts", "train"), ("a/GT_test_1.pkl", "test"), ("x_val.pkl", "validation"),
        ("training/x.ts", None), ("contest.ts", None),
    ],
)  # fmt: skip
def test_names_tell_parts(name: str, part: str | None) -> None:
    assert part_of(name) == part


def test_jhmdb_is_read(shared_data: Path) -> None:
    archive = shared_data / "own-samples" / "jhmdb-2d" / "jhmdb_split1.zip"
    reader = open_files(DDNET, archive)
    items = reader.items()[0]
    assert (len(items), len(reader.classes), reader.layout.name) == (609, 14, "jhmdb15")
    with zipfile.ZipFile(archive) as files:
        test, train = (pickle.loads(files.read(f"GT_{part}_1.pkl")) for part in ("test", "train"))
    assert [item.info.columns["part"] for item in items] == ["test"] * len(test["pose"]) + ["train"] * len(
        train["pose"]
    )
    for number in (0, 175, 176, 608):
        part, place = (test, number) if number < 176 else (train, number - 176)
        recording = reader.read(items[number])
        np.testing.assert_array_equal(recording.joints[0], part["pose"][place])
        assert reader.classes[recording.info.label or 0] == part["label"][place]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"pose": [np.ones((2, 3, 2))], "label": []}, "of the same length"),
        ({"pose": [np.ones((2, 3))], "label": ["a"]}, "not an array"),
        ({"pose": [np.ones((2, 3, 2))], "label": [None]}, "neither text nor a whole number"),
        ([1], "not a dict"),
    ],
)
def test_what_is_wrong_with_a_pickle_is_told(content: object, says: str) -> None:
    with pytest.raises(RecordingError, match=says):
        parse_ddnet([File("x.pkl", pickle.dumps(content))])
