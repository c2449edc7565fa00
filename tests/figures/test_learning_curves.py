from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.figure import Figure
from scipy.optimize import minimize

from psp.figures.learning_curves import draw_learning_curves, kept_apart, plot_learning_curves, smoothed

CURVES = {
    "supervised only": [(0, 10.0), (100, 40.5), (200, 50.0)],
    "PSP": [(0, 12.0), (200, 50.2)],
    "new": [],
}


def test_every_run_with_points_is_a_line_with_its_name():
    axes = Figure().add_subplot()
    plot_learning_curves(axes, CURVES, ylabel="accuracy, %")
    first, second = axes.get_lines()
    assert first.get_xydata().tolist() == [list(point) for point in CURVES["supervised only"]]
    assert second.get_xydata().tolist() == [list(point) for point in CURVES["PSP"]]
    assert {"supervised only", "PSP"} <= {text.get_text() for text in axes.texts}
    assert "new" not in {text.get_text() for text in axes.texts}
    assert axes.get_ylabel() == "accuracy, %"
    assert first.get_color() != second.get_color()
    assert first.get_marker() != second.get_marker()


@pytest.mark.parametrize(("name", "smooth"), [("curves.png", False), ("curves.svg", True)])
def test_the_figure_is_saved(tmp_path: Path, name: str, smooth: bool):
    draw_learning_curves(tmp_path / name, CURVES, ylabel="accuracy, %", smooth=smooth)
    assert (tmp_path / name).stat().st_size > 1000


def test_smooth_lines_are_running_means():
    rising = [(10 * step, float(step)) for step in range(40)]
    peak = [(step, float(step == 20)) for step in range(41)]
    found = smoothed({"rising": rising, "peak": peak, "few": [(0, 5.0), (9, 7.0)], "new": []})
    np.testing.assert_allclose(found["rising"], rising)
    assert [value for _, value in found["peak"]] == pytest.approx([0.2 * (18 <= step <= 22) for step in range(41)])
    assert (found["few"], found["new"]) == ([(0, 5.0), (9, 7.0)], [])


def test_names_point_at_the_ends_of_smooth_lines():
    """The pale values reach further than the lines, and the axes with them."""
    axes = Figure().add_subplot()
    spike = [(step, 100.0 * (step == 30)) for step in range(60)]
    plot_learning_curves(axes, {"spike": spike}, ylabel="loss", smooth=True)
    mean, pale = axes.get_lines()
    assert pale.get_xydata().tolist() == [list(point) for point in spike]
    low, high = axes.get_ylim()
    assert high > 100
    leader = next(text for text in axes.texts if not text.get_text())
    assert leader.xyann[1] == pytest.approx((mean.get_ydata()[-1] - low) / (high - low))


def test_heights_far_apart_stay():
    assert kept_apart([0.5, 0.1, 0.9], 0.2) == pytest.approx([0.5, 0.1, 0.9])


def test_two_close_heights_part_evenly():
    assert kept_apart([0.51, 0.49], 0.1) == pytest.approx([0.55, 0.45])


@given(st.lists(st.floats(0, 1), max_size=9), st.floats(0.01, 0.5))
def test_neighbours_are_at_least_a_gap_apart_and_keep_their_order(heights: list[float], gap: float):
    moved = kept_apart(heights, gap)
    order = np.argsort(heights, kind="stable")
    assert (np.diff(np.array(moved)[order]) >= gap - 1e-9).all()
    assert sum(moved) == pytest.approx(sum(heights))


def test_heights_move_as_little_as_possible():
    heights = np.sort(np.random.default_rng(3).uniform(0, 1, 7))
    apart = [{"type": "ineq", "fun": lambda x, i=i: x[i + 1] - x[i] - 0.12} for i in range(6)]
    best = minimize(lambda x: ((x - heights) ** 2).sum(), heights, constraints=apart, options={"ftol": 1e-12})
    assert kept_apart(heights.tolist(), 0.12) == pytest.approx(best.x.tolist(), abs=1e-4)
