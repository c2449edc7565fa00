import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROWS = re.findall(r"^\| .* \| `(\S+\.py)` \| `(.+)` \|$", (ROOT / "docs/equations.md").read_text(), re.MULTILINE)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_there_are_equations():
    assert len(ROWS) >= 15


@pytest.mark.parametrize(("file", "line"), ROWS)
def test_every_quoted_line_stands_in_its_file(file: str, line: str):
    lines = {each.strip() for each in (ROOT / "src/psp" / file).read_text().splitlines()}
    assert line in lines


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_that_a_page_names_exists(page: Path):
    text = page.read_text()
    named = re.findall(r"`((?:src|docs|tests|benchmarks|configs|results|examples)/[\w./-]+)`", text)
    linked = [link for link in re.findall(r"\]\(([\w./-]+)\)", text) if not link.startswith("http")]
    missing = [name for name in named if not (ROOT / name).exists()]
    missing += [link for link in linked if not (page.parent / link).exists()]
    assert not missing
