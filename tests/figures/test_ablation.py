from itertools import pairwise

import pytest
from matplotlib.figure import Figure

from psp.figures.ablation import Bar, ablation_figure, plot_ablation

SYSTEMS = ("A1: supervised only", "A2: without PPA", "A3: PSP Learning")
GROUPS = {
    "Northwestern-UCLA, 5 %": (Bar(61.6, 3.7, 5, 59.1), Bar(60.2, 4.0, 5, 64.5), Bar(60.4, 5.1, 5, 69.2)),
    "built-in data": (Bar(80.0, None, 1, None), None, Bar(88.0, 0.0, 1, None)),
}


@pytest.fixture(scope="module")
def axes():
    figure = Figure(figsize=(8, 4.6))
    axes = figure.add_subplot()
    plot_ablation(axes, SYSTEMS, GROUPS)
    figure.canvas.draw()
    return axes


def test_every_measured_bar_is_drawn_with_its_value(axes):
    heights = sorted(patch.get_height() for patch in axes.patches)
    assert heights == sorted(bar.mean for group in GROUPS.values() for bar in group if bar)
    written = {text.get_text() for text in axes.texts}
    assert written == {"61.6", "60.2", "60.4", "80.0", "88.0"}


def test_the_legend_names_each_system_once(axes):
    (legend,) = axes.figure.legends
    assert [text.get_text() for text in legend.get_texts()] == [*SYSTEMS, "reported by the paper"]


def test_nothing_overlaps(axes):
    texts = [text.get_window_extent() for text in axes.texts]
    assert not any(one.overlaps(other) for i, one in enumerate(texts) for other in texts[:i])
    bars = sorted((patch.get_x(), patch.get_x() + patch.get_width()) for patch in axes.patches)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(bars))


def test_groups_say_how_many_seeds_they_rest_on(axes):
    names = [label.get_text() for label in axes.get_xticklabels()]
    assert names == ["Northwestern-UCLA, 5 %\n5 seeds", "built-in data\n1 seed"]


def test_the_figure_holds_the_bars_and_their_legend():
    figure = ablation_figure(SYSTEMS, GROUPS)
    assert len(figure.axes[0].patches) == 5
    assert len(figure.legends) == 1
