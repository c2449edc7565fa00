import importlib

import pytest
import torch

from benchmarks.input import measure_input, random_store

CPU = torch.device("cpu")
bench_input = importlib.import_module("benchmarks.input")


@pytest.fixture(autouse=True)
def _few_short_clips(monkeypatch):
    monkeypatch.setattr(bench_input, "CLIPS", 200)
    monkeypatch.setattr(bench_input, "RECORDED_FRAMES", (3, 9))


def test_clips_are_of_the_shape(tmp_path):
    store = random_store(tmp_path / "store", "ntu")
    assert store.layout.name == "ntu25"
    assert set(store.clips.persons.tolist()) == {1, 2}
    assert set(store.clips.frames.tolist()) == set(range(3, 9))


@pytest.mark.parametrize("preset", ["best", "published"])
def test_input_is_a_share_of_the_step(preset):
    found = measure_input("tiny", preset, "nw-ucla", CPU, seconds=0.001)
    assert found["input over step"] == pytest.approx(found["input seconds"] / found["step seconds"])
    assert 0 < found["of these reading seconds"] < found["input seconds"]
    assert found["settings"]["clips"] == {"best": 28, "published": 99}[preset]
