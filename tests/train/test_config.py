import hashlib
import json
from dataclasses import replace

import pytest

from psp.errors import ConfigError
from psp.model.psp import ModelConfig
from psp.train.config import TrainConfig

CONFIG = TrainConfig("nw-ucla", "5/class")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("labelled_batch", 0),
        ("unlabelled_batch", -1),
        ("epochs", 0),
        ("log_every", 0),
        ("steps", -1),
        ("average", 1.0),
        ("seed", -1),
        ("seed", 2**63),
        ("budget_seed", -1),
        ("doubt", 1.5),
    ],
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


def test_there_is_a_teacher_if_its_method_is_chosen_and_listens_to_it():
    listening = replace(CONFIG.objective, pseudo_label=1.0)
    assert replace(CONFIG, method="taught", objective=listening).has_teacher
    assert not replace(CONFIG, method="taught").has_teacher
    assert not replace(CONFIG, objective=listening).has_teacher


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
