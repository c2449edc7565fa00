"""The lock and the bill of materials follow the constraints."""

import json
import re
import tomllib
from pathlib import Path

from tools.lock import ENTRY, EXTRAS, sbom

ROOT = Path(__file__).resolve().parent.parent
LOCK = (ROOT / "requirements.lock").read_text()


def normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def test_versions_are_those_of_the_constraints():
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)$", (ROOT / "constraints.txt").read_text(), re.MULTILINE))
    known = {normal(name): version for name, version in pinned.items()}
    locked = {normal(name): version.partition("+")[0] for name, version, _ in ENTRY.findall(LOCK)}
    assert len(locked) == len(re.findall("==", LOCK))
    assert {name: known.get(name) for name in locked} == locked


def test_every_dependency_is_locked():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *(each for name in EXTRAS for each in project["optional-dependencies"][name])]
    locked = {normal(name) for name, _, _ in ENTRY.findall(LOCK)}
    assert {normal(re.match(r"[\w.-]+", each)[0]) for each in wanted} <= locked
    assert set(EXTRAS) | {"dev"} == set(project["optional-dependencies"])


def test_the_bill_of_materials_is_that_of_the_lock():
    assert json.loads((ROOT / "sbom.json").read_text()) == sbom(LOCK)
