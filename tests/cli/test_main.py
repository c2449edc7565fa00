import json
import os
import signal
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from psp.cli.main import VERBS, main
from psp.dataset.store import open_store
from psp.synthetic import SyntheticConfig
from psp.io.write_ntu import write_ntu_folder
from psp.train.log import read_lines
from stores import small_store

SMALL = [
    "--set", "data.sample.frames=8", "model.encoder.blocks=[[4, 4, 2, 2], [4, 8, 2, 1]]", "model.encoder.heads=2",
    "labelled_batch=4", "unlabelled_batch=8",
]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("cli")


@pytest.fixture(scope="module")
def store(folder) -> str:
    return str(small_store(folder / "store").path)


@pytest.fixture(scope="module")
def run(folder, store) -> str:
    out = str(folder / "run")
    arguments = ["--protocol", "synthetic-xsub", "--budget", "2/class", "--size", "tiny", "--epochs", "2", "--out", out]
    assert main(["train", store, *arguments, "--device", "cpu", *SMALL]) == 0
    return out


def complaint(capsys, *arguments: str) -> str:
    """The one sentence that a refused command prints."""
    assert main(list(arguments)) == 2
    message = capsys.readouterr().err
    assert message.startswith("psp: ")
    assert "Traceback" not in message
    return message


def stop_in_training(done: int, of: int, note: str = "") -> None:
    """Stands for a progress bar that training moves: somebody ends the program at the first step."""
    if note:
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_explains_itself(verb, capsys):
    with pytest.raises(SystemExit) as end:
        main([verb, "--help"])
    assert end.value.code == 0
    assert "usage" in capsys.readouterr().out


def test_the_module_is_the_command():
    result = subprocess.run([sys.executable, "-m", "psp", "--help"], capture_output=True, text=True, check=True)
    assert all(verb in result.stdout for verb in VERBS)


def test_training_ends_with_weights_result_and_evaluation(run):
    names = {each.name for each in Path(run).iterdir()}
    assert {"config.json", "budget.json", "metrics.jsonl", "average.safetensors", "last.safetensors"} <= names
    assert {"result.json", "evaluation.json"} <= names


def test_evaluating_prints_a_table(run, capsys):
    assert main(["evaluate", run, "--device", "cpu"]) == 0
    printed = capsys.readouterr().out
    assert "average, full" in printed
    assert "top-5" in printed
    assert "class 3" in printed


def test_resuming_a_finished_run_is_harmless(run, capsys):
    before = read_lines(Path(run) / "metrics.jsonl")
    assert main(["train", "--resume", run, "--device", "cpu"]) == 0
    assert read_lines(Path(run) / "metrics.jsonl") == before


def test_predicting_writes_a_table_once(run, store, folder, capsys):
    out = str(folder / "predictions.csv")
    assert main(["predict", run, store, out, "--device", "cpu"]) == 0
    header, *rows = Path(out).read_text().splitlines()
    assert header == "id,class,class 0,class 1,class 2,class 3"
    assert len(rows) == 48
    assert "already exists" in complaint(capsys, "predict", run, store, out)


def test_checking_a_store(store, capsys):
    assert main(["check", store]) == 0
    assert "48" in capsys.readouterr().out


def test_a_changed_store_does_not_pass(folder, capsys):
    path = small_store(folder / "changed").path / "joints.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert "sha256" in complaint(capsys, "check", str(path.parent))


def test_layouts_are_listed_and_drawn(folder, capsys):
    assert main(["layouts", "--out", str(folder / "layouts.svg")]) == 0
    assert "ntu25" in capsys.readouterr().out
    assert "<svg" in (folder / "layouts.svg").read_text()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (["--protocol", "nw-ucal"], "nw-ucla"),
        (["--protocol", "nw-ucla"], "synthetic-xsub"),
        (["--budget", "5"], "5/class"),
        (["--budget", "500/class"], "Ask for at most"),
        (["--set", "optim.learning_rat=1"], "learning_rate"),
        (["--config", "nowhere.yaml"], "nowhere.yaml"),
        (["--budget-file", "nowhere.json"], "nowhere.json"),
        (["--budget-file", "nowhere.json", "--budget", "1/class"], "--budget cannot be used with --budget-file"),
        (["--budget-file", "nowhere.json", "--budget-seed", "3"], "--budget-seed cannot be used with --budget-file"),
        (["--set", "budget=all"], "Use --budget."),
    ],
)
def test_mistakes_in_training_are_named(store, folder, capsys, change, message):
    arguments = ["train", store, "--protocol", "synthetic-xsub", "--out", str(folder / "never")]
    assert message in complaint(capsys, *arguments, *change)
    assert not (folder / "never").exists()


def test_single_settings_may_be_given_one_by_one(folder, store, capsys):
    arguments = ["train", store, "--protocol", "synthetic-xsub", "--out", str(folder / "never")]
    assert "no_such" in complaint(capsys, *arguments, "--set", "no_such=1", "--set", "epochs=1")


def test_a_run_goes_on_with_its_own_settings_only(run, capsys):
    assert "--epochs cannot be used with --resume" in complaint(capsys, "train", "--resume", run, "--epochs", "9")
    assert "--set cannot" in complaint(capsys, "train", "--resume", run, "--set", "epochs=9")


def test_missing_arguments_and_stores_are_named(folder, run, store, capsys):
    assert "--protocol" in complaint(capsys, "train", store)
    assert "psp prepare" in complaint(capsys, "train", str(folder), "--protocol", "x", "--out", "y")
    assert "psp train" in complaint(capsys, "evaluate", str(folder))
    again = ["train", store, "--protocol", "synthetic-xsub", "--out", run]
    assert "--resume" in complaint(capsys, *again)


def test_an_unreadable_checkpoint_is_named(folder, capsys):
    (folder / "weights.pt").write_bytes(b"no weights")
    assert "weights.pt" in complaint(
        capsys, "import-weights", str(folder / "weights.pt"), str(folder / "w.safetensors")
    )


def test_wrong_options_end_with_exit_code_2(capsys):
    with pytest.raises(SystemExit) as end:
        main(["train", "--seed", "many"])
    assert end.value.code == 2
    with pytest.raises(SystemExit) as end:
        main(["trian"])
    assert end.value.code == 2


def test_a_full_disk_is_one_sentence(store, folder, capsys, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device", "weights")

    monkeypatch.setattr("psp.train.loop.save_checkpoint", full)
    arguments = [
        "train",
        store,
        "--protocol",
        "synthetic-xsub",
        "--budget",
        "2/class",
        "--size",
        "tiny",
        "--epochs",
        "1",
    ]
    message = complaint(capsys, *arguments, "--out", str(folder / "full"), "--device", "cpu", *SMALL)
    assert "No space left" in message


def test_a_configuration_file_holds_what_differs(store, folder):
    (folder / "experiment.yaml").write_text("optim:\n  learning_rate: 0.123\n")
    out = folder / "configured"
    arguments = ["--protocol", "synthetic-xsub", "--budget", "2/class", "--size", "tiny", "--epochs", "1"]
    configured = ["--config", str(folder / "experiment.yaml"), "--out", str(out), "--device", "cpu", *SMALL]
    assert main(["train", store, *arguments, *configured]) == 0
    assert json.loads((out / "config.json").read_text())["config"]["optim"]["learning_rate"] == 0.123


def test_preparing_recordings_with_a_damaged_one(folder, capsys):
    raw, dest = folder / "raw", folder / "ntu"
    write_ntu_folder(raw, SyntheticConfig(clips=24))
    damaged = sorted(raw.glob("*.skeleton"))[3]
    damaged.write_text(damaged.read_text()[:5000])
    message = complaint(capsys, "prepare", "ntu60", str(raw), str(dest), "--workers", "1")
    assert damaged.name in message
    assert "--skip-damaged" in message
    assert not dest.exists()
    assert main(["prepare", "ntu60", str(raw), str(dest), "--workers", "1", "--skip-damaged"]) == 0
    assert damaged.name in capsys.readouterr().out
    assert len(open_store(dest)) == 23
    assert "already exists" in complaint(capsys, "prepare", "ntu60", str(raw), str(dest))


def test_steps_of_preparation_are_switched(folder, capsys):
    arguments = ["prepare", "synthetic", "kinect20", str(folder / "raw-store"), "--clips", "8", "--workers", "1"]
    assert "clean.fill_gap" in complaint(capsys, *arguments, "--set", "clean.fill_gap=false")
    assert main([*arguments, "--set", "clean.fill_gaps=false", "normalise.centre=every-frame"]) == 0
    settings = open_store(folder / "raw-store").manifest["preprocessing"]
    assert settings["clean"]["fill_gaps"] is False
    assert settings["normalise"]["centre"] == "every-frame"


def test_preparing_nothing_is_refused(folder, capsys):
    assert "nowhere" in complaint(capsys, "prepare", "nw-ucla", str(folder / "nowhere"), str(folder / "empty"))
    assert "kinect20" in complaint(capsys, "prepare", "synthetic", "kinect2", str(folder / "empty"))


def test_a_run_becomes_one_file(run, folder, store, capsys):
    assert main(["export", run, "--onnx"]) == 0
    assert "no probability differs" in "".join(capsys.readouterr().out.split("\n")).replace("  ", " ")
    assert (Path(run) / "recogniser.onnx").stat().st_size > 1000
    assert "already exists" in complaint(capsys, "export", run, "--onnx")
    assert "no format is named" in complaint(capsys, "export", run)
    tables = [folder / f"predicted-{runtime}.csv" for runtime in ("torch", "onnx")]
    for table in tables:
        assert main(["predict", run, store, str(table), "--runtime", table.stem.split("-")[1]]) == 0
    plain, other = ([line.split(",")[2:] for line in table.read_text().splitlines()[1:]] for table in tables)
    for ours, theirs in zip(plain, other, strict=True):
        assert [float(each) for each in ours] == pytest.approx([float(each) for each in theirs], abs=2e-4)
