"""Stores and run folders that were edited or damaged, and class names that would like to be more than text."""

import json
import shutil
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
import torch

from attack.attacks import edits, refusal, some
from psp.batches.joint_reader import row_source
from psp.dataset.store import open_store
from psp.dataset.writer import StoreWriter
from psp.errors import CheckpointError, PSPError, RecordingError, StoreError
from psp.evaluate.evaluate import evaluate_run
from psp.evaluate.trained import open_trained
from psp.files import destination_lock, write_json
from psp.model.model_file import load_model
from psp.report.compare import compare
from psp.report.judged import estimated
from psp.report.run_numbers import facts_of, numbers_of
from psp.report.tables import accuracies, costs, settings
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.recording import Clip, ClipInfo
from psp.train.api import make_task, train_run
from psp.train.run_files import read_estimate, read_evaluation, read_label_gain, read_result, read_suspects
from psp.train.run_folder import open_run
from runs import small_run, with_stage
from stores import own_store, small_clips, small_store

NAMES = ["[/]", "$^$", "<script>alert(1)</script>", '=HYPERLINK("http://x","y")']


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """A finished run of one epoch."""
    folder = tmp_path_factory.mktemp("attacked")
    task = make_task(small_store(folder / "store"), "2/class", "synthetic-xsub")
    return train_run(task, with_stage(small_run("supervised"), epochs=1), folder / "run")


@pytest.mark.parametrize("name", ["config.json", "split.json", "labels.json"])
def test_an_edited_file_of_a_run_is_named(run, tmp_path, name):
    """Every key and first entry missing or of another type; all of the configuration is covered by its checksum."""
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    for content in some(list(edits(json.loads((run / name).read_text()))), 40):
        (copy / name).write_text(json.dumps(content))
        is_covered = name == "config.json" and "sha256" in content  # runs of earlier versions have no checksum
        with pytest.raises(CheckpointError) if is_covered else suppress(CheckpointError):
            open_run(copy)


@pytest.mark.parametrize("content", ["", "[" * 10**5, '{"a": ' * 10**5, "9" * 5000, "\0", "null", "NaN"])
@pytest.mark.parametrize("read", [read_result, read_evaluation, read_estimate, read_label_gain, read_suspects])
def test_what_is_no_file_of_a_run_is_named(tmp_path, content, read):
    (tmp_path / "file.json").write_text(content)
    with pytest.raises(CheckpointError, match=r"file\.json"):
        read(tmp_path / "file.json")


def shown(run: Path) -> None:
    """Read what a report and an evaluation read of a finished run, and make all that depends on its JSON files."""
    runs = compare([run], "cpu")
    assert all((numbers_of(runs[0]), facts_of(runs[0], run), accuracies(runs), costs(runs), settings(runs)))
    assert estimated(open_trained(run, device="cpu"))
    assert read_suspects(run / "suspects.json")


@pytest.fixture(scope="module")
def evaluated(run, tmp_path_factory) -> Path:
    """A run with every JSON file that training, evaluation and estimates leave."""
    copy = tmp_path_factory.mktemp("evaluated") / "run"
    shutil.copytree(run, copy)
    found = evaluate_run(copy, None, "cpu")["average"]["full"]
    classes = json.loads((copy / "evaluation.json").read_text())["classes"]
    ids = json.loads((copy / "labels.json").read_text())["ids"]
    clips = [{"id": each, "class": classes[0], "recognised": classes[-1], "probability": 0.5} for each in ids]
    suspects = [
        {"id": each, "label": "a", "likely": "b", "probability": 0.9, "probability_of_label": 0} for each in ids
    ]
    estimate = {"folds": 2, "kept together": None, "classes": classes, "accuracy": asdict(found), "clips": clips}
    write_json(copy / "estimate.json", json.loads(json.dumps(estimate, default=np.ndarray.tolist)))
    write_json(copy / "suspects.json", suspects)
    write_json(copy / "label_gain.json", {"labels": [2, 4], "accuracies": [50.0, 60.0], "error": 1.0})
    shown(copy)
    return copy


@pytest.mark.parametrize("name", ["result", "evaluation", "estimate", "suspects", "label_gain"])
def test_an_edited_file_of_a_finished_run_is_shown_or_named(evaluated, name):
    path = evaluated / f"{name}.json"
    whole = path.read_text()
    for content in some(list(edits(json.loads(whole))), 15):
        path.write_text(json.dumps(content))
        with suppress(PSPError):
            shown(evaluated)
    path.write_text(whole)


def test_an_edited_manifest_is_named(run, tmp_path):
    store, copy = run.parent / "store", tmp_path / "store"
    shutil.copytree(store, copy)
    named = json.loads((store / "manifest.json").read_text())
    read = ("format", "dataset", "layout", "classes", "channels", "up", "parts", "normalise", "clean", "fingerprint")
    wanted = {key: named[key] for key in read}
    for content in some(list(edits(wanted)), 60):
        (copy / "manifest.json").write_text(json.dumps(content))
        with suppress(StoreError):
            assert len(open_store(copy)) == 48


def read_all(path: Path) -> None:
    store = open_store(path)
    row_source(store, torch.device("cpu"), with_confidence=True).read(torch.arange(len(store)))


def read_last(path: Path) -> None:
    store = open_store(path)
    store.clip(len(store) - 1)


@pytest.mark.parametrize("read", [read_all, read_last])
@pytest.mark.parametrize("name", ["clips.arrow", "joints.npy", "confidence.npy"])
def test_one_flipped_bit_of_a_store_is_noticed(tmp_path, name, read, monkeypatch):
    monkeypatch.setattr("psp.dataset.arrays.BLOCK", 1000)
    path = own_store(tmp_path / "store", "coco17").path
    content = bytearray((path / name).read_bytes())
    for at in range(len(content) - 1, 128, -(len(content) // 5)):
        content[at] ^= 16
        (path / name).write_bytes(content)
        if name == "clips.arrow" or read is read_all or at == len(content) - 1:
            with pytest.raises(StoreError, match=rf"{name} is damaged"):
                read(path)
        content[at] ^= 16
    (path / name).write_bytes(content)
    read(path)


def test_one_flipped_bit_of_a_model_is_noticed(run, tmp_path):
    content = bytearray((run / "model.safetensors").read_bytes())
    for at in range(len(content) // 2, len(content), len(content) // 20):
        content[at] ^= 1
        (tmp_path / "model.safetensors").write_bytes(content)
        with pytest.raises(CheckpointError):
            load_model(tmp_path / "model.safetensors")
        content[at] ^= 1


def test_what_a_killed_writer_left_is_removed(tmp_path, monkeypatch):
    monkeypatch.setattr("psp.files.LEFT_OVER", -1.0)
    folder = tmp_path / "run"
    folder.mkdir()
    left = [tmp_path / ".run.99999999.writing", folder / ".result.json.99999999.writing"]
    others = [folder / "result.json", folder / f".result.json.{1}.writing", tmp_path / ".other.99999999.writing"]
    for path in (*left, *others):
        path.write_text("")
    with destination_lock(folder):
        assert not any(path.exists() for path in left)
    assert all(path.exists() for path in others)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="/dev/full is Linux only")
def test_a_full_disk_is_reported_with_the_store(tmp_path):
    writer = StoreWriter(tmp_path / "store", dataset="d", layout=layout_by_name("kinect20"), classes=NAMES, up="y")
    full = Path("/dev/full").open("wb", buffering=0)  # noqa: SIM115
    with pytest.raises(OSError, match="No space left") as error, full, writer:  # noqa: PT012
        writer._joints = full
        writer.add(next(small_clips(1)))
    assert error.value.filename == str(tmp_path / "store")
    assert not list(tmp_path.glob(".store.*writing"))


def hostile_store(path: Path) -> Path:
    with StoreWriter(path, dataset="[/]", layout=layout_by_name("kinect20"), classes=NAMES, up="y") as writer:
        for clip in small_clips():
            name = f"{NAMES[clip.info.label or 0]} {clip.id}"
            writer.add(Clip(ClipInfo(name, clip.label, clip.info.columns), clip.joints))
    return path


def test_names_are_shown_and_not_interpreted(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = str(hostile_store(tmp_path / "store"))
    refusal(["check", store, "--pictures", "pictures"], capsys, (0, 1))
    task = make_task(store, "2/class", "subject")
    run = train_run(task, with_stage(small_run("supervised"), epochs=1), tmp_path / "[bold]run")
    refusal(["evaluate", str(run), "--device", "cpu"], capsys, (0,))
    refusal(["report", str(run), "--out", "report.md", "--device", "cpu"], capsys, (0,))
    assert "<script>" not in (tmp_path / "report.md").read_text()
    refusal(["predict", str(run), store, "--out", "predictions.csv"], capsys, (0,))
    lines = (tmp_path / "predictions.csv").read_text().splitlines()[1:]
    assert not any(cell.startswith(("=", '"=')) for line in lines for cell in line.split(",")[:2])


@pytest.mark.parametrize("name", ["", "a\x1b[31m", "a\nb", "a" * 201, "\udc80", "\u202etxt"])
def test_names_that_cannot_be_shown_are_not_stored(tmp_path, name):
    with pytest.raises(StoreError, match=r"name of the class"):
        StoreWriter(tmp_path / "store", dataset="d", layout=layout_by_name("kinect20"), classes=[name, "b"], up="y")
    writer = StoreWriter(tmp_path / "store", dataset="d", layout=layout_by_name("kinect20"), classes=["a"], up="y")
    clip = next(small_clips(1))
    with writer:
        with pytest.raises(RecordingError, match="the id"):
            writer.add(Clip(ClipInfo(5 * name, 0), clip.joints))
        writer.add(clip)
