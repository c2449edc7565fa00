"""A headless browser for tests of pages: Debian's chromium driven by playwright, one for all tests of a process.

The fixtures `browser` and `page` of conftest.py use it; tests are skipped where chromium or playwright is absent.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOCAL = ("file:", "data:", "blob:", "http://127.0.0.1:")
"""The beginnings of the addresses that a page may load."""


@contextmanager
def open_browser() -> Iterator[Any]:
    """Yield a browser; the test is skipped without chromium (apt-get install chromium) or playwright."""
    program = shutil.which("chromium")
    if program is None:
        pytest.skip("there is no chromium: apt-get install chromium")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def open_page(browser: Any, **options: Any) -> Iterator[Any]:
    """Yield an empty page; errors of its scripts, of its security policy and requests elsewhere fail the test.

    `options` are those of playwright's `new_context`, such as viewport={"width": 360, "height": 740}.
    """
    context = browser.new_context(**options)
    page, faults = context.new_page(), []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    page.on("request", lambda asked: None if asked.url.startswith(LOCAL) else faults.append(asked.url))
    yield page
    context.close()
    assert not faults, faults


def until(page: Any, condition: str) -> None:
    """Wait until a JavaScript expression is true; pages whose security policy forbids `eval` are no hindrance."""
    for _ in range(100):
        if page.evaluate(f"() => Boolean({condition})"):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"never true: {condition}")
