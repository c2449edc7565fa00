import importlib
import json

import pytest

from benchmarks import machine
from benchmarks.__main__ import MEASUREMENTS, main
from stores import small_store

bench_input = importlib.import_module("benchmarks.input")


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(machine, "PRODUCT_SIZE", {"cpu": 128})
    monkeypatch.setattr(machine, "COPY_BYTES", {"cpu": 2**20})
    monkeypatch.setattr(bench_input, "CLIPS", 120)


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_every_measurement_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as end:
        main([name, "--help"])
    assert end.value.code == 0
    assert "--out" in capsys.readouterr().out


def test_all_measurements_are_listed(capsys):
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in MEASUREMENTS)


def test_an_unknown_measurement_is_refused(capsys):
    assert main(["stepp"]) == 2
    assert "time-to-accuracy" in capsys.readouterr().err


def test_a_step_is_printed_and_written_once(tmp_path, capsys):
    out = tmp_path / "step.json"
    arguments = [
        "step",
        "--sizes",
        "tiny",
        "--shape",
        "nw-ucla",
        "--clips",
        "11",
        "--seconds",
        "0.001",
        "--device",
        "cpu",
    ]
    assert main([*arguments, "--out", str(out)]) == 0
    assert "times the floor of layers" in capsys.readouterr().out
    found = json.loads(out.read_text())["tiny"]
    assert found["settings"]["clips"] == 11
    assert main([*arguments, "--out", str(out)]) == 2
    assert "already exists" in capsys.readouterr().err
    assert main([*arguments, "--out", str(tmp_path / "nowhere" / "step.json")]) == 2
    assert "nowhere" in capsys.readouterr().err


def test_input_is_printed(capsys):
    arguments = ["--sizes", "tiny", "--presets", "best", "--shape", "nw-ucla", "--seconds", "0.001", "--device", "cpu"]
    assert main(["input", *arguments]) == 0
    assert "input over step" in capsys.readouterr().out


def test_time_to_accuracy_leaves_figures_and_a_picture(tmp_path, capsys):
    store = small_store(tmp_path / "store").path
    arguments = ["--split", "synthetic-xsub", "--watch", "synthetic-xview", "--labels", "2/class", "--epochs", "1"]
    places = ["--out", str(tmp_path / "time.json"), "--picture", str(tmp_path / "time.png"), "--device", "cpu"]
    assert main(["time-to-accuracy", str(store), *arguments, *places]) == 0
    assert "for good" in capsys.readouterr().out
    assert json.loads((tmp_path / "time.json").read_text())["epochs chosen"] == 1
    assert (tmp_path / "time.png").stat().st_size > 5000


def test_a_split_without_a_held_out_one_is_refused(tmp_path, capsys):
    store = small_store(tmp_path / "store").path
    assert main(["time-to-accuracy", str(store), "--split", "synthetic-xsub", "--device", "cpu"]) == 2
    assert "--watch" in capsys.readouterr().err
