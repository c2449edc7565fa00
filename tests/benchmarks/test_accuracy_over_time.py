import pytest

from benchmarks.accuracy_over_time import draw_accuracy_over_time
from psp.errors import ConfigError

CURVES = {"seed 0": [(1.5, 10.0), (3.0, 40.0), (4.5, 65.0)], "seed 1": [(1.4, 20.0), (2.9, 70.0)]}


def test_curves_and_goals_are_drawn(tmp_path):
    path = tmp_path / "curve.svg"
    draw_accuracy_over_time(path, CURVES, {"the paper": 59.1})
    assert "<svg" in path.read_text()


def test_other_kinds_of_files_are_refused(tmp_path):
    with pytest.raises(ConfigError):
        draw_accuracy_over_time(tmp_path / "curve.gif", CURVES, {})
