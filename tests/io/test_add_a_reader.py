"""The example package of a reader: its entry point is a format, read as the documentation says."""

import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import numpy as np
import pytest

from psp.errors import RecordingError
from psp.io.base import OPTIONS, spec_of
from psp.io.format import Format

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "format-package"


@pytest.fixture
def format() -> Format:
    """The format that the package's entry point names."""
    points = tomllib.loads((EXAMPLE / "pyproject.toml").read_text())["project"]["entry-points"]["psp.readers"]
    module_name, _, name = points["motion-log"].partition(":")
    spec = spec_from_file_location(module_name, EXAMPLE / f"{module_name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return getattr(module, name)


def test_the_format_is_opened_as_every_other(format: Format, tmp_path: Path) -> None:
    for folder, height in (("swing", 1), ("rest", 2)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "0.mlog").write_text(f"motion log: hip knee\n0 0 {height} 0 0 0\n0 0 {height} 0 1 0\n")
    spec = spec_of(format)
    assert spec.options == OPTIONS
    reader = spec.open(tmp_path)
    items = reader.items()[0]
    assert ([item.id for item in items], reader.classes, reader.up) == (["rest/0", "swing/0"], ("rest", "swing"), "z")
    np.testing.assert_array_equal(reader.read(items[1]).joints[0, 1], [[0, 0, 1], [0, 1, 0]])
    (tmp_path / "rest" / "0.mlog").write_text("motion log: hip knee\n0 0\n")
    with pytest.raises(RecordingError, match="damaged") as refusal:
        reader.read(items[0])
    assert refusal.value.where == "rest/0.mlog"


def test_the_page_shows_the_program_of_the_package() -> None:
    program = (EXAMPLE / "motion_log.py").read_text()
    parse = program[program.index("    (file,) = files") :]
    assert parse in (ROOT / "docs/add-a-reader.md").read_text()
