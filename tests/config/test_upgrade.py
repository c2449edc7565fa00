import copy
import json
from itertools import product
from pathlib import Path

import pytest

from psp.batches.augment import AugmentConfig
from psp.config.override import as_plain
from psp.config.upgrade import CONFIG_VERSION, METHOD_NAMES, upgrade
from psp.errors import ConfigError
from psp.model.encoder import EncoderConfig
from psp.train.config import TrainConfig, config_as_plain, config_from_plain, method_name

GOLDEN = Path(__file__).parent.parent / "golden" / "golden.json"
OLD = {name: run["config"] for name, run in json.loads(GOLDEN.read_text())["runs"].items()}
MEAN_TEACHER = "tiny/mean_teacher-noisy"


def upgraded(name: str) -> TrainConfig:
    return config_from_plain(OLD[name], 1)


@pytest.mark.parametrize("name", OLD)
def test_old_configurations_survive_the_way_through_plain_values(name):
    config = upgraded(name)
    plain = config_as_plain(config)
    again = config_from_plain(json.loads(json.dumps(plain)))
    assert again == config
    assert again.hash == config.hash
    assert config_as_plain(again) == plain


@pytest.mark.parametrize("name", OLD)
def test_nothing_that_was_configured_is_lost(name):
    old, config = OLD[name], upgraded(name)
    stage, data, objective = config.last, config.data, old["objective"]
    assert method_name(stage.method) == METHOD_NAMES[old["method"]]
    assert (stage.epochs, stage.steps_per_epoch, stage.ema) == (old["epochs"], old["steps"], old["average"])
    assert (stage.batch.labelled, stage.batch.unlabelled) == (old["labelled_batch"], old["unlabelled_batch"])
    assert (stage.batch.unlabelled_pool == "train") is old["labelled_as_unlabelled"]
    assert (config.seed, config.runtime.log_every) == (old["seed"], old["log_every"])
    assert (config.runtime.precision, config.runtime.memory.chunk) == (old["precision"], old["memory"]["chunk"])
    plain = config_as_plain(config)
    assert plain["stages"][0]["optim"] == old["optim"]
    assert plain["model"]["encoder"] == {**as_plain(EncoderConfig()), **old["model"]["encoder"]}
    assert plain["data"]["resample"] == old["data"]["sample"]
    augmentations = (old["data"]["augment"], old["data"]["augment_labelled"] or old["data"]["augment"])
    expected = [{**as_plain(AugmentConfig()), **each} for each in augmentations]
    assert [plain["data"]["strong"], plain["data"]["weak"]] == expected
    assert (data.modalities, data.motion) == (old["data"]["views"], old["data"]["motion"])
    assert (config.model.networks, config.model.persons) == (old["model"]["networks"], old["model"]["persons"])
    assert stage.method.label_smoothing == objective["label_smoothing"]


def test_the_options_of_psp_survive():
    config, old = upgraded("tiny/psp-published"), OLD["tiny/psp-published"]
    method, pyramid = config.last.method, config.last.method.pyramid
    assert (method.temperature, method.contrast) == (old["objective"]["temperature"], old["objective"]["contrast"])
    assert all(_plain(getattr(pyramid, key)) == old["model"][key] for key in vars(pyramid))


def test_the_options_of_the_mean_teacher_survive():
    old = copy.deepcopy(OLD[MEAN_TEACHER])
    old["objective"] |= {"pseudo_label": 0.7, "sharpness": 3.0, "contrast": 0.05}
    old |= {"teach_after": 0.4, "spread": 0.25, "doubt": 0.8}
    method = config_from_plain(old, 1).last.method
    assert (method.consistency, method.sharpness, method.contrast) == (0.7, 3.0, 0.05)
    assert (method.start, method.label_spreading, method.noisy_labels) == (0.4, 0.25, 0.8)


def test_hashes_are_equal_for_equal_configurations_only():
    configs = {name: upgraded(name) for name in OLD}
    hashes = {name: config.hash for name, config in configs.items()}
    assert all((hashes[a] == hashes[b]) is (configs[a] == configs[b]) for a, b in product(OLD, OLD))
    assert upgraded(MEAN_TEACHER).hash == hashes[MEAN_TEACHER]
    changed = copy.deepcopy(OLD[MEAN_TEACHER])
    changed["objective"]["sharpness"] = 3.0
    assert config_from_plain(changed, 1).hash != hashes[MEAN_TEACHER]


@pytest.mark.parametrize("unused", [("objective", "confidence"), ("model", "levels")])
def test_settings_that_a_method_did_not_use_change_nothing(unused):
    section, key = unused
    old = copy.deepcopy(OLD["tiny/supervised"])
    old[section][key] = {"confidence": 0.5, "levels": ["body"]}[key]
    assert config_from_plain(old, 1) == upgraded("tiny/supervised")


@pytest.mark.parametrize("missing", ["doubt", "precision"])
def test_settings_that_came_later_have_their_first_value(missing):
    old = {key: value for key, value in OLD["tiny/mean_teacher"].items() if key != missing}
    assert config_from_plain(old, 1) == upgraded("tiny/mean_teacher")


def test_upgrading_leaves_its_input_alone_and_this_version_as_it_is():
    old = copy.deepcopy(OLD[MEAN_TEACHER])
    new = upgrade(old, 1)
    assert old == OLD[MEAN_TEACHER]
    assert upgrade(new, CONFIG_VERSION) == new


def test_an_old_setting_in_a_new_configuration_is_refused():
    plain = config_as_plain(upgraded(MEAN_TEACHER))
    plain["stages"][0]["method"]["doubt"] = 0.5
    with pytest.raises(ConfigError, match=r"method\.doubt: there is no such setting"):
        config_from_plain(plain)


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
