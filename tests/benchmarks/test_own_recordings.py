import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import own_recordings
from benchmarks.__main__ import main
from benchmarks.own_data import OWN_DATA, OwnData
from benchmarks.own_recordings import draw_labels
from psp.skeleton.catalogue import layout_by_name


def hands(samples=None) -> OwnData:
    """Two easy classes: a hand that goes left and one that goes right."""
    draw = np.random.default_rng(0)
    way = np.linspace(0, 1, 12)[:, None, None] * np.ones((12, 21, 3))
    noisy = [(1 if number % 2 else -1) * way + draw.normal(scale=0.05, size=way.shape) for number in range(24)]
    labels = ["right" if number % 2 else "left" for number in range(24)]
    return OwnData([each[None] for each in noisy], labels, np.arange(24) >= 16, layout_by_name("hand21"), "y")


@pytest.fixture
def made(monkeypatch):
    monkeypatch.setattr(own_recordings, "OWN_DATA", {"made": hands})


def test_runs_are_kept_and_not_repeated(made, tmp_path, capsys):
    out = tmp_path / "own.json"
    words = ["own-recordings", str(tmp_path), "--out", str(out), "--data", "made", "--systems", "logistic regression"]
    assert main([*words, "--labels", "2", "--draws", "2"]) == 0
    first = json.loads(out.read_text())["runs"]
    assert [(run["labels"], run["draw"], run["labelled"], run["test clips"]) for run in first] == [
        ("2", 0, 4, 8),
        ("2", 1, 4, 8),
    ]
    assert all(run["accuracy"] == run["balanced accuracy"] == 100 for run in first)
    assert main([*words, "--labels", "2", "all", "--draws", "2"]) == 0
    runs = json.loads(out.read_text())["runs"]
    assert [run for run in runs if run["labels"] == "2"] == first
    assert [run["labelled"] for run in runs if run["labels"] == "all"] == [16]
    assert "100.0" in capsys.readouterr().out


def test_the_published_table_is_that_of_the_runs():
    runs = json.loads(Path("results/own-recordings.json").read_text())["runs"]
    assert own_recordings.table(runs) in Path("docs/results.md").read_text()


def test_labels_are_drawn_from_training_clips_alike_for_all_systems():
    data = hands()
    chosen = draw_labels(data, "5", 3)
    assert (chosen == draw_labels(data, "5", 3)).all()
    assert sorted(data.labels[number] for number in chosen) == ["left"] * 5 + ["right"] * 5
    assert not data.tests[chosen].any()
    assert set(draw_labels(data, "2", 3)) <= set(chosen)


@pytest.mark.parametrize("name", OWN_DATA)
def test_the_real_recordings_are_divided_without_overlap(name, shared_data):
    data = OWN_DATA[name](shared_data / "own-samples")
    assert len(data.clips) == len(data.labels) == len(data.tests)
    train, test = (
        {clip.tobytes() for clip, t in zip(data.clips, data.tests, strict=True) if t == side} for side in (0, 1)
    )
    assert not train & test
    assert set(np.array(data.labels)[data.tests]) == set(np.array(data.labels)[~data.tests]) == set(data.labels)
    assert all(clip.shape[2] == len(data.layout.joints) for clip in data.clips)


def test_an_unknown_system_is_refused(tmp_path, capsys):
    assert main(["own-recordings", str(tmp_path), "--systems", "rocket"]) == 2
    assert "MiniRocket" in capsys.readouterr().err
