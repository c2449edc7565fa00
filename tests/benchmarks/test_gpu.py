import json
import sys
import time

import pytest

from benchmarks import gpu as gpu_benchmark


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.setattr(gpu_benchmark, "GRACE", 1)
    return gpu_benchmark


def broken() -> dict:
    raise ValueError("no such thing")


def good(options, note):
    yield "first", lambda: {"seconds": 1.5, "settings": {"hidden": 1.0}, "inner": {"calls": 3}}
    yield "second", broken
    yield "third", lambda: {"seconds": 2.5}


def slow(options, note):
    yield "quick", lambda: {"seconds": 0.25}
    yield "slow", lambda: time.sleep(60)


def test_what_fails_or_takes_too_long_is_noted_and_the_rest_goes_on(gpu, tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "PARTS", {"slow": (0.1, slow), "good": (0.9, good)})
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--device", "cpu", "--seconds", "10", "--out", str(tmp_path / "found")])
    gpu.main()
    parts = json.loads((tmp_path / "found.json").read_text())["parts"]
    assert parts["slow"]["outcome"] == "ended after 2 s"
    assert parts["slow"]["cases"] == {"quick": {"seconds": 0.25}}
    assert parts["good"]["outcome"] == "finished"
    assert parts["good"]["cases"]["second"] == {"error": "ValueError: no such thing"}
    assert parts["good"]["cases"]["third"] == {"seconds": 2.5}
    table = (tmp_path / "found.md").read_text()
    assert "| first | seconds 1.5; inner, calls 3 |" in table
    assert "hidden" not in table


def test_all_parts_together_stay_below_nine_minutes(gpu):
    default = 450
    assert sum(share for share, _ in gpu.PARTS.values()) == pytest.approx(1)
    assert default + 15 * len(gpu.PARTS) < 540


def test_every_part_offers_its_most_important_case_first(gpu, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["gpu.py", "--device", "cpu"])
    options = gpu.parsed()
    first = [next(iter(cases(options, lambda *_: None)))[0] for _, cases in gpu.PARTS.values()]
    assert first == ["machine", "published, tiny", "tiny, 1 clips, cpu", "ranks", "light, float32"]
