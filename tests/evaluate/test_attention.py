from dataclasses import replace

import numpy as np
import pytest
import torch

from psp.errors import ConfigError
from psp.evaluate.attention import ClipAttention, agreement_with_motion, attend, attention_of_run, trained_levels
from psp.evaluate.trained import open_trained
from psp.model.psp import ModelConfig
from psp.skeleton.clip import Clip
from psp.skeleton.kinect20 import KINECT20
from psp.train.train import train_run
from runs import SMALL_RUN
from stores import small_store


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("attention")
    return train_run(small_store(folder / "store"), replace(SMALL_RUN, epochs=1), folder / "run")


def test_maps_are_those_of_the_clip_alone(run):
    trained = open_trained(run, device="cpu")
    together = attend(trained, np.array([3, 6, 1]))
    for found, row in zip(together, (3, 6, 1), strict=True):
        batch = trained.batches.testing(torch.tensor([row]))
        with torch.no_grad():
            alone = trained.network.attention_maps(trained.network.encode(batch.views["joint"], batch.persons))
        assert found.clip.id == f"clip{row:03d}"
        assert found.action == f"class {row % 4}"
        for level in ("body", "part", "joint"):
            np.testing.assert_allclose(found.maps[level], alone.maps[level], atol=1e-5)
            np.testing.assert_allclose(found.raw_maps[level], alone.raw_maps[level], atol=1e-5)


def test_every_person_of_a_clip_has_maps_and_no_other(run):
    one, two = attention_of_run(run, ["clip002", "clip003"], view="motion", device="cpu")
    assert (one.clip.persons, two.clip.persons) == (1, 2)
    assert [found.maps["joint"].shape for found in (one, two)] == [(1, 2, 20, 20), (2, 2, 20, 20)]


def test_an_unknown_view_is_refused(run):
    with pytest.raises(ConfigError, match="Choose from joint, motion"):
        attention_of_run(run, ["clip002"], view="bone", device="cpu")


def test_a_view_whose_own_network_was_not_contrasted_is_refused(run):
    trained = open_trained(run, device="cpu")
    model = replace(trained.config.model, networks="own")
    taught = replace(trained, config=replace(trained.config, method="taught", model=model))
    with pytest.raises(ConfigError, match="Choose from joint, velocity"):
        attend(taught, np.array([3]), view="motion")


def test_only_what_was_trained_has_maps():
    assert trained_levels(SMALL_RUN) == ("body", "part", "joint")
    assert trained_levels(replace(SMALL_RUN, model=ModelConfig(levels=("part",)))) == ("body", "part")
    for untrained in (replace(SMALL_RUN, method="supervised"), replace(SMALL_RUN, model=ModelConfig(polymerise=False))):
        with pytest.raises(ConfigError, match="did not train"):
            trained_levels(untrained)


def hand_made(importance: np.ndarray, joints: np.ndarray) -> ClipAttention:
    maps = {"joint": np.repeat(importance[None, None, :, None], len(importance), axis=3)}
    return ClipAttention(Clip("clip", joints), "wave", maps, maps)


def moving(ways: np.ndarray) -> np.ndarray:
    """Joint j goes `ways[j]` along x."""
    joints = np.zeros((1, 5, 20, 3), dtype=np.float32)
    joints[..., 0] = np.linspace(0, 1, 5)[:, None] * ways
    return joints


def test_importance_is_the_mean_of_a_row_or_its_distance_from_the_others():
    rows = np.array([[1.0, 3.0], [-1.0, 1.0]])
    found = ClipAttention(Clip("clip", moving(np.zeros(20))), "wave", {"body": np.stack([rows, 3 * rows])[None]}, {})
    assert np.array_equal(found.map_of("body"), 2 * rows)
    assert np.array_equal(found.importance("body", head=0), [2, 0])
    assert np.array_equal(found.importance("body", head=0, measure="apart"), [1, 1])


def test_attention_that_marks_what_moves_agrees_with_motion():
    ways = np.arange(20.0)
    for importance, expected in ((ways, 1), (-ways, -1), (np.ones(20), 0)):
        found = agreement_with_motion([hand_made(importance, moving(ways))], KINECT20)
        assert found == {"joint": pytest.approx(expected)}
