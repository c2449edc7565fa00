from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from psp.figures import tsne
from psp.figures.tsne import Cloud, draw_tsne, perplexity_for, plane, plot_cloud, style_of

LABELS = np.arange(40) % 4
FEATURES = np.eye(4)[LABELS] + np.random.default_rng(0).normal(0, 0.05, (40, 4))
CLASSES = ("wave", "kick", "sit down", "pick up with two hands")


def test_a_hundred_classes_have_different_styles():
    assert len({style_of(number) for number in range(100)}) == 100


def test_ten_classes_differ_in_colour_and_in_marker():
    colours, markers = zip(*map(style_of, range(10)), strict=True)
    assert len(set(colours)) == len(set(markers)) == 10


def test_the_plane_is_the_same_every_time_and_keeps_clusters():
    points = plane(FEATURES)
    assert np.array_equal(points, plane(FEATURES))
    distances = np.linalg.norm(points[:, None] - points, axis=2) + 1e9 * np.eye(40)
    assert np.array_equal(LABELS[distances.argmin(axis=1)], LABELS)


def test_few_clips_have_a_smaller_perplexity():
    assert (perplexity_for(464), perplexity_for(31), perplexity_for(4)) == (30, 10, 1)


def test_every_clip_is_plotted_in_the_style_of_its_class():
    axes = Figure().add_subplot()
    plot_cloud(axes, FEATURES[:, :2], LABELS)
    assert [len(each.get_offsets()) for each in axes.collections] == [10] * 4


@pytest.mark.parametrize("kind", [".png", ".svg"])
def test_the_figure_is_saved(tmp_path: Path, kind: str):
    path = tmp_path / f"features{kind}"
    draw_tsne(path, {"supervised only": Cloud(FEATURES, "silhouette 0.90"), "PSP": Cloud(-FEATURES)}, LABELS, CLASSES)
    assert path.stat().st_size > 5000


def test_legend_and_titles_cover_no_panel(monkeypatch):
    drawn: list[Figure] = []
    monkeypatch.setattr(tsne, "save", lambda figure, path: drawn.append(figure))
    name = "B5: joint and part level"
    clouds = {f"{name} {number}": Cloud(FEATURES, "silhouette 0.12 ± 0.03\n5 neighbours 76.1 %") for number in range(5)}
    draw_tsne("features.png", clouds, LABELS, CLASSES)
    figure = drawn[0]
    figure.draw_without_rendering()
    boxes = [axes.get_window_extent() for axes in figure.axes]
    legend = figure.legends[0].get_window_extent()
    titles = [axes.title.get_window_extent() for axes in figure.axes[:5]]
    assert not any(legend.overlaps(box) for box in boxes)
    assert not any(title.overlaps(box) for title in titles for box in boxes)
