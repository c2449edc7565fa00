"""Methods on the command line: every option is documented, and a method of another package is trained."""

import json
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from psp.cli.train_options import train_parser
from psp.methods import METHODS
from psp.model.model_file import load_model

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "methods.md").read_text()

every_method = pytest.mark.parametrize("method", METHODS)


@every_method
def test_help_documents_every_option(method):
    inside = "" if METHODS[method].trains_predictor else "pretrain."
    text = " ".join(train_parser(method=method).format_help().split())
    for option in fields(METHODS[method].Config):
        assert f"--{inside}method.{option.name}" in text
    documented = METHODS[method].Config.__doc__
    assert all(f"        {option.name}: " in documented for option in fields(METHODS[method].Config))


@every_method
def test_the_page_of_the_methods_has_a_line_and_a_section_for_it(method):
    assert f"\n| `{method}` |" in PAGE
    headings = [line for line in PAGE.splitlines() if line.startswith("## ")]
    assert any(f"`{method}`" in heading for heading in headings)


def test_a_method_of_another_package_is_installed_trained_and_compared(tmp_path):
    """The example package adds a method through its entry point, without a change of psp."""
    example = Path(__file__).resolve().parents[2] / "examples" / "method-package"
    target = tmp_path / "site"
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*pip, "--target", str(target), str(example)], check=True)
    program = f"""
import sys; sys.path.insert(0, {str(target)!r})
from psp.cli.main import main
assert main(["prepare", "synthetic", "store", "--clips", "240"]) == 0
arguments = ["train", "store", "--method", "entropy-minimisation", "--method.weight", "0.2", "--preset", "paper"]
assert main([*arguments, "--size", "light", "--epochs", "1", "--labels", "1/class", "--out", "run"]) == 0
sys.exit(main(["compare", "store", "--methods", "entropy-minimisation", "--quick", "--minutes", "9"]))
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "entropy-minimisation" in (tmp_path / "run" / "config.json").read_text()
    versions = json.loads((tmp_path / "run" / "result.json").read_text())["versions"]
    assert versions["psp-entropy-minimisation"] == "0.1.0"
    assert load_model(tmp_path / "run" / "model.safetensors").interface.classes
    (table,) = (tmp_path / "comparison").glob("synthetic-5-class-*-quick.md")
    assert "| entropy-minimisation, common |" in table.read_text()
