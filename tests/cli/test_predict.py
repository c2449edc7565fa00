"""`psp predict` as it is called: tables, CSV and JSON lines, exit codes."""

import csv
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from psp.cli.main import main
from psp.cli.predict import as_csv
from psp.deploy.predict import Prediction, Predictions
from psp.model.model_file import TrainedModel, interface_of
from psp.model.predictor import make_predictor
from runs import SMALL_RUN
from stores import own_store, small_clips

CLASSES = ("=SUM(A1)", "walk [bold]", "class 2", "class 3")
"""Names of classes, one of which a spreadsheet would calculate."""


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> str:
    """A model of coco17 in two dimensions with random weights."""
    torch.manual_seed(0)
    store = own_store(None, "coco17")
    predictor = make_predictor(store.layout, 8, 4, SMALL_RUN.model, ("joint", "motion"), "mean").eval()
    torch.nn.init.normal_(predictor.classifier("joint").linear.weight, std=0.5)
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    TrainedModel(predictor, replace(interface_of(store, SMALL_RUN.data, 1, {}), classes=CLASSES)).save(path)
    return str(path)


@pytest.fixture
def recordings(tmp_path) -> Path:
    folder = tmp_path / "recordings"
    folder.mkdir()
    for clip in small_clips(4, persons=1, joints=17, channels=2, confidence=True):
        np.savez(folder / f"{clip.id}.npz", joints=clip.joints, confidence=clip.confidence)
    return folder


def test_predictions_are_shown_as_a_table(model, recordings, capsys):
    assert main(["predict", model, str(recordings)]) == 0
    printed = capsys.readouterr()
    assert all(f"clip00{number}" in printed.out for number in range(4))
    assert "accuracy" not in printed.out
    assert "joints are taken to be those of the model, 'coco17'" in printed.err


def test_files_are_csv_or_json_lines_and_written_once(model, recordings, tmp_path, capsys):
    table, lines = tmp_path / "found.csv", tmp_path / "found.jsonl"
    for out in (table, lines):
        assert main(["predict", model, str(recordings), "--out", str(out)]) == 0
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    objects = [json.loads(line) for line in lines.read_text().splitlines()]
    assert [row["id"] for row in rows] == [each["id"] for each in objects] == [f"clip00{n}" for n in range(4)]
    for row, each in zip(rows, objects, strict=True):
        assert each["label"] == max(each["probabilities"], key=each["probabilities"].get)
        assert each["probability"] == max(each["probabilities"].values())
        assert tuple(each["probabilities"]) == CLASSES
        assert sum(each["probabilities"].values()) == pytest.approx(1, abs=1e-4)
        assert (each["start"], each["unit"], each["true_label"]) == (0, "frames", None)
        assert float(row["class 2"]) == pytest.approx(each["probabilities"]["class 2"], abs=1e-4)
        assert float(row["end"]) == each["end"]
    capsys.readouterr()
    assert main(["predict", model, str(recordings), "--out", str(table)]) == 2
    assert "already exists" in capsys.readouterr().err
    assert main(["predict", model, str(recordings), "--out", str(tmp_path / "new/found.csv")]) == 0
    assert (tmp_path / "new/found.csv").read_text() == table.read_text()
    assert main(["predict", model, str(recordings), "--out", str(table / "found.csv")]) == 2
    assert str(table) in " ".join(capsys.readouterr().err.split())
    assert main(["predict", model, str(recordings), "--out", str(tmp_path / "found.txt")]) == 2
    assert "neither a .csv nor a .jsonl" in capsys.readouterr().err


def test_no_cell_of_a_csv_is_a_formula(model, recordings, capsys):
    for number, start in enumerate("=+-@"):
        (recordings / f"clip00{number}.npz").rename(recordings / f"{start}{number}.npz")
    assert main(["predict", model, str(recordings), "--show", "csv"]) == 0
    cells = [cell for row in csv.reader(capsys.readouterr().out.splitlines()) for cell in row]
    assert {"'=0", "'+1", "'-2", "'@3", "'=SUM(A1)"} <= set(cells)
    assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@"))]


def test_accuracy_is_shown_where_labels_are_known(model, recordings, capsys):
    assert main(["predict", model, str(recordings), "--show", "jsonl"]) == 0
    found = [json.loads(line)["label"] for line in capsys.readouterr().out.splitlines()]
    wrong = next(name for name in CLASSES if name != found[2])
    rows = [("clip000", found[0]), ("clip001", found[1]), ("clip002", wrong), ("clip003", "swim")]
    with (recordings / "clips.csv").open("w", newline="") as file:
        csv.writer(file).writerows([("id", "label"), *rows])
    assert main(["predict", model, str(recordings)]) == 0
    printed = capsys.readouterr().out
    assert "accuracy: 66.7 % of 3 labelled recordings" in printed
    assert "does not know, which are not counted: swim" in printed
    assert wrong in printed
    assert main(["predict", model, str(recordings), "--window", "6"]) == 0
    assert "% of the time of 3 labelled recordings" in capsys.readouterr().out


def test_labels_of_several_sources_are_known(model, recordings, tmp_path, capsys):
    (recordings / "clips.csv").write_text("file,label\n" + "".join(f"clip00{k}.npz,class 2\n" for k in range(4)))
    shutil.copytree(recordings, tmp_path / "other")
    for sources, count in (([recordings, tmp_path / "other"], 8), (sorted(recordings.iterdir()), 4)):
        assert main(["predict", model, *map(str, sources)]) == 0
        assert f"of {count} labelled recordings" in capsys.readouterr().out


def test_a_threshold_is_shown_for_many_labelled_recordings(model, tmp_path, capsys):
    store = str(own_store(tmp_path / "store", "coco17").path)
    assert main(["predict", model, store]) == 0
    printed = capsys.readouterr().out
    assert "what --none-below would leave" in printed
    assert main(["predict", model, store, "--none-below", "1", "--show", "csv"]) == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert {row["label"] for row in rows} == {"none"}
    assert {row["true_label"] for row in rows} == {f"class {number}" for number in range(4)}


def test_no_class_is_not_a_class_that_is_called_none() -> None:
    def labels(*classes: str) -> list[str]:
        each = [Prediction("x", label, 0.5, np.full(2, 0.5), (0, 9), None, None) for label in (classes[0], None)]
        return [row["label"] for row in csv.DictReader(as_csv(Predictions(classes, tuple(each), (), ())).splitlines())]

    assert labels("sit", "go") == ["sit", "none"]
    assert labels("none", "go") == ["none", "no class"]


def test_a_timeline_has_seconds(model, recordings, capsys):
    command = ["predict", model, str(recordings / "clip000.npz"), "--window", "0.5s", "--fps", "10"]
    assert main([*command, "--show", "jsonl"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert found[0]["start"] == 0
    assert [each["end"] for each in found[:-1]] == [each["start"] for each in found[1:]]
    assert found[-1]["end"] == 1.2
    assert {each["unit"] for each in found} == {"seconds"}
    assert main(command) == 0
    assert "1.20 s" in capsys.readouterr().out


def test_what_cannot_be_used_is_named_with_exit_code_2(model, recordings, capsys):
    (recordings / "broken.npz").write_bytes(b"nothing")
    assert main(["predict", model, *map(str, sorted(recordings.iterdir())), "--show", "csv"]) == 2
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 5
    assert "left out: broken.npz" in printed.err
    for options in (
        ["--window", "2s"],
        ["--none-below", "2"],
        ["--stride", "3"],
        ["--window", "4", "--stride", "9"],
        ["--layout", "ntu25"],
    ):
        assert main(["predict", model, str(recordings), *options]) == 2
        assert capsys.readouterr().err.startswith("psp: ")
