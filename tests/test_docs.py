"""What the documentation names exists, what it quotes stands in the code, and the site can be built."""

import csv
import re
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from psp.config.override import override
from psp.errors import ConfigError
from psp.io.base import READERS
from psp.methods import METHODS
from psp.model.backbone import ModelConfig
from psp.preprocess.clean import CleanConfig

ROOT = Path(__file__).resolve().parent.parent
EQUATIONS = (ROOT / "docs/equations.md").read_text()
QUOTED = re.findall(r"^\| .* \| `(\S+\.py)` \| `(.+)` \|$", EQUATIONS, re.MULTILINE)
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_there_are_equations():
    assert len(QUOTED) >= 15


@pytest.mark.parametrize(("file", "line"), QUOTED)
def test_every_quoted_line_stands_in_its_file(file: str, line: str):
    lines = {each.strip() for each in (ROOT / "src/psp" / file).read_text().splitlines()}
    assert line in lines


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_that_a_page_names_exists(page: Path):
    text = page.read_text()
    named = re.findall(r"`((?:src|docs|tests|benchmarks|configs|results|examples)/[\w./-]+)`", text)
    linked = [link for link in re.findall(r"\]\(([\w./-]+)", text) if not link.startswith("http")]
    missing = [name for name in named if not (ROOT / name).exists()]
    missing += [link for link in linked if not (page.parent / link).exists()]
    assert not missing


def test_every_option_in_the_text_is_a_setting_and_has_such_a_value():
    text = "\n".join(page.read_text() for page in PAGES)
    options = re.findall(r"--([a-z_]+(?:\.[a-z_]+)+) ([^\s`]+)", "\n".join(re.findall(r"`(--[^`]+)`", text)))
    assert len(options) >= 6
    for name, value in options:
        section, *keys = name.removeprefix("pretrain.").split(".")
        configs = {
            "clean": [CleanConfig()],
            "model": [ModelConfig()],
            "method": [each.Config() for each in METHODS.values()],
        }
        first, *others = reversed(keys)
        changes = {first: value.split(",") if "," in value else yaml.safe_load(value)}
        for key in others:
            changes = {key: changes}
        assert any(fits(config, changes) for config in configs[section]), name


def fits(config: Any, changes: dict[str, Any]) -> bool:
    try:
        override(config, changes)
    except ConfigError:
        return False
    return True


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_repeats_a_heading_or_holds_a_placeholder(page: Path):
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    headings = re.findall(r"^#+ .*$", text, re.MULTILINE)
    assert len(headings) == len(set(headings))
    assert not re.findall(r"@[A-Z_]{3,}@|\bTODO\b|\bTBD\b|\bXXX\b", text)


def test_the_table_of_all_systems_shows_the_results():
    text = (ROOT / "docs/methods.md").read_text()
    cells = r" \| ([\d.]+) \(([\d.]+)\) \| ([+-][\d.]+)?"
    shown = re.findall(rf"^\| `([\w-]+)`{cells}{cells} \|", text, re.MULTILINE)
    found = defaultdict(dict)
    with (ROOT / "results/runs.csv").open(newline="") as file:
        for run in csv.DictReader(file):
            if (run["experiment"], run["column"]) == ("table3-systems", "5"):
                parts = [float(run[f"average {part} top1"]) for part in ("full", "clean")]
                found[run["system"]][run["budget seed"]] = parts
    assert len(shown) == sum(name.startswith("common-") for name in found)
    expected = {system: [] for system, *_ in shown}
    for protocol, baseline in (("common", "supervised"), ("best", "multi-stream-supervised")):
        budgets = set.intersection(*(set(found[f"{protocol}-{name}"]) for name in expected))
        mean = {name: np.mean([found[f"{protocol}-{name}"][each] for each in budgets], axis=0) for name in expected}
        for name, (full, clean) in mean.items():
            ahead = "" if name == baseline else f"{full - mean[baseline][0]:+.1f}"
            expected[name] += [f"{full:.1f}", f"{clean:.1f}", ahead]
    assert {system: figures for system, *figures in shown} == expected


def test_every_format_has_a_line_in_the_table_of_formats():
    table = [line for line in (ROOT / "docs/formats.md").read_text().splitlines() if line.startswith("| `")][1:]
    assert {name for line in table for name in re.findall(r"`([\w-]+)`", line.split("|")[1])} == READERS.keys()


def test_every_format_has_a_section_with_an_example():
    sections = [each for each in (ROOT / "docs/formats.md").read_text().split("\n## ")[1:] if "\n```" in each]
    shown = {name for each in sections for name in re.findall(r"`([\w-]+)`", each.partition("\n")[0])}
    assert shown == READERS.keys()


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(tmp_path):
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path / "site")]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr
    assert "PSPMeanTeacher" in (tmp_path / "site" / "api" / "methods" / "index.html").read_text()
