from pathlib import Path

import pytest

from psp.figures.demo import draw_demo


@pytest.mark.parametrize("name", ["demo.png", "demo.svg"])
def test_the_picture_is_saved(tmp_path: Path, name: str):
    curves = {"supervised only": [(0, 10.0), (50, 50.0)], "PSP": [(0, 10.0), (50, 75.0)]}
    matrices = {"supervised only": ((1, 1), (1, 1)), "PSP": ((2, 0), (1, 1))}
    draw_demo(tmp_path / name, curves, matrices, ("wave", "kick"))
    assert (tmp_path / name).stat().st_size > 1000
