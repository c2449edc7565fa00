import hashlib
import json
from dataclasses import fields, replace
from pathlib import Path

import pytest

from psp.batches.batch import BatchSizes
from psp.errors import ConfigError
from psp.methods import METHODS
from psp.methods.mean_teacher import MeanTeacherConfig
from psp.methods.moco import MoCoConfig
from psp.methods.psp import PSPConfig
from psp.methods.supervised import SupervisedConfig
from psp.model.pyramid_head import PyramidConfig
from psp.train.config import (
    RuntimeConfig,
    Stage,
    TrainConfig,
    changed,
    config_as_plain,
    config_from_plain,
    method_config,
    method_name,
    rescheduled,
)
from psp.train.optim import OptimConfig
from runs import small_run, with_stage

CONFIG = TrainConfig()
TWO = TrainConfig(
    (Stage(MoCoConfig(), name="pretrain"), Stage(SupervisedConfig(), name="finetune", initialise="backbone"))
)
GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "golden.json"


def hash_of(changes: dict) -> str:
    return hashlib.sha256(json.dumps(changes, sort_keys=True).encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("make", "name", "value"),
    [
        (BatchSizes, "labelled", 0), (BatchSizes, "unlabelled", -1), (Stage, "epochs", 0), (Stage, "ema", 1.0),
        (Stage, "steps_per_epoch", -1), (RuntimeConfig, "log_every", 0), (TrainConfig, "seed", -1),
        (TrainConfig, "seed", 2**63), (MeanTeacherConfig, "noisy_labels", 1.5), (MeanTeacherConfig, "start", -0.1),
    ],
)  # fmt: skip
def test_impossible_settings_are_refused(make, name, value):
    with pytest.raises(ConfigError, match=rf"{name}: {value} is out of range"):
        make(**{name: value})


def test_the_pyramid_needs_levels_and_each_once():
    with pytest.raises(ConfigError, match=r"pyramid\.levels: no level is named"):
        PyramidConfig(levels=())
    with pytest.raises(ConfigError, match=r"pyramid\.levels: a level is named twice"):
        PyramidConfig(levels=("joint", "body", "joint"))


def test_contrasted_modalities_must_be_among_the_modalities():
    with pytest.raises(ConfigError, match=r"method\.contrasted: the modality 'velocity' is not among"):
        MeanTeacherConfig(modalities=("joint", "distance"))
    assert MeanTeacherConfig(modalities=("joint", "distance"), contrast=0.0).contrast == 0


@pytest.mark.parametrize("names", [(), ("a", "a")])
def test_every_stage_needs_a_name_of_its_own(names):
    with pytest.raises(ConfigError, match="a name of its own"):
        TrainConfig(tuple(Stage(name=name) for name in names))


def test_the_first_stage_has_no_backbone_to_start_from():
    with pytest.raises(ConfigError, match="no stage before it"):
        TrainConfig((Stage(initialise="backbone"),))


@pytest.mark.parametrize("config", [CONFIG, TWO, *(small_run(method) for method in METHODS)])
def test_a_configuration_survives_the_way_through_json(config):
    again = config_from_plain(json.loads(json.dumps(config_as_plain(config))))
    assert again == config
    assert again.hash == config.hash


def test_every_method_has_a_configuration_of_its_own():
    for name, method in METHODS.items():
        assert method_name(method_config(name)) == name
        assert type(method_config(name)) is method.Config


def test_an_unknown_method_is_refused_with_the_nearest():
    with pytest.raises(ConfigError, match="Did you mean 'moco'"):
        method_config("mocco")


def test_one_and_1_0_are_the_same_setting():
    assert replace(CONFIG, seed=1).hash != CONFIG.hash
    assert with_stage(CONFIG, optim=replace(CONFIG.last.optim, warmup=5)).hash == CONFIG.hash


def test_the_hash_is_that_of_what_differs_from_the_defaults():
    """So a setting that is added later, with a default that changes nothing, leaves the hashes of stored runs alone."""
    assert CONFIG.hash == hash_of({"stages": [{"method": {"name": "psp"}}]})
    levels = PSPConfig(pyramid=PyramidConfig(levels=("body",)))
    wanted = {"stages": [{"epochs": 3, "method": {"name": "psp", "pyramid": {"levels": ["body"]}}}], "seed": 4}
    assert replace(with_stage(CONFIG, method=levels, epochs=3), seed=4).hash == hash_of(wanted)


def test_the_hash_covers_every_stage_and_its_method():
    hashes = {TWO.hash, CONFIG.hash, replace(TWO, stages=TWO.stages[:1]).hash}
    hashes |= {changed(TWO, {"pretrain": {"epochs": 3}}).hash, changed(TWO, {"epochs": 3}).hash}
    hashes |= {
        changed(TWO, {"pretrain": {"method": {"bank": 8}}}).hash,
        changed(TWO, {"runtime": {"log_every": 3}}).hash,
    }
    assert len(hashes) == 7


def test_changes_reach_the_run_and_its_last_stage():
    found = changed(TWO, {"seed": 3, "model": {"dropout": 0.2}, "epochs": 7, "method": {"label_smoothing": 0.1}})
    assert (found.seed, found.model.dropout) == (3, 0.2)
    assert found.stages[0] == TWO.stages[0]
    wanted = replace(TWO.last, epochs=7, method=SupervisedConfig(label_smoothing=0.1))
    assert found.last == wanted


def test_a_stage_is_changed_by_its_name():
    found = changed(TWO, {"pretrain": {"epochs": 2, "method": {"bank": 16}, "optim": {"learning_rate": 1}}, "ema": 0.5})
    assert found.stages[0].method == MoCoConfig(bank=16)
    assert (found.stages[0].epochs, found.stages[0].optim.learning_rate, found.stages[0].ema) == (2, 1.0, 0.999)
    assert found.last == replace(TWO.last, ema=0.5)
    assert changed(TWO, {"finetune": {"ema": 0.5}}).last == found.last


def test_a_method_is_changed_by_its_name_or_by_its_options():
    assert changed(CONFIG, {"method": "fixmatch"}).last.method == method_config("fixmatch")
    found = changed(TWO, {"pretrain": {"method": "psp"}})
    assert [method_name(stage.method) for stage in found.stages] == ["psp", "supervised"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epoch": 3}, r"epoch: there is no such setting. Did you mean 'epochs'"),
        ({"sed": 3}, r"Did you mean 'seed'"),
        ({"pretrian": {"epochs": 1}}, r"Did you mean 'pretrain'"),
        ({"pretrain": {"epoch": 3}}, r"pretrain\.epoch: there is no such setting. Did you mean 'epochs'"),
        ({"pretrain": {"seed": 3}}, r"pretrain\.seed: there is no such setting"),
        ({"pretrain": {"method": {"banks": 3}}}, r"pretrain\.method\.banks: .* Did you mean 'bank'"),
        ({"method": {"bank": 3}}, r"method\.bank: there is no such setting"),
        ({"optim": {"momentun": 3}}, r"optim\.momentun: .* Did you mean 'momentum'"),
        ({"epochs": "many"}, r"epochs: 'many' is not of type int"),
        ({"method": {"modalities": ["joint", "motin"]}}, r"there is no modality 'motin'. Did you mean 'motion'"),
        ({"pretrain": {"method": {"modalities": ["joint", "x"]}}}, r"there is no modality 'x'. Choose from joint,"),
        ({"method": {"modalities": ["joint", "joint"]}}, r"the modalities are joint, joint. .* each once"),
        ({"method": {"modalities": []}}, r"the modalities are none. Name at least one"),
        ({"optim": {"milestones": [5, 0]}}, r"optim\.milestones: 0 is out of range. Use epochs from 1 on"),
        ({"pretrain": 3}, r"pretrain: 3 is not a section"),
        ({"method": 3}, r"method: 3 is not a section"),
    ],
)
def test_mistakes_are_refused_with_the_name_and_the_nearest(changes, message):
    with pytest.raises(ConfigError, match=message):
        changed(TWO, changes)


def test_a_configuration_of_version_1_keeps_its_settings():
    """One configuration of every method that was recorded before stages existed."""
    recorded = {run["config"]["method"]: run["config"] for run in json.loads(GOLDEN.read_text())["runs"].values()}
    assert recorded.keys() == {"supervised", "streams", "psp", "taught"}
    for old in recorded.values():
        config = config_from_plain(old, version=1)
        stage = config.last
        assert len(config.stages) == 1
        assert (stage.epochs, stage.steps_per_epoch, stage.ema) == (old["epochs"], old["steps"], old["average"])
        assert (stage.batch.labelled, stage.batch.unlabelled) == (old["labelled_batch"], old["unlabelled_batch"])
        assert (stage.batch.unlabelled_pool == "train") == old["labelled_as_unlabelled"]
        assert stage.optim == OptimConfig(**old["optim"] | {"milestones": tuple(old["optim"]["milestones"])})
        assert stage.method.label_smoothing == old["objective"]["label_smoothing"]
        if isinstance(stage.method, MeanTeacherConfig):
            assert stage.method.consistency == old["objective"]["pseudo_label"]
            assert stage.method.label_spreading == old["spread"]
        assert (config.seed, config.model.dropout) == (old["seed"], old["model"]["dropout"])
        assert config.data.resample.frames == old["data"]["sample"]["frames"]
        assert config_from_plain(config_as_plain(config)) == config


def test_another_length_keeps_the_schedules_proportions():
    stage = Stage(optim=OptimConfig(warmup=20, milestones=(76, 130)), epochs=300)
    short = rescheduled(stage, 60)
    assert (short.epochs, short.optim.warmup, short.optim.milestones) == (60, 4, (15, 26))
    assert replace(short, epochs=300, optim=stage.optim) == stage
    assert rescheduled(stage, 300) == stage
    assert rescheduled(stage, 600).optim.milestones == (152, 260)
    assert rescheduled(Stage(optim=OptimConfig(milestones=(20,)), epochs=90), 1).optim.milestones == (1,)
    with pytest.raises(ConfigError, match=r"^epochs: "):
        rescheduled(stage, 0)


def test_options_are_immutable_values():
    for config in (CONFIG, *(method_config(name) for name in METHODS)):
        assert hash(config) == hash(replace(config))
        with pytest.raises(AttributeError):
            setattr(config, fields(config)[0].name, None)
