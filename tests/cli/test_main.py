"""The command `psp`: all its subcommands, one after the other, and errors as one sentence with exit code 2."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest

import psp
from psp.cli.main import COMMANDS, command_by_name, main
from psp.dataset.store import open_store
from psp.io.formats.write_ntu import write_ntu_folder
from psp.synthetic import SyntheticConfig
from psp.train.logging import read_lines
from stores import small_store

SMALL = ["--preset", "paper", "--size", "light", "--labels", "2/class", "--epochs", "2", "--data.resample.frames", "8"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="module")
def store(folder) -> str:
    return str(small_store(folder / "store").path)


@pytest.fixture(scope="module")
def run(folder, store) -> str:
    out = str(folder / "run")
    assert main(["train", store, *SMALL, "--out", out, "--device", "cpu"]) == 0
    return out


def complaint(capsys, *arguments: str) -> str:
    """The one sentence that a refused command prints."""
    assert main(list(arguments)) == 2
    message = capsys.readouterr().err
    assert message.startswith("psp: ")
    assert "Traceback" not in message
    return message


def stop_in_training(done: int, of: int, note: str = "") -> None:
    """A progress bar that ends the program at the first step of training."""
    if note:
        os.kill(os.getpid(), signal.SIGTERM)


def test_the_overview_has_a_line_for_every_command_without_importing_it():
    program = "import sys; from psp.cli.main import main; main(['--help']); main(['--version']); print(*sys.modules)"
    shown = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    overview, version, imported = shown[: shown.index("psp-learning")], *shown.strip().splitlines()[-2:]
    for command in COMMANDS:
        assert f"  {command:15} {command_by_name(command).__doc__.splitlines()[0]}\n" in overview
    assert version == f"psp-learning {psp.__version__}"
    assert not {"torch", "sklearn", "matplotlib"} & set(imported.split())


def test_every_public_name_is_found_when_it_is_first_used():
    assert {"SkeletonClassifier", "prepare", "train_run"} <= set(psp.__all__) <= set(dir(psp))
    assert all(hasattr(psp, name) for name in psp.__all__)


def test_options_without_an_effect_and_missing_places_are_refused(store, run, folder, capsys):
    assert "runs/typo: there is no such file or folder." in complaint(capsys, "evaluate", "runs/typo")
    assert "read as it is" in complaint(capsys, "predict", run, store, "--fps", "30")
    np.save(folder / "clip.npy", np.random.default_rng(0).normal(size=(6, 17, 2)))
    recording = ["prepare", str(folder / "clip.npy"), str(folder / "new"), "--layout", "coco17"]
    assert "there are no windows" in complaint(capsys, *recording, "--stride", "4")
    assert "fill half a window" in complaint(capsys, *recording, "--window", "40")
    (folder / "file").write_text("")
    for command in (["predict", run, store], ["report", run], ["export", run]):
        ending = {"predict": "csv", "report": "html", "export": "onnx"}[command[0]]
        assert "is not a folder" in complaint(capsys, *command, "--out", str(folder / "file" / f"x.{ending}"))
    for option, value in (("--epochs", "0"), ("--seed", "-1"), ("--niceness", "20")):
        assert f"{option}: {value} is out of range" in complaint(capsys, "label", store, f"{option}={value}")


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help(command, capsys):
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])
    assert end.value.code == 0
    assert f"usage: psp {command}" in capsys.readouterr().out


def test_the_module_is_the_command():
    result = subprocess.run([sys.executable, "-m", "psp", "--help"], capture_output=True, text=True, check=True)
    assert all(command in result.stdout for command in COMMANDS)


def test_training_ends_with_a_model_a_result_and_an_evaluation(run):
    names = {each.name for each in Path(run).iterdir()}
    assert {"config.json", "split.json", "labels.json", "metrics.jsonl", "model.safetensors"} <= names
    assert {"last.safetensors", "result.json", "evaluation.json"} <= names


def test_evaluating_prints_the_accuracy_with_its_interval(run, capsys):
    assert main(["evaluate", run, "--device", "cpu"]) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert re.search(r"test set full: accuracy \d+\.\d % \(95 % interval \d+\.\d to \d+\.\d\) of 24 clips", printed)
    assert "top-5" not in printed  # of four classes


def test_resuming_a_finished_run_is_harmless(run):
    before = read_lines(Path(run) / "metrics.jsonl")
    assert main(["train", "--resume", run, "--device", "cpu"]) == 0
    assert read_lines(Path(run) / "metrics.jsonl") == before


def test_a_run_continues_with_its_own_settings_only(run, capsys):
    assert "--seed cannot be used with --resume" in complaint(capsys, "train", "--resume", run, "--seed", "9")
    assert "cannot be used with --resume" in complaint(capsys, "train", "--resume", run, "--optim.momentum", "0.1")


def test_predicting_writes_a_table_once(run, store, folder, capsys):
    out = str(folder / "predictions.csv")
    assert main(["predict", run, store, "--out", out]) == 0
    header, *rows = Path(out).read_text().splitlines()
    assert header == "id,label,probability,true_label,start,end,unit,class 0,class 1,class 2,class 3"
    assert len(rows) == 48
    capsys.readouterr()
    assert "already exists" in complaint(capsys, "predict", run, store, "--out", out)


def test_a_model_becomes_an_onnx_file_that_predicts_the_same(run, store, folder, capsys):
    model = str(Path(run) / "model.safetensors")
    assert main(["export", model, "--out", str(folder / "recogniser.onnx")]) == 0
    assert "no probability differs" in " ".join(capsys.readouterr().out.split())
    assert "already exists" in complaint(capsys, "export", run, "--out", str(folder / "recogniser.onnx"))
    tables = {folder / "by-torch.csv": model, folder / "by-onnx.csv": str(folder / "recogniser.onnx")}
    for table, source in tables.items():
        assert main(["predict", source, store, "--out", str(table)]) == 0
    plain, other = ([line.split(",")[7:] for line in table.read_text().splitlines()[1:]] for table in tables)
    for ours, theirs in zip(plain, other, strict=True):
        assert [float(each) for each in ours] == pytest.approx([float(each) for each in theirs], abs=2e-4)


@pytest.mark.parametrize("content", [b"", b"no model", b'\x08\x00\x00\x00\x00\x00\x00\x00{"a": 1}'])
def test_a_file_that_is_no_model_is_named(folder, store, capsys, content):
    (folder / "broken.safetensors").write_bytes(content)
    assert "broken.safetensors" in complaint(capsys, "predict", str(folder / "broken.safetensors"), store)


def test_a_store_of_another_layout_is_named(run, folder, capsys):
    assert main(["prepare", "synthetic", str(folder / "ntu25"), "--clips", "20", "--workers", "1"]) == 0
    message = complaint(capsys, "predict", run, str(folder / "ntu25"))
    assert "kinect20" in message
    assert "ntu25" in message


def test_checking_a_store(store, folder, capsys):
    assert main(["check", store]) == 0
    assert "48" in capsys.readouterr().out
    path = small_store(folder / "changed").path / "joints.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert "joints.npy was changed" in complaint(capsys, "check", str(path.parent))


def test_an_unreadable_checkpoint_is_named(folder, capsys):
    (folder / "weights.pt").write_bytes(b"no weights")
    arguments = ["import-weights", str(folder / "weights.pt"), str(folder / "w.safetensors")]
    assert "weights.pt" in complaint(capsys, *arguments)


def test_an_unknown_command_and_wrong_values_end_with_exit_code_2(capsys):
    assert "train" in complaint(capsys, "trian")
    assert "--seed" in complaint(capsys, "train", "--seed", "many")
    assert "psp train" in complaint(capsys, "evaluate", ".")


def test_an_existing_run_is_not_trained_over(run, store, capsys):
    assert "--resume" in complaint(capsys, "train", store, *SMALL, "--out", run)


@pytest.mark.parametrize("out", ["", "."])
def test_a_run_without_a_name_is_refused(store, capsys, out):
    complaint(capsys, "train", store, *SMALL, "--out", out)


def test_a_full_disk_is_one_sentence(store, folder, capsys, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "weights")

    monkeypatch.setattr("psp.train.run.save_checkpoint", full)
    message = complaint(capsys, "train", store, *SMALL, "--out", str(folder / "full"), "--device", "cpu")
    assert "No space left" in message


@pytest.mark.parametrize("command", [["train"], ["demo"]])
def test_a_signal_ends_a_command_with_its_number(store, folder, capsys, monkeypatch, command):
    name = command[0]
    monkeypatch.setattr(f"psp.cli.{name}.progress_bar", lambda *_, **__: nullcontext(stop_in_training))
    out = str(folder / f"stopped-{name}")
    arguments = {
        "train": [store, *SMALL, "--out", out, "--device", "cpu"],
        "demo": [out, "--clips", "240", "--epochs", "1"],
    }[name]
    assert main([name, *arguments]) == 128 + signal.SIGTERM


def test_preparing_recordings_with_a_damaged_one(folder, capsys):
    raw, dest = folder / "raw", folder / "ntu"
    write_ntu_folder(raw, SyntheticConfig(clips=24))
    damaged = sorted(raw.glob("*.skeleton"))[3]
    damaged.write_text(damaged.read_text()[:5000])
    message = complaint(capsys, "prepare", str(raw), str(dest), "--workers", "1")
    assert damaged.name in message
    assert "--skip-damaged" in message
    assert not dest.exists()
    assert main(["prepare", str(raw), str(dest), "--workers", "1", "--skip-damaged"]) == 0
    assert damaged.name in capsys.readouterr().out
    assert len(open_store(dest)) == 23
    assert "already exists" in complaint(capsys, "prepare", str(raw), str(dest))


def test_results_say_how_they_were_made(run):
    result = json.loads((Path(run) / "result.json").read_text())
    assert {"config hash", "budget", "split", "seed", "seconds", "versions", "device", "precision"} <= set(result)
    assert result["budget"]["labels"] == 8
