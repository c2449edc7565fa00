import shutil
from pathlib import Path

import pytest

from psp.cli.main import main
from psp.dataset.store import open_store
from psp.train.api import make_task, start_run, train_run
from runs import SMALL_RUN, small_run, with_stage
from stores import small_store


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    task = make_task(small_store(folder / "store"), "2/class", "synthetic-xsub")
    configs = {"first": SMALL_RUN, "second": small_run("supervised")}
    return [str(train_run(task, with_stage(config, epochs=1), folder / name)) for name, config in configs.items()]


def test_runs_are_compared_on_a_page(runs, tmp_path, capsys):
    out = tmp_path / "report.html"
    assert main(["report", *runs, "--out", str(out), "--device", "cpu"]) == 0
    assert "written" in capsys.readouterr().out
    assert "supervised" in out.read_text()


def test_a_run_that_is_not_finished_is_named(runs, tmp_path, capsys):
    task = make_task(open_store(Path(runs[0]).parent / "store"), "2/class", "synthetic-xsub")
    begun = start_run(task, SMALL_RUN, tmp_path / "begun", device="cpu").folder.path
    assert main(["report", runs[0], str(begun), "--out", str(tmp_path / "report.html"), "--device", "cpu"]) == 0
    said = "".join(capsys.readouterr().out.split())
    assert "begunisnotfinished" in said
    assert f"psptrain--resume{begun}" in said
    assert "firstisnotfinished" not in said


@pytest.mark.parametrize("name", ["report.html", "report.md", "picture.svg"])
def test_a_file_that_is_no_report_is_kept(runs, tmp_path, capsys, name):
    (tmp_path / name).write_text("mine")
    assert main(["report", runs[0], "--out", str(tmp_path / name)]) == 2
    assert "not written by 'psp report'" in capsys.readouterr().err
    assert (tmp_path / name).read_text() == "mine"


@pytest.mark.parametrize("name", ["report.html", "report.md"])
def test_an_earlier_report_is_replaced(runs, tmp_path, name):
    for run in runs:
        assert main(["report", run, "--out", str(tmp_path / name), "--device", "cpu"]) == 0
    assert ("second" if name == "report.html" else "every setting") in (tmp_path / name).read_text()


@pytest.mark.parametrize("content", ["{", "{}", "[]"])
@pytest.mark.parametrize("name", ["result.json", "evaluation.json"])
def test_a_damaged_file_is_named(runs, tmp_path, capsys, name, content):
    run = tmp_path / "run"
    shutil.copytree(runs[0], run)
    (run / name).write_text(content)
    assert main(["report", str(run), "--out", str(tmp_path / "report.html")]) == 2
    assert name in capsys.readouterr().err


def test_mistakes_are_named(runs, tmp_path, capsys):
    for arguments, message in (
        ([str(tmp_path)], "not a training run"),
        ([runs[0], runs[0]], "twice"),
        ([runs[0], "--out", str(tmp_path / "report.docx")], ".html or .md or .svg"),
        ([str(Path(runs[0]).parent / "store"), "--out", str(tmp_path / "report.md")], "ends with .html."),
    ):
        assert main(["report", *arguments]) == 2
        assert message in capsys.readouterr().err
