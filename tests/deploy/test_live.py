"""The example that plays a recorded file to a stream."""

import runpy
import time
from pathlib import Path

import numpy as np
import pytest

from psp.cli.main import main as psp
from psp.deploy.load import load

LIVE = runpy.run_path(str(Path(__file__).parents[2] / "examples" / "live.py"))


@pytest.fixture
def recording(tmp_path) -> Path:
    """One person with a confidence, who is away at the end."""
    draw = np.random.default_rng(0)
    joints, confidence = draw.normal(size=(20, 25, 3)), draw.uniform(0.2, 1, (20, 25))
    confidence[draw.random((20, 25)) < 0.1] = 0
    confidence[16:] = 0
    np.savez(tmp_path / "take.npz", joints=joints, confidence=confidence)
    return tmp_path / "take.npz"


def test_the_answer_is_shown_and_fades_when_the_person_leaves(trained, recording, capsys):
    assert LIVE["main"]([str(trained), str(recording), "--speed", "100", "--window", "16", "--every", "1"]) == 0
    shown = capsys.readouterr().out
    assert "frame 20 of 20" in shown
    assert "nobody is seen" in shown
    given = np.load(recording)
    clip = np.where(given["confidence"][..., None] > 0, given["joints"], np.nan)[:16]
    (expected,) = load(trained).predict([clip])
    best = int(expected.argmax())
    (line,) = [line for line in shown.splitlines() if line.startswith(load(trained).classes[best])]
    assert line.endswith(f"{0.75 * expected[best]:.2f}")


def test_frames_come_when_they_were_recorded(trained, recording, monkeypatch):
    """By a clock that only sleeping moves."""
    clock = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: clock[0])
    monkeypatch.setattr(time, "sleep", lambda seconds: clock.append(clock.pop() + seconds))
    assert LIVE["main"]([str(trained), str(recording), "--fps", "10", "--speed", "2", "--every", "20"]) == 0
    assert clock == [pytest.approx(20 / 10 / 2)]


def test_what_cannot_be_played_is_said_in_a_sentence(trained, tmp_path, capsys):
    assert LIVE["main"]([str(trained), str(tmp_path / "absent.npz")]) == 2
    assert "the source does not exist" in " ".join(capsys.readouterr().out.split())
    assert psp(["predict", str(trained), str(tmp_path / "absent.npz")]) == 2
