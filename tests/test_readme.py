"""The commands and programs of README and documentation, executed or parsed as they stand there."""

import io
import re
import runpy
import shlex
from contextlib import chdir, redirect_stdout
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import yaml

from psp.cli.main import OPTIONAL_POSITIONALS, command_by_name, main
from psp.cli.options import parse_arguments, parser_of
from psp.cli.train_options import train_parser
from psp.methods import METHODS
from psp.skeleton.layout import Layout
from psp.synthetic import SYNTHETIC_CLASSES, SyntheticConfig, synthetic_clips

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(kind: str, page: Path) -> list[str]:
    return re.findall(rf"^```{kind}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def lines(kind: str) -> list[str]:
    return [line for page in PAGES for block in blocks(kind, page) for line in block.splitlines()]


def run_programs(page: str, folder: Path) -> list[str]:
    """Run a page's Python programs, with shorter trainings, one after the other in a folder; return what they print."""
    printed = []
    for program in blocks("python", ROOT / page):
        (folder / "program.py").write_text(program.replace("epochs=10", "epochs=1"))
        with chdir(folder), redirect_stdout(io.StringIO()) as output:
            runpy.run_path("program.py")
        printed.append(output.getvalue())
    return printed


def write_recordings(folder: Path, clips: int, *, labelled: bool) -> None:
    """Four built-in actions as two-dimensional arrays, with a table of their labels and subjects."""
    folder.mkdir()
    table = ["file,label,subject"]
    for clip in synthetic_clips(SyntheticConfig(layout="coco17", clips=20 * clips)):
        assert clip.label is not None
        if clip.label < 4:
            np.save(folder / f"{clip.id}.npy", clip.joints[..., :2] * [1, -1])  # y points down in images
            label = SYNTHETIC_CLASSES[clip.label] if labelled else ""
            table.append(f"{clip.id}.npy,{label},{clip.info.columns['subject']}")
    (folder / "clips.csv").write_text("\n".join([*table, ""]))


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


@pytest.mark.slow
def test_own_recordings_become_a_recogniser(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_recordings(tmp_path / "my-recordings", 12, labelled=True)
    write_recordings(tmp_path / "more-recordings", 1, labelled=False)
    for line in "".join(blocks("sh", ROOT / "README.md")).splitlines():
        program, *arguments = shlex.split(line)
        assert program == "psp"
        assert main(arguments) == 0, line
    recordings = list((tmp_path / "more-recordings").glob("*.npy"))
    assert len((tmp_path / "predictions.csv").read_text().splitlines()) == 1 + len(recordings)
    assert (tmp_path / "recogniser.onnx").stat().st_size > 0


@pytest.mark.parametrize("line", lines("shell") + lines("sh"))
def test_commands_are_understood(line: str, monkeypatch):
    monkeypatch.chdir(ROOT)
    program, name, *arguments = shlex.split(line, comments=True)
    assert program in ("psp", "pip", "tensorboard")
    if program != "psp":
        return
    if name != "train":
        parse_arguments(parser_of(command_by_name(name), name, OPTIONAL_POSITIONALS.get(name, ())), arguments)
        return
    chosen = dict(pairwise(arguments))
    method = chosen.get("--method")
    assert method in (None, *METHODS)
    rest = [each for each in arguments if each not in ("--method", method)]
    parse_arguments(train_parser(chosen.get("--preset"), method), rest)


@pytest.mark.parametrize("text", [block for page in PAGES for block in blocks("yaml", page)])
def test_layouts_are_layouts(text: str):
    layout = Layout.from_dict({"name": "example", **yaml.safe_load(text)})
    assert layout.derived


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/numpy.md", "docs/add-a-reader.md", "docs/layouts.md"])
def test_programs_run(page: str, tmp_path):
    assert run_programs(page, tmp_path)


@pytest.fixture(scope="module")
def workspace(tmp_path_factory) -> Path:
    """A folder with the store and the runs that pages about trained runs name."""
    folder = tmp_path_factory.mktemp("workspace")
    store = str(folder / "stores" / "built-in")
    train = ["train", store, "--labels", "1/class", "--epochs", "1", "--size"]
    (folder / "stores").mkdir()
    assert main(["prepare", "synthetic", store, "--clips", "120"]) == 0
    assert main([*train, "light", "--out", str(folder / "runs" / "first")]) == 0
    assert main([*train, "tiny", "--preset", "paper", "--out", str(folder / "runs" / "paper")]) == 0
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", ["docs/use.md", "docs/figures.md"])
def test_programs_with_trained_runs_run(page: str, workspace):
    assert run_programs(page, workspace)


@pytest.mark.slow
def test_programs_for_real_recordings_run(shared_data, tmp_path):
    (tmp_path / "stores").mkdir()
    assert main(["prepare", str(shared_data / "nw-ucla" / "all_sqe.zip"), str(tmp_path / "stores" / "nw-ucla")]) == 0
    assert run_programs("docs/splits-and-labels.md", tmp_path) == ["50 464 369\n"]
