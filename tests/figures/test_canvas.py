from pathlib import Path

import pytest
from matplotlib.figure import Figure

from psp.errors import ConfigError
from psp.figures.canvas import save

BEGINNINGS = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF", ".PNG": b"\x89PNG"}


@pytest.mark.parametrize(("kind", "beginning"), BEGINNINGS.items())
def test_the_extension_chooses_the_kind(tmp_path: Path, kind: str, beginning: bytes):
    save(Figure(), tmp_path / f"picture{kind}")
    assert (tmp_path / f"picture{kind}").read_bytes().startswith(beginning)


@pytest.mark.parametrize("name", ["picture", "picture.txt"])
def test_another_kind_is_refused(tmp_path: Path, name: str):
    with pytest.raises(ConfigError, match=r"cannot draw a file of this kind.*\.png, \.svg, \.pdf"):
        save(Figure(), tmp_path / name)
    assert not list(tmp_path.iterdir())
