import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from psp.cli.main import main
from psp.dataset.writer import StoreWriter
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.recording import Clip
from psp.synthetic import SyntheticConfig, synthetic_clips


def store(path: Path, *, copies: bool = False) -> Path:
    """Write thirty clips of one subject and twenty classes; a copy of the first one has another label."""
    clips = [*synthetic_clips(SyntheticConfig(clips=30, cameras=1, noise=0.3, occlusion=0, dropout=0))]
    still = clips[3]
    clips[3] = Clip(still.info, np.repeat(still.joints[:, :1], still.frames, axis=1))
    if copies:
        clips.append(Clip(replace(clips[0].info, id="copy", label=1), clips[0].joints))
    names = [f"class {number}" for number in range(20)]
    with StoreWriter(path, dataset="mine", layout=layout_by_name("ntu25"), classes=names, up="y") as writer:
        for clip in clips:
            writer.add(clip)
    return path


def test_warnings_end_with_0_and_errors_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["check", str(store(tmp_path / "store")), "--split", "none"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    assert "every file is what was written" in text
    assert "warning: clips without motion: 1 (frozen)" in text
    assert "not examined: leak: the split has no test part" in text
    assert main(["check", str(store(tmp_path / "other", copies=True)), "--split", "none"]) == 1
    assert "error: copies with different labels: 1 (contradiction)" in " ".join(capsys.readouterr().out.split())


def test_what_cannot_be_checked_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path = store(tmp_path / "store")
    assert main(["check", str(tmp_path / "nothing")]) == 2
    assert main(["check", str(path), "--split", "nothing"]) == 2
    assert main(["check", str(path), "--json", str(path / "manifest.json" / "report.json")]) == 2
    assert capsys.readouterr().err.count("psp: ") == 3


def test_the_report_and_the_pictures_are_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    path, pictures = store(tmp_path / "store", copies=True), tmp_path / "pictures"
    report = tmp_path / "report.json"
    options = ["--split", "none", "--json", str(report), "--pictures", str(pictures)]
    assert main(["check", str(path), *options]) == 1
    assert str(pictures / "frozen-1.png") in "".join(capsys.readouterr().out.split("\n"))
    content = json.loads(report.read_text())
    frozen = next(each for each in content["findings"] if each["kind"] == "frozen")
    assert frozen["severity"] == "warning"
    assert frozen["picture"] == str(pictures / "frozen-1.png")
    assert {each.name for each in pictures.iterdir()} >= {"frozen-1.png", "contradiction-1.png"}
    assert main(["check", str(path), "--split", "none", "--json", "-"]) == 1
    assert json.loads(capsys.readouterr().out)["findings"][0]["kind"] == "contradiction"
