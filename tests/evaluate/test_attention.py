import numpy as np
import pytest
import torch

from psp.errors import ConfigError
from psp.evaluate.attention import (
    ClipAttention,
    agreement_with_motion,
    attend,
    attention_of_run,
    saturated_share,
    trained_levels,
)
from psp.evaluate.trained import open_trained
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.recording import Clip, ClipInfo
from psp.train.api import make_task, train_run
from runs import SMALL_RUN, small_run, with_stage
from stores import small_store


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    return make_task(small_store(tmp_path_factory.mktemp("attention") / "store"), "2/class", "synthetic-xsub")


@pytest.fixture(scope="module")
def run(task):
    return train_run(task, with_stage(SMALL_RUN, epochs=1), task.store.path.parent / "run")


def test_maps_are_those_of_the_clip_alone(run):
    trained = open_trained(run, device="cpu")
    together = attend(trained, np.array([3, 6, 1]))
    for found, number in zip(together, (3, 6, 1), strict=True):
        sample = trained.maker.whole(torch.tensor([number]), ("joint", "motion")).sample
        with torch.no_grad():
            alone = trained.heads["joint"].attention_maps(trained.model.predictor.encode([sample])["joint"][0])
        assert found.clip.id == f"clip{number:03d}"
        assert found.action == f"class {number % 4}"
        for level in ("body", "part", "joint"):
            np.testing.assert_allclose(found.maps[level], alone.maps[level], atol=1e-5)
            np.testing.assert_allclose(found.raw_maps[level], alone.raw_maps[level], atol=1e-5)


def test_every_person_of_a_clip_has_maps_and_no_other(run):
    one, two = attention_of_run(run, ["clip002", "clip003"], modality="motion", device="cpu")
    assert (one.clip.persons, two.clip.persons) == (1, 2)
    assert [found.maps["joint"].shape for found in (one, two)] == [(1, 2, 20, 20), (2, 2, 20, 20)]


def test_a_modality_without_trained_attention_is_refused(run):
    with pytest.raises(ConfigError, match="Choose from joint, motion"):
        attention_of_run(run, ["clip002"], modality="bone", device="cpu")


@pytest.mark.parametrize("config", [small_run("supervised"), small_run("psp", pyramid={"polymerise": False})])
def test_runs_without_attention_are_refused(task, config, tmp_path):
    run = train_run(task, with_stage(config, epochs=1), tmp_path / "run")
    with pytest.raises(ConfigError, match="did not train"):
        attention_of_run(run, ["clip002"], device="cpu")


def test_only_what_was_trained_has_maps(task, tmp_path):
    config = with_stage(small_run("psp", pyramid={"levels": ["part"]}), epochs=1)
    run = train_run(task, config, tmp_path / "run")
    assert trained_levels(open_trained(run, device="cpu").heads["joint"]) == ("body", "part")
    assert set(attention_of_run(run, ["clip002"], device="cpu")[0].maps) == {"body", "part"}


def hand_made(importance: np.ndarray, joints: np.ndarray) -> ClipAttention:
    maps = {"joint": np.repeat(importance[None, None, :, None], len(importance), axis=3)}
    return ClipAttention(Clip(ClipInfo("clip"), joints), "wave", maps, maps)


def moving(ways: np.ndarray) -> np.ndarray:
    """Joint j goes `ways[j]` along x."""
    joints = np.zeros((1, 5, 20, 3), dtype=np.float32)
    joints[..., 0] = np.linspace(0, 1, 5)[:, None] * ways
    return joints


def test_importance_is_the_mean_of_a_row_or_its_distance_from_the_others():
    rows = np.array([[1.0, 3.0], [-1.0, 1.0]])
    found = ClipAttention(
        Clip(ClipInfo("clip"), moving(np.zeros(20))), "wave", {"body": np.stack([rows, 3 * rows])[None]}, {}
    )
    assert np.array_equal(found.map_of("body"), 2 * rows)
    assert np.array_equal(found.importance("body", head=0), [2, 0])
    assert np.array_equal(found.importance("body", head=0, measure="apart"), [1, 1])


@pytest.mark.parametrize(("spread", "expected"), [(0.0, True), (0.004, True), (0.1, False)])
def test_a_map_of_equal_entries_is_saturated(spread, expected):
    maps = {
        "body": np.full((2, 4, 5, 5), -0.5) + spread * np.eye(5),
        "part": np.random.default_rng(0).normal(size=(2, 4, 10, 10)),
    }
    found = ClipAttention(Clip(ClipInfo("clip"), moving(np.zeros(20))), "wave", maps, maps)
    assert found.is_saturated("body") == found.is_saturated("body", 1, head=2) == expected
    assert saturated_share([found, found]) == {"body": float(expected), "part": 0.0}


def test_attention_that_marks_what_moves_agrees_with_motion():
    ways = np.arange(20.0)
    for importance, expected in ((ways, 1), (-ways, -1), (np.ones(20), 0)):
        found = agreement_with_motion([hand_made(importance, moving(ways))], layout_by_name("kinect20"))
        assert found == {"joint": pytest.approx(expected)}
