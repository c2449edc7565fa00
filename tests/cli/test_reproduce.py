import csv
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from experiments import SMALL
from psp.cli import experiments
from psp.cli import reproduce as cli
from psp.cli.main import main
from psp.errors import TrainingError
from psp.reproduce.paper_tables import EXPERIMENTS
from psp.reproduce.results import read_configs, read_lines
from psp.reproduce.runner import Outcome
from psp.train import run as train_run
from psp.train.nan_guard import Failure
from stores import own_store, small_store


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, "small", SMALL)
    return str(small_store(tmp_path / "store").path)


def options(folder: Path, *more: str) -> list[str]:
    return ["--out", str(folder / "results"), "--runs", str(folder / "runs"), "--device", "cpu", *more]


def test_a_table_is_made_once_and_then_only_written(store, tmp_path, capsys):
    command = ["reproduce", "small", "--store", store, *options(tmp_path, "--quick")]
    assert main(command) == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "2 runs, 2 of them to do" in printed
    assert "clips per second" in printed
    assert "hours" in printed
    first = (tmp_path / "results/small-quick.md").read_text()
    assert "| PSP Learning |" in first
    assert len(read_lines(tmp_path / "results")) == 2
    assert main(command) == 0
    assert "2 runs, 0 of them to do" in " ".join(capsys.readouterr().out.split())
    assert (tmp_path / "results/small-quick.md").read_text() == first


def test_systems_that_need_another_store_are_named(store, tmp_path, capsys, monkeypatch):
    rows = (SMALL.rows[0], replace(SMALL.rows[1], authors=True))
    arguments = ["reproduce", "small", "--store", store, *options(tmp_path, "--minutes", "0")]
    monkeypatch.setitem(EXPERIMENTS, "small", replace(SMALL, rows=rows))
    assert main(arguments) == 130
    assert "left out: psp. Prepare the recordings a second time" in " ".join(capsys.readouterr().out.split())
    table = tmp_path / "results/small.csv"
    table.write_text("system,mean\nlabels,1\npsp,2\n")
    assert main(arguments) == 130
    assert "is kept: it also has psp." in " ".join(capsys.readouterr().out.split())
    assert "psp,2" in table.read_text()
    monkeypatch.setitem(EXPERIMENTS, "small", replace(SMALL, rows=rows[1:], references=()))
    assert main(arguments) == 2
    assert "--normalise authors" in capsys.readouterr().err


def test_a_dry_run_only_counts(store, tmp_path, capsys):
    assert main(["reproduce", "small", "--store", store, *options(tmp_path, "--dry-run")]) == 0
    assert "6 of them to do" in " ".join(capsys.readouterr().out.split())
    assert not list(tmp_path.glob("runs/*"))
    assert not list(tmp_path.glob("results/*"))


def test_costs_that_cannot_be_measured_do_not_end_the_command(store, tmp_path, capsys, monkeypatch):
    def refuse(*_):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("psp.reproduce.cost.measured_speed", refuse)
    assert main(["reproduce", "small", "--store", store, *options(tmp_path, "--dry-run")]) == 0
    assert "the costs cannot be measured: division by zero" in " ".join(capsys.readouterr().out.split())


def test_when_time_is_up_the_exit_code_tells_that_runs_are_missing(store, tmp_path, capsys):
    assert main(["reproduce", "small", "--store", store, *options(tmp_path, "--quick", "--minutes", "0")]) == 130
    assert "0 of 2 runs are done" in " ".join(capsys.readouterr().out.split())
    assert (tmp_path / "results/small-quick.csv").exists()


def test_the_table_is_written_and_the_failure_told_if_a_run_fails(store, tmp_path, capsys, monkeypatch):
    def refusal(*_):
        return TrainingError("the loss is not finite.", where="step 1", remedy="Lower the rate.")

    monkeypatch.setattr("psp.train.run.refusal", refusal)
    monkeypatch.setattr("psp.train.trainer.FiniteGuard.failure", lambda guard: Failure(1, "loss"))
    assert main(["reproduce", "small", "--store", store, *options(tmp_path, "--quick", "--minutes", "9")]) == 2
    told = capsys.readouterr()
    assert "step 1: the loss is not finite. Lower the rate." in " ".join(told.out.split())
    assert "2 of 2 runs failed." in told.err
    assert (tmp_path / "results/small-quick.md").exists()


def test_a_failure_does_not_end_a_loop_that_waits_for_the_rest(capsys):
    failed = {"b1": TrainingError("the loss is not finite.")}
    assert experiments._exit_code(Outcome(3, failed), 50) == 130
    assert "the loss is not finite" in capsys.readouterr().out
    assert experiments._exit_code(Outcome(50, {}), 50) == 0
    with pytest.raises(TrainingError, match="1 of 4 runs failed"):
        experiments._exit_code(Outcome(3, failed), 4)


def test_single_rows_can_be_run(store, tmp_path, capsys):
    arguments = ["reproduce", "small", "--store", store, *options(tmp_path, "--quick", "--rows")]
    assert main([*arguments, "psp"]) == 0
    lines = (tmp_path / "results/small-quick.csv").read_text().splitlines()[1:]
    assert {line.split(",")[0] for line in lines} == {"psp"}
    assert main([*arguments, "pps"]) == 2
    assert "labels, psp" in capsys.readouterr().err


def test_single_columns_can_be_run(store, tmp_path, capsys):
    arguments = ["reproduce", "small", "--store", store, *options(tmp_path, "--dry-run", "--columns")]
    assert main([*arguments, "four"]) == 0
    assert "6 runs, 2 of them to do" in " ".join(capsys.readouterr().out.split())
    assert main([*arguments, "for"]) == 2
    assert "two, four" in capsys.readouterr().err
    assert main([*arguments, "four", "--quick"]) == 2
    assert "Choose from two; others need another store, or are left out by --quick." in capsys.readouterr().err


def test_a_row_is_found_whose_run_another_row_shares(store, tmp_path, capsys, monkeypatch):
    twin = replace(SMALL.rows[1], name="twin")
    monkeypatch.setitem(EXPERIMENTS, "small", replace(SMALL, rows=(*SMALL.rows, twin)))
    arguments = ["reproduce", "small", "--store", store, *options(tmp_path, "--dry-run", "--rows")]
    for row in ("psp", "twin"):
        assert main([*arguments, row]) == 0
        assert "9 runs, 3 of them to do" in " ".join(capsys.readouterr().out.split())


def test_a_picture_waits_until_no_run_is_missing(tmp_path, monkeypatch, capsys):
    small = replace(EXPERIMENTS["figure7"], rows=SMALL.rows, columns=SMALL.columns, references=("labels",))
    monkeypatch.setitem(EXPERIMENTS, "figure7", small)
    command = ["reproduce", "figure7", "--store", str(small_store(tmp_path / "store").path), *options(tmp_path)]
    command += ["--seeds", "1"]
    assert main([*command, "--rows", "psp"]) == 0
    assert "drawn when no run is missing" in " ".join(capsys.readouterr().out.split())
    assert not list(tmp_path.glob("results/*.png"))
    assert main(command) == 0
    assert len(list(tmp_path.glob("results/*.png"))) == 1


def test_a_network_trained_again_leaves_the_result_as_it_is(store, tmp_path, monkeypatch):
    monkeypatch.setitem(EXPERIMENTS, "small", replace(SMALL, from_weights=True))
    command = ["reproduce", "small", "--store", store, *options(tmp_path, "--quick", "--rows", "psp")]
    assert main(command) == 0
    lines = read_lines(tmp_path / "results")
    shutil.rmtree(tmp_path / "runs")
    assert main(command) == 0
    assert read_lines(tmp_path / "results") == lines
    assert list(tmp_path.glob("runs/*/result.json"))


def test_precision_and_compiling_reach_the_runs(store, tmp_path, capsys, monkeypatch):
    compiled = []
    monkeypatch.setattr(experiments, "can_compile", lambda device: False)
    monkeypatch.setattr(train_run, "compile_encoders", lambda method: bool(compiled.append(method)))
    arguments = ["reproduce", "small", "--store", store, *options(tmp_path, "--quick", "--rows", "psp")]
    assert main([*arguments, "--precision", "tf32", "--compile"]) == 0
    assert "torch.compile does not work here" in " ".join(capsys.readouterr().out.split())
    assert len(compiled) == 1
    (entry,) = read_configs(tmp_path / "results").values()
    assert entry["config"]["runtime"]["precision"] == "tf32"
    assert (tmp_path / "results/small-quick-tf32.md").exists()


def test_the_figure_is_drawn_from_its_runs(tmp_path, monkeypatch):
    small = replace(EXPERIMENTS["figure7"], rows=SMALL.rows, columns=SMALL.columns, references=("labels",))
    monkeypatch.setitem(EXPERIMENTS, "figure7", small)
    store = str(small_store(tmp_path / "store").path)
    assert main(["reproduce", "figure7", "--store", store, *options(tmp_path, "--seeds", "1")]) == 0
    names = {path.name for path in (tmp_path / "results").iterdir() if path.name[0] != "."}
    tables = {f"figure7-1-seeds.{kind}" for kind in ("md", "csv", "png")}
    assert names == {"runs.csv", "configs.json", *tables}


def test_pictures_of_networks_need_no_accuracies_of_every_epoch(tmp_path, capsys):
    arguments = ["reproduce", "figure6", "--store", "nowhere", *options(tmp_path, "--every-epoch")]
    assert main(arguments) == 2
    assert "Leave --every-epoch out." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["tabel3"], "'table3'"),
        (["table3"], "--store is needed"),
        (["table3", "--store", "nowhere"], "psp prepare"),
        (["table3", "--store", "STORE"], "nw-ucla"),
        (["small", "--store", "STORE", "STORE"], "second store"),
        (["small", "--store", "STORE", "--seeds", "0"], "seeds"),
        (["small", "--store", "STORE", "--jobs", "0"], "jobs"),
        (["small", "--store", "STORE", "--preset", "best"], "a preset of its own"),
    ],
)
def test_mistakes_are_named(store, tmp_path, capsys, arguments, message):
    named = [store if each == "STORE" else each for each in arguments]
    assert main(["reproduce", *named, *options(tmp_path)]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.slow
def test_table_2_on_synthetic_ntu_recordings(tmp_path, monkeypatch, capsys):
    """From `.skeleton` files to the table: both splits, all four budgets."""
    table2 = EXPERIMENTS["table2"]
    rows = (replace(table2.rows[0], make=SMALL.rows[0].make),)
    monkeypatch.setitem(EXPERIMENTS, "table2", replace(table2, rows=rows))
    cli.synthetic_ntu(tmp_path / "runs" / "synthetic-ntu", clips=420)
    assert "say nothing about NTU RGB+D" in " ".join(capsys.readouterr().out.split())
    assert main(["reproduce", "table2", *options(tmp_path, "--quick")]) == 0
    with (tmp_path / "results/table2-quick.csv").open(newline="") as file:
        full = [cell for cell in csv.DictReader(file) if cell["weights"] == "average"]
    assert {(cell["system"], cell["column"]) for cell in full} == {
        (row.name, column.name) for row in rows for column in table2.columns
    }
    assert sorted((tmp_path / "runs/synthetic-ntu/recordings").iterdir())[0].name == "S001C001P001R001A001.skeleton"
    text = (tmp_path / "results/table2-quick.md").read_text()
    assert "(quick version), synthetic NTU recordings" in text.splitlines()[0]
    assert "| 5 % CS (here 1/class) |" in text
    assert "as the paper reports" not in text


def test_methods_are_compared_on_own_recordings(tmp_path, capsys):
    store = str(own_store(tmp_path / "store", "coco17").path)
    command = ["compare", store, *options(tmp_path, "--quick", "--labels", "2/class", "--minutes", "9")]
    assert main([*command, "--methods", "supervised", "moco"]) == 0
    assert "2 runs, 2 of them to do" in " ".join(capsys.readouterr().out.split())
    (path,) = (tmp_path / "results").glob("mine-2-class-*-quick.md")
    text = path.read_text()
    assert text.startswith("# mine: methods on the same labels, split subject (quick version)")
    assert "| MoCo, common |" in text
    assert "## Difference from: supervised only, common" in text
    assert path.with_name(f"{path.stem}-cost.png").exists()
    assert main([*command, "--methods", "supervised", "--protocol", "best"]) == 0
    assert "3 runs, 1 of them to do" in " ".join(capsys.readouterr().out.split())
    assert main([*command, "--methods", "superviced"]) == 2
    assert "Did you mean 'supervised'?" in capsys.readouterr().err
