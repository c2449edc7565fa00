import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks import pretraining
from benchmarks.__main__ import main
from benchmarks.own_data import OwnData
from benchmarks.pretraining import half_of, summary
from psp.preprocess.normalise import NormaliseConfig
from psp.skeleton.catalogue import layout_by_name
from psp.synthetic import SyntheticConfig, synthetic_clip
from psp.train import made_weights
from psp.train.made_weights import Kind
from psp.train.pretrain import PretrainConfig, pretrain

LAYOUT = layout_by_name("jhmdb15")


def people(samples: Path | None = None) -> OwnData:
    """Images of two actions, half of which test."""
    made = SyntheticConfig(LAYOUT, 2, cameras=1, subjects=8, named=False, random_actions=2)
    clips = [synthetic_clip(made, number).joints.astype(np.float64) for number in range(16)]
    return OwnData(clips, ["a", "b"] * 8, np.arange(16) >= 12, LAYOUT, "-y")


def test_a_half_of_the_training_part_tests():
    store, split = half_of(people())
    assert len(store) == 12
    assert len(split.train) == len(split.tests["full"]) == 6
    assert not set(split.train) & set(split.tests["full"])


def test_both_starts_have_the_same_labels_and_runs_are_kept(tmp_path, monkeypatch, capsys):
    pretrain(
        Kind(LAYOUT, 2, "-y", NormaliseConfig()),
        PretrainConfig(actions=2, subjects=2, cameras=1, epochs=1, batch=4),
        tmp_path / "weights",
    )
    monkeypatch.setenv("PSP_WEIGHTS", str(tmp_path / "weights"))
    monkeypatch.setattr(made_weights, "SHIPPED", tmp_path / "none")
    monkeypatch.setattr(pretraining, "OWN_DATA", {"JHMDB": people})
    short = pretraining.preset_config
    monkeypatch.setattr(pretraining, "preset_config", lambda *words, **given: short(*words, epochs=1, **given))
    out = tmp_path / "found.json"
    words = ["pretraining", "no-store", str(tmp_path), "--out", str(out), "--data", "JHMDB", "--draws", "1"]
    assert main([*words, "--labels", "1"]) == 0
    content = out.read_text()
    first, second = json.loads(content)["runs"]
    assert {first["start"], second["start"]} == {"none", "made"}
    assert first["label hash"] == second["label hash"]
    assert {first["weights"], second["weights"]} == {"scratch", f"made:{next((tmp_path / 'weights').iterdir()).stem}"}
    assert main([*words, "--labels", "1"]) == 0
    assert out.read_text() == content
    assert "difference" in capsys.readouterr().out


def test_differences_are_paired():
    run = {"data": "JHMDB", "labels": "1", "system": "best"}
    pairs = [(50.0, 60.0), (70.0, 74.0)]
    runs = [
        run | {"draw": draw, "start": start, "accuracy": accuracy}
        for draw, pair in enumerate(pairs)
        for start, accuracy in zip(("none", "made"), pair, strict=True)
    ]
    unpaired = run | {"draw": 2, "start": "none", "accuracy": 0.0}
    (found,) = summary([*runs, unpaired]).values()
    assert found == {"none": "60.0", "made": "67.0", "difference": "+7.0 ± 3.0", "draws": "2"}


def test_the_published_table_is_that_of_the_runs():
    runs = json.loads(Path("results/pretraining.json").read_text())["runs"]
    assert pretraining.table(runs) in Path("docs/train.md").read_text()


@pytest.mark.parametrize("words", [["--data", "mice"], ["--systems", "worst"]])
def test_unknown_names_are_refused(words, tmp_path, capsys):
    assert main(["pretraining", "no-store", str(tmp_path), *words]) == 2
    assert "Choose from" in capsys.readouterr().err
