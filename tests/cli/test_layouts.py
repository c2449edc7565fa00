from pathlib import Path

import pytest

from psp.cli.layouts import layouts
from psp.cli.main import main
from psp.errors import LayoutError
from psp.io.base import READERS


def test_all_layouts_are_listed_and_drawn(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    layouts(out=tmp_path / "all.svg")
    assert "mediapipe33" in capsys.readouterr().out
    assert "<svg" in (tmp_path / "all.svg").read_text()


def test_all_formats_are_listed(capsys: pytest.CaptureFixture[str]):
    assert main(["formats"]) == 0
    printed = capsys.readouterr().out
    assert all(name in printed for name in READERS)


def test_one_layout_of_a_file_is_shown_with_what_was_derived(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    file = tmp_path / "puppet.yaml"
    file.write_text("joints: [hip, l_foot, r_foot, tail]\nedges: [[l_foot, hip, r_foot]]\n")
    layouts(str(file))
    printed = " ".join(capsys.readouterr().out.split())
    assert "tail to hip" in printed
    assert "Centre: hip." in printed
    assert "1 mirror pairs" in printed


def test_an_unknown_layout_is_refused():
    with pytest.raises(LayoutError, match="ntu25"):
        layouts("ntu52")
