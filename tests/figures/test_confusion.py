from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from psp.figures.confusion import draw_confusion, plot_confusion, plot_confusions

CLASSES = ("wave", "kick", "sit down")
MATRIX = ((6, 2, 0), (0, 8, 0), (0, 0, 0))


@pytest.fixture
def axes() -> Axes:
    return Figure().add_subplot()


def test_rows_are_shares_and_an_empty_row_stays_empty(axes: Axes):
    plot_confusion(axes, MATRIX, CLASSES, "PSP")
    shares = axes.get_images()[0].get_array()
    assert np.array_equal(shares, [[0.75, 0.25, 0], [0, 1, 0], [0, 0, 0]])


def test_cells_hold_per_cent_and_zeros_are_not_written(axes: Axes):
    plot_confusion(axes, MATRIX, CLASSES, "PSP")
    written = {text.get_position(): text.get_text() for text in axes.texts}
    assert written == {(0, 0): "75", (1, 0): "25", (1, 1): "100"}


def test_the_title_tells_top_1_accuracy(axes: Axes):
    plot_confusion(axes, MATRIX, CLASSES, "PSP")
    assert axes.get_title() == "PSP: 87.5 % top-1"


def test_rows_are_true_and_columns_predicted(axes: Axes):
    plot_confusion(axes, MATRIX, CLASSES, "PSP")
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("predicted class", "true class")
    for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
        assert [label.get_text() for label in labels] == list(CLASSES)


def test_only_the_first_of_several_names_its_rows():
    panels = list(Figure().subplots(1, 2))
    plot_confusions(panels, {"a": MATRIX, "b": MATRIX}, CLASSES)
    assert [panel.get_ylabel() for panel in panels] == ["true class", ""]
    assert {label.get_text() for label in panels[1].get_yticklabels()} == {""}


@pytest.mark.parametrize("count", [2, 20])
def test_the_figure_is_saved(tmp_path: Path, count: int):
    names = [f"class {number}" for number in range(count)]
    matrix = np.eye(count, dtype=int).tolist()
    draw_confusion(tmp_path / "confusion.png", {"a": matrix, "b": matrix}, names)
    assert (tmp_path / "confusion.png").stat().st_size > 1000
