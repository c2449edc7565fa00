import hashlib
import json
from dataclasses import replace

import pytest

from psp.errors import ConfigError
from psp.model.psp import ModelConfig
from psp.train.config import TrainConfig, rescheduled
from psp.train.optim import OptimConfig
from psp.train.presets import paper

CONFIG = TrainConfig("nw-ucla", "5/class")


@pytest.mark.parametrize(
    ("name", "value"),
    [("labelled_batch", 0), ("unlabelled_batch", -1), ("epochs", 0), ("log_every", 0), ("steps", -1), ("average", 1.0)],
)
def test_impossible_settings_are_refused(name, value):
    with pytest.raises(ConfigError, match=rf"^{name}: "):
        replace(CONFIG, **{name: value})


def test_psp_learning_needs_levels_and_each_once():
    with pytest.raises(ConfigError, match=r"model\.levels: PSP Learning needs levels"):
        replace(CONFIG, model=ModelConfig(levels=()))
    with pytest.raises(ConfigError, match=r"model\.levels: a level is named twice"):
        replace(CONFIG, model=ModelConfig(levels=("joint", "body", "joint")))
    assert replace(CONFIG, model=ModelConfig(levels=()), method="supervised").model.levels == ()


def test_one_and_1_0_are_the_same_setting():
    assert replace(CONFIG, seed=1).hash != CONFIG.hash
    optim = replace(CONFIG.optim, warmup=5)
    assert replace(CONFIG, optim=optim).hash == CONFIG.hash


def test_settings_that_are_added_later_leave_the_hash_alone():
    """The hash of a stored run is known for ever: it is that of what differs from the defaults."""
    assert CONFIG.hash == hash_of({"protocol": "nw-ucla", "budget": "5/class"})
    changed = replace(CONFIG, model=ModelConfig(levels=("body",)), epochs=3)
    wanted = {"protocol": "nw-ucla", "budget": "5/class", "model": {"levels": ["body"]}, "epochs": 3}
    assert changed.hash == hash_of(wanted)


def hash_of(changes: dict) -> str:
    return hashlib.sha256(json.dumps(changes, sort_keys=True).encode()).hexdigest()[:16]


def test_another_length_keeps_the_schedules_proportions():
    config = paper("nw-ucla", "5%", "tiny")
    assert (config.epochs, config.optim.warmup, config.optim.milestones) == (300, 20, (76, 130))
    short = rescheduled(config, 60)
    assert (short.epochs, short.optim.warmup, short.optim.milestones) == (60, 4, (15, 26))
    assert replace(short, epochs=300, optim=config.optim) == config
    assert rescheduled(config, 300) == config
    assert rescheduled(config, 600).optim.milestones == (152, 260)
    few = replace(CONFIG, epochs=90, optim=OptimConfig(milestones=(20,)))
    assert rescheduled(few, 1).optim.milestones == (1,)
    with pytest.raises(ConfigError, match=r"^epochs: "):
        rescheduled(config, 0)
