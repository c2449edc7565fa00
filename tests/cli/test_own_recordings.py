"""Own recordings, from raw arrays to predictions on another machine, without a change of the package."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

from psp.cli.main import main
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.layout import Layout
from stores import BEETLE, small_clips

SMALL = ["--model.encoder.blocks", "[[8, 8, 2, 2]]", "--data.resample.frames", "8"]
TRAIN = ["--epochs", "1", "--preset", "paper", *SMALL, "--labels", "2/class"]

ELSEWHERE = """
from psp.cli.main import main
assert main(["predict", "model.safetensors", "recordings", "--out", "by-torch.csv"]) == 0
assert main(["predict", "../recogniser.onnx", "recordings", "--out", "by-onnx.csv"]) == 0
"""
"""What is executed on the other machine: a process of its own, in a folder with the model and the recordings only."""


def write_recordings(folder: Path, layout: Layout, channels: int) -> None:
    """One file per clip and a clips.csv; two-dimensional clips come with confidence and a joint that is missing."""
    folder.mkdir()
    lines = []
    for clip in small_clips(48, 4, joints=len(layout.joints), channels=channels, confidence=channels == 2):
        name = clip.info.id
        if channels == 2:
            np.savez(folder / f"{name}.npz", joints=clip.joints, confidence=clip.confidence)
        else:
            np.save(folder / f"{name}.npy", clip.joints[0] if clip.persons == 1 else clip.joints)
        label = "" if len(lines) % 12 == 11 else f"action {clip.info.label}"
        lines.append({"id": name, "label": label, "subject": clip.info.columns["subject"]})
    with (folder / "clips.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, ["id", "label", "subject"])
        table.writeheader()
        table.writerows(lines)


@pytest.mark.slow
@pytest.mark.parametrize(("layout", "channels"), [(BEETLE, 3), (layout_by_name("coco17"), 2)], ids=["beetle", "coco17"])
def test_from_arrays_to_predictions_on_another_machine(tmp_path, monkeypatch, layout, channels):
    monkeypatch.chdir(tmp_path)
    write_recordings(tmp_path / "mine", layout, channels)
    Path("layout.yaml").write_text(yaml.safe_dump({"name": layout.name, **layout.to_dict()}, sort_keys=False))
    assert main(["prepare", "mine", "store", "--layout", "layout.yaml"]) == 0
    assert main(["check", "store"]) == 0
    assert main(["train", "store", *TRAIN, "--split", "subject=3,4", "--out", "run"]) == 0
    assert main(["evaluate", "run"]) == 0
    assert json.loads(Path("run/evaluation.json").read_text())
    assert main(["export", "run", "--out", "recogniser.onnx"]) == 0
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (tmp_path / "run" / "model.safetensors").rename(elsewhere / "model.safetensors")
    (tmp_path / "mine").rename(elsewhere / "recordings")
    (tmp_path / "store").rename(tmp_path / "gone")
    done = subprocess.run([sys.executable, "-c", ELSEWHERE], cwd=elsewhere, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    for table in ("by-torch.csv", "by-onnx.csv"):
        rows = list(csv.DictReader((elsewhere / table).open()))
        assert len(rows) == 48
        assert {row["label"] for row in rows} <= {f"action {number}" for number in range(4)}
        total = [sum(float(row[f"action {number}"]) for number in range(4)) for row in rows]
        np.testing.assert_allclose(total, 1, atol=1e-3)
