"""The house rules, measured: sizes, annotations, docstrings, names, imports and mirrored tests."""

import ast
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "psp"
MODULES = sorted(SOURCE.rglob("*.py"))
ORDER = "skeleton data model loss methods train evaluate deploy figures bench reproduce cli"
PACKAGES = tuple(ORDER.split())
FOR_ALL = ("errors", "versions")
"""Modules that every package may import."""

LONGEST_FILE = 300
LONGEST_FUNCTION = 50
P95_FUNCTION = 30
NAMES_THAT_SAY_NOTHING = {"utils", "util", "tools", "misc", "helpers", "helper", "common"}

Function = ast.FunctionDef | ast.AsyncFunctionDef
VALUES = ast.Assign | ast.AnnAssign | ast.AugAssign
DEFINITIONS = ast.Import | ast.ImportFrom | VALUES | Function | ast.ClassDef

COVERED_BY = {
    "cli/check.py": "cli/test_main.py",
    "cli/console.py": "cli/test_main.py",
    "cli/demo.py": "cli/test_main.py",
    "cli/evaluate.py": "cli/test_main.py",
    "cli/export.py": "cli/test_main.py",
    "cli/findings.py": "cli/test_bench.py",
    "cli/import_weights.py": "cli/test_main.py",
    "cli/layouts.py": "cli/test_main.py",
    "cli/predict.py": "cli/test_main.py",
    "cli/prepare.py": "cli/test_main.py",
    "cli/train.py": "cli/test_main.py",
    "data/synthetic/encounters.py": "data/synthetic/test_performance.py",
    "data/synthetic/pose.py": "data/synthetic/test_program.py",
    "data/synthetic/randomness.py": "data/synthetic/test_performance.py",
    "deploy/agreement.py": "deploy/test_export.py",
    "deploy/clips.py": "deploy/test_export.py",
    "deploy/recogniser.py": "deploy/test_export.py",
    "evaluate/predict.py": "evaluate/test_evaluate.py",
    "methods/stream_logits.py": "methods/test_streams.py",
    "reproduce/draw_figure7.py": "cli/test_reproduce.py",
    "reproduce/experiments.py": "reproduce/test_experiment.py",
    "reproduce/figure5.py": "reproduce/test_draw_features.py",
    "reproduce/place.py": "reproduce/test_run_all.py",
    "reproduce/run_folders.py": "reproduce/test_draw_features.py",
    "reproduce/stand_in.py": "cli/test_reproduce.py",
    "reproduce/table4.py": "reproduce/test_systems.py",
    "reproduce/write_table.py": "reproduce/test_table.py",
    "train/ledger.py": "train/test_loop.py",
    "train/result.py": "train/test_loop.py",
}
"""Small modules that the test of another module exercises."""

every_module = pytest.mark.parametrize(
    "module", MODULES, ids=[module.relative_to(SOURCE).as_posix() for module in MODULES]
)


@cache
def tree(module: Path) -> ast.Module:
    return ast.parse(module.read_text(encoding="utf-8"), filename=str(module))


def functions(module: Path) -> list[Function]:
    return [node for node in ast.walk(tree(module)) if isinstance(node, Function)]


def length(function: Function) -> int:
    """Lines of a function without its decorators and its docstring."""
    docstring = function.body[0] if ast.get_docstring(function, clean=False) is not None else None
    described = docstring.end_lineno - docstring.lineno + 1 if docstring else 0
    return function.end_lineno - function.lineno + 1 - described


def public_definitions(node: ast.Module | ast.ClassDef, prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    for child in node.body:
        if isinstance(child, Function | ast.ClassDef) and not child.name.startswith("_"):
            yield prefix + child.name, child
            if isinstance(child, ast.ClassDef):
                yield from public_definitions(child, f"{prefix}{child.name}.")


def package(name: str) -> str:
    """The package of `psp.dataset.store` is `data`; modules beside the packages stand for themselves."""
    return name.split(".")[1] if "." in name else ""


def imported(module: Path) -> set[str]:
    names = {alias.name for node in ast.walk(tree(module)) if isinstance(node, ast.Import) for alias in node.names}
    origins = [node for node in ast.walk(tree(module)) if isinstance(node, ast.ImportFrom)]
    return names | {node.module or "." for node in origins} | {"." for node in origins if node.level}


@every_module
def test_a_file_is_short(module: Path):
    assert len(module.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@every_module
def test_no_function_is_long(module: Path):
    long = {function.name: length(function) for function in functions(module) if length(function) > LONGEST_FUNCTION}
    assert not long


def test_functions_are_small():
    lengths = [length(function) for module in MODULES for function in functions(module)]
    assert np.percentile(lengths, 95) <= P95_FUNCTION


@every_module
def test_every_function_is_annotated(module: Path):
    bare = []
    for function in functions(module):
        arguments = function.args
        named = [
            *arguments.posonlyargs,
            *arguments.args,
            *arguments.kwonlyargs,
            arguments.vararg,
            arguments.kwarg,
        ]
        missing = [each.arg for each in named if each and not each.annotation and each.arg not in ("self", "cls")]
        bare += [f"{function.name}({name})" for name in missing]
        bare += [f"{function.name} ->"] if function.returns is None else []
    assert not bare


@every_module
def test_arrays_are_annotated_with_their_shape(module: Path):
    """A bare Tensor says nothing; `Float[Tensor, "n c"]` does."""
    bare = []
    for name, definition in public_definitions(tree(module)):
        if isinstance(definition, Function):
            arguments = [each.annotation for each in definition.args.args + definition.args.kwonlyargs]
            for annotation in [*arguments, definition.returns]:
                if annotation is not None and ast.unparse(annotation) in ("Tensor", "torch.Tensor"):
                    bare.append(name)
    assert not bare


@every_module
def test_modules_and_public_names_have_docstrings(module: Path):
    assert ast.get_docstring(tree(module)), "the module"
    silent = [name for name, definition in public_definitions(tree(module)) if not ast.get_docstring(definition)]
    assert not silent


@every_module
def test_names_of_files_and_folders_say_something(module: Path):
    words = {word for part in module.relative_to(SOURCE).with_suffix("").parts for word in part.split("_")}
    assert not words & NAMES_THAT_SAY_NOTHING


@every_module
def test_imports_point_the_way_of_the_data(module: Path):
    here = module.relative_to(SOURCE).parts[0]
    if here not in PACKAGES:
        known = ("__init__.py", "__main__.py", *(f"{name}.py" for name in FOR_ALL))
        assert here in known, "a new package needs its place in PACKAGES"
        return
    for name in sorted(each for each in imported(module) if each == "." or each.split(".")[0] == "psp"):
        assert name != ".", "imports are absolute"
        other = package(name)
        allowed = other in FOR_ALL or PACKAGES.index(other) <= PACKAGES.index(here)
        assert allowed, f"{here} must not import {name}"


@every_module
def test_library_code_does_not_print(module: Path):
    calls = [node.func for node in ast.walk(tree(module)) if isinstance(node, ast.Call)]
    assert "print" not in {call.id for call in calls if isinstance(call, ast.Name)}


@every_module
def test_no_error_is_swallowed(module: Path):
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.ExceptHandler):
            caught = ast.unparse(node.type) if node.type else ""
            assert caught not in ("", "BaseException"), f"line {node.lineno} catches everything"
            raises = any(isinstance(each, ast.Raise) for each in ast.walk(node))
            assert caught != "Exception" or raises, f"line {node.lineno} catches every Exception and goes on"
            assert not (len(node.body) == 1 and isinstance(node.body[0], ast.Pass)), f"line {node.lineno} only passes"


@every_module
def test_importing_does_no_work(module: Path):
    """At the top there are definitions, values and imports; no bare call, loop, `with` or `try`."""
    for node in tree(module).body:
        docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        main = isinstance(node, ast.If) and ast.unparse(node.test) in (
            "__name__ == '__main__'",
            "TYPE_CHECKING",
        )
        definition = isinstance(node, DEFINITIONS)
        assert docstring or main or definition, f"line {node.lineno}"


@every_module
def test_shapes_are_checked_because_annotations_are_not_strings(module: Path):
    assert "__future__" not in imported(module)


def holds_only_values(module: Path) -> bool:
    return not functions(module)


@every_module
def test_every_module_has_its_test(module: Path):
    """src/psp/data/store.py has tests/data/test_store.py, unless COVERED_BY names another test for it."""
    inside = module.relative_to(SOURCE)
    if module.name in ("__init__.py", "__main__.py", "errors.py") or holds_only_values(module):
        return
    mirror = (inside.parent / f"test_{inside.stem}.py").as_posix()
    assert any((ROOT / "tests" / test).is_file() for test in (mirror, COVERED_BY.get(inside.as_posix(), mirror)))


@pytest.mark.parametrize("module", COVERED_BY)
def test_only_modules_that_exist_are_excused(module: str):
    assert (SOURCE / module).is_file(), "remove it from COVERED_BY"


def text_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:
        pytest.skip("not a git checkout")
    kinds = {".py", ".md", ".toml", ".yaml", ".yml", ".txt", ".cff", ".json", ".csv", ".svg", ""}
    files = [ROOT / name for name in listed.stdout.splitlines()]
    return [file for file in files if file.suffix in kinds and file.is_file() and file != Path(__file__)]


@pytest.mark.parametrize("words", ["/work/", "/root/", "T" + "ODO", "FIX" + "ME", "X" + "XX"])
def test_no_file_holds_a_note_to_its_author(words: str):
    """Paths of one machine and unfinished business do not belong into the project."""
    found = [file.relative_to(ROOT) for file in text_files() if words in file.read_text(encoding="utf-8")]
    assert not found
