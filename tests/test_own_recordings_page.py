"""The three walks through own recordings, from made files to predictions, with the commands as the page has them."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest

from psp.cli.main import main
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.recording import Clip
from psp.synthetic import SYNTHETIC_CLASSES, SyntheticConfig, synthetic_clips

PAGE = (Path(__file__).resolve().parent.parent / "docs/own-recordings.md").read_text()
SHORT = ["--preset", "paper", "--size", "light", "--epochs", "1"]


def commands(section: str) -> list[list[str]]:
    text = PAGE.partition(f"## {section}\n")[2].partition("\n## ")[0]
    return [shlex.split(line)[1:] for line in re.findall(r"^```sh\n(.*?)^```", text, re.M | re.S)[0].splitlines()]


def run(section: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    for arguments in commands(section):
        assert main([*arguments, *(SHORT if arguments[0] == "train" else ())]) == 0, arguments


def clips(layout: str, each: int) -> list[Clip]:
    made = synthetic_clips(SyntheticConfig(layout=layout, clips=20 * each))
    return [clip for clip in made if clip.label is not None and clip.label < 3]


def write_table(path: Path, joints: np.ndarray, names: tuple[str, ...]) -> None:
    header = ",".join(f"{name}_{axis}" for name in names for axis in "xy")
    np.savetxt(path, joints[..., :2].reshape(len(joints), -1), "%.4f", ",", header=header, comments="")


@pytest.mark.slow
def test_a_folder_of_csv_tables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my-tables").mkdir()
    lines, names = ["file,label,subject"], layout_by_name("coco17").joints
    for clip in clips("coco17", 12):
        write_table(tmp_path / "my-tables" / f"{clip.id}.csv", clip.joints[0] * [1, -1, 1], names)
        label = SYNTHETIC_CLASSES[clip.label or 0]
        lines.append(f"{clip.id}.csv,{label},{clip.info.columns['subject']}")
    write_table(tmp_path / "my-tables" / "new.csv", clip.joints[0] * [1, -1, 1], names)
    (tmp_path / "my-tables" / "clips.csv").write_text("\n".join(lines))
    run("A folder of CSV tables", tmp_path, monkeypatch)
    assert (tmp_path / "tables.csv").read_text().splitlines()[1].startswith("new")


@pytest.mark.slow
def test_a_tree_of_mediapipe_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, clip in enumerate(clips("mediapipe33", 8)):
        folder = tmp_path / f"MP_Data/{SYNTHETIC_CLASSES[clip.label or 0]}/{number}"
        folder = tmp_path / "new-signs/0" if number == 0 else folder
        folder.mkdir(parents=True)
        for frame, joints in enumerate(clip.joints[0, ::4]):
            rows = np.concatenate([joints * [0.2, -0.2, 0.2] + 0.5, np.ones((33, 1))], axis=1)
            np.save(folder / f"{frame}.npy", np.concatenate([rows.reshape(-1), np.zeros(126)]))
    run("A tree of MediaPipe frames", tmp_path, monkeypatch)
    assert len((tmp_path / "signs.csv").read_text().splitlines()) == 2


def write_deeplabcut(path: Path, frames: int, draw: np.random.Generator) -> None:
    """A mouse of four points that turns around."""
    points = ("nose", "left_ear", "right_ear", "tail_base")
    head = [["scorer", *["net"] * 12], ["bodyparts", *(point for point in points for _ in range(3))]]
    head.append(["coords", *["x", "y", "likelihood"] * 4])
    turn = np.arange(frames)[:, None] / 20 + np.array([0, 0.5, -0.5, np.pi])
    places = np.stack([300 + 40 * np.cos(turn), 200 + 40 * np.sin(turn), np.full(turn.shape, 0.99)], axis=2)
    places[..., :2] += draw.normal(0, 1, places[..., :2].shape)
    rows = [[str(frame), *(f"{number:.3f}" for number in row.reshape(-1))] for frame, row in enumerate(places)]
    path.write_text("\n".join(",".join(line) for line in [*head, *rows]))


@pytest.mark.slow
def test_a_long_recording_with_boris_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(0)
    write_deeplabcut(tmp_path / "mouse.csv", 1500, draw)
    write_deeplabcut(tmp_path / "mouse-2.csv", 300, draw)
    lines = [
        "Observation id,one",
        "",
        "Time,Media file path,Total length,FPS,Subject,Behavior,Behavioral category,Comment,Status",
    ]
    for bout in range(16):
        behaviour = ("groom", "rear")[bout % 2]
        for time, status in ((3 * bout, "START"), (3 * bout + 1.5, "STOP")):
            lines.append(f"{time},mouse.mp4,50,30,,{behaviour},,,{status}")
    (tmp_path / "boris.csv").write_text("\n".join(lines))
    run("A long recording with BORIS labels", tmp_path, monkeypatch)
    timeline = (tmp_path / "timeline.csv").read_text().splitlines()
    assert len(timeline) > 1
    assert any(each in timeline[1] for each in ("groom", "rear"))
