"""Fixtures for all tests; shapes in annotations are checked while tests of single parts run (`is_checked`)."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jaxtyping
import pytest
from hypothesis import settings
from jaxtyping import install_import_hook

from browser import open_browser, open_page

ROOT = Path(__file__).resolve().parent.parent


def modules_with_arrays() -> list[str]:
    """The modules of psp whose annotations have shapes, but for the readers, whose Recordings are checked.

    Checks cost time, most of all of the small functions that read text; mypy checks the other modules.
    """
    files = [path for path in (ROOT / "src" / "psp").rglob("*.py") if "jaxtyping" in path.read_text()]
    names = (".".join(path.relative_to(ROOT / "src").with_suffix("").parts) for path in files)
    return [name for name in names if not name.startswith("psp.io.")]


install_import_hook(modules_with_arrays(), "typechecker.check")

settings.register_profile("explore", deadline=None)
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")
"""The same examples in every run; `pytest --hypothesis-profile explore` draws new ones."""


PARTS = (
    "batches", "dataset", "deploy", "evaluate", "figures", "io", "loss", "methods", "model", "preprocess", "skeleton",
)  # fmt: skip
"""The folders of tests of single parts; the other tests run whole programs, which are made of the same parts."""


def is_checked(item: pytest.Item) -> bool:
    """Whether shapes are checked while a test runs, which takes a quarter of its time."""
    folder = item.path.relative_to(ROOT / "tests").parts[0]
    return folder in PARTS and not any(item.get_closest_marker(name) for name in ("slow", "unchecked"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Run a test and its fixtures, with or without the checks of shapes."""
    jaxtyping.config.update("jaxtyping_disable", not is_checked(item))
    return (yield)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the slow tests, so that no process waits for another that began one at the end."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def _folder(variable: str, default: str) -> Path:
    folder = Path(os.environ.get(variable, ROOT / default))
    if not folder.is_dir():
        pytest.skip(f"real recordings not present: {folder} does not exist (set {variable})")
    return folder


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real recordings; tests that need it are skipped without it."""
    return _folder("PSP_SHARED_DATA", "../shared/data")


@pytest.fixture(scope="session")
def reference() -> Path:
    """The folder of numbers recorded from the published programs; tests that need it are skipped without it."""
    return _folder("PSP_REFERENCE", "../shared/reference")


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """A headless browser; tests that need it are skipped where it is absent."""
    with open_browser() as found:
        yield found


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """An empty page of the browser, 800 pixels wide; faults of its scripts fail the test."""
    with open_page(browser, viewport={"width": 800, "height": 700}) as found:
        yield found
