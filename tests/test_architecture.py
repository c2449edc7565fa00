"""What no linter checks: sizes of files and functions, and that the import contract catches a forbidden import."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONGEST_FILE, LONGEST_FUNCTION = 300, 50


def test_files_and_functions_are_short() -> None:
    long = []
    for module in sorted((ROOT / "src" / "psp").rglob("*.py")):
        text = module.read_text(encoding="utf-8")
        long += [module.name] if len(text.splitlines()) > LONGEST_FILE else []
        functions = (node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef))
        long += [f"{module.name}: {node.name}" for node in functions if length(node) > LONGEST_FUNCTION]
    assert not long


def length(function: ast.FunctionDef) -> int:
    """Lines of a function without decorators and docstring."""
    first = function.body[0]
    docstring = first.end_lineno - first.lineno + 1 if ast.get_docstring(function) else 0
    return function.end_lineno - function.lineno + 1 - docstring


def test_an_upward_import_breaks_the_contract(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("*.egg-info", "__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    call = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": "src"}, "capture_output": True, "text": True}
    assert "1 kept, 0 broken" in subprocess.run(command, **call, check=False).stdout
    with (tmp_path / "src" / "psp" / "skeleton" / "layout.py").open("a") as file:
        file.write("import psp.dataset.store\n")
    assert "psp.skeleton.layout -> psp.dataset.store" in subprocess.run(command, **call, check=False).stdout
