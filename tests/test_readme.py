"""The README's commands and programs, executed as they stand there."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from psp.cli.main import main, make_parser
from psp.preprocess.prepare import prepare
from psp.train.config import TrainConfig
from psp.config.override import changes_from_file, override

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
PAGES = README + "".join(page.read_text() for page in sorted((ROOT / "docs").glob("*.md")))


def blocks(kind: str, text: str = README) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_step_by_step_commands_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for line in "".join(blocks("sh")).splitlines():
        program, *arguments = shlex.split(line)
        assert program == "psp"
        assert main(arguments) == 0, line
    assert (tmp_path / "predictions.csv").exists()
    assert (tmp_path / "layouts.png").exists()


@pytest.mark.parametrize("line", "".join(blocks("shell", PAGES)).splitlines())
def test_the_commands_for_real_recordings_are_understood(line: str):
    verb, *arguments = shlex.split(line)
    assert verb == "psp"
    make_parser().parse_args(arguments)


@pytest.mark.parametrize("page", ["README.md", "docs/extending.md"])
def test_the_python_programs_run(page: str, tmp_path):
    run_programs(page, tmp_path)


def test_the_python_programs_for_real_recordings_run(shared_data, tmp_path):
    prepare("nw-ucla", shared_data / "nw-ucla" / "all_sqe.zip", tmp_path / "stores" / "nw-ucla")
    assert run_programs("docs/protocols.md", tmp_path) == ["50 464 369\n"]


def run_programs(page: str, folder: Path) -> list[str]:
    """Run a page's programs one after the other in a folder; returns what each printed."""
    printed = []
    for program in blocks("python", (ROOT / page).read_text()):
        (folder / "program.py").write_text(program)
        command = [sys.executable, "program.py"]
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        printed.append(result.stdout)
    return printed


@pytest.mark.parametrize("path", sorted((ROOT / "configs").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_configuration_is_understood(path: Path):
    plain = TrainConfig("nw-ucla", "5/class")
    assert override(plain, changes_from_file(path)) != plain
