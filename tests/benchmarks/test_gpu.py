import importlib
import json
import time

import pytest

from psp.errors import ConfigError

gpu = importlib.import_module("benchmarks.gpu")


def broken() -> dict:
    raise ValueError("no such thing")


def good(config, note):
    yield "first", lambda: {"seconds": 1.5, "settings": {"hidden": 1.0}, "inner": {"calls": 3}}
    yield "second", broken
    yield "third", lambda: {"seconds": 2.5}


def slow(config, note):
    yield "quick", lambda: {"seconds": 0.25}
    yield "slow", lambda: time.sleep(60)


def test_what_fails_or_takes_too_long_is_noted_and_the_rest_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(gpu, "GRACE", 1)
    monkeypatch.setattr(gpu, "PARTS", {"slow": (0.1, slow), "good": (0.9, good)})
    gpu.gpu("cpu", seconds=10, out=tmp_path / "found")
    parts = json.loads((tmp_path / "found.json").read_text())["parts"]
    assert parts["slow"]["outcome"] == "ended after 2 s"
    assert parts["slow"]["cases"] == {"quick": {"seconds": 0.25}}
    assert parts["good"]["outcome"] == "finished"
    assert parts["good"]["cases"]["second"] == {"error": "ValueError: no such thing"}
    assert parts["good"]["cases"]["third"] == {"seconds": 2.5}
    table = (tmp_path / "found.md").read_text()
    assert "| first | seconds 1.5; inner, calls 3 |" in table
    assert "hidden" not in table


def test_all_parts_together_stay_below_nine_minutes():
    assert sum(share for share, _ in gpu.PARTS.values()) == pytest.approx(1)
    assert gpu.GPUConfig().seconds + gpu.GRACE * len(gpu.PARTS) < 540


def test_every_part_offers_its_most_important_case_first():
    config = gpu.GPUConfig("cpu")
    first = [next(iter(cases(config, lambda *_: None)))[0] for _, cases in gpu.PARTS.values()]
    assert first == ["machine", "published, tiny", "tiny, 1 clips, cpu", "ranks", "light, float32"]


def test_unknown_parts_are_refused(tmp_path):
    with pytest.raises(ConfigError, match="ranks and memory"):
        gpu.gpu("cpu", parts=["step"], out=tmp_path / "found")
    assert not list(tmp_path.iterdir())
