import os
import shutil
from dataclasses import replace

import pytest
import torch

from psp import SkeletonClassifier
from psp.cli import pretrain as command
from psp.cli.main import main
from psp.dataset.build import prepare
from psp.dataset.store import open_store
from psp.errors import CheckpointError, ConfigError, PSPError
from psp.io.formats.synthetic import SyntheticReader
from psp.model.model_file import load_model
from psp.preprocess.normalise import NormaliseConfig
from psp.skeleton.catalogue import layout_by_name
from psp.synthetic import SyntheticConfig
from psp.train import made_weights
from psp.train.api import from_made_weights, make_task, preset_config
from psp.train.config import changed
from psp.train.made_weights import MADE, Kind, kind_of
from psp.train.pretrain import PretrainConfig, pretrain
from psp.train.run import Run

SMALL = PretrainConfig(actions=3, subjects=2, cameras=1, epochs=1, batch=4)
KINDS = {
    "images": Kind(layout_by_name("coco17"), 2, "-y", NormaliseConfig()),
    "bodies": Kind(layout_by_name("kinect20"), 3, "z", NormaliseConfig()),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The files of weights of both kinds, in a folder of their own."""
    folder = tmp_path_factory.mktemp("weights")
    return {name: pretrain(kind, SMALL, folder) for name, kind in KINDS.items()}


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """A store of recordings of each kind."""
    folder = tmp_path_factory.mktemp("stores")
    for name, kind in KINDS.items():
        config = SyntheticConfig(kind.layout, kind.channels, 8, cameras=1)
        prepare(SyntheticReader(config, turned_up=kind.up), folder / name, workers=1)
    return {name: open_store(folder / name) for name in KINDS}


@pytest.fixture(autouse=True)
def kept(made, monkeypatch, tmp_path):
    """Let made weights be searched in the folder of `made` only."""
    folder = made["images"].parent
    monkeypatch.setenv("PSP_WEIGHTS", str(folder))
    monkeypatch.setattr(made_weights, "SHIPPED", tmp_path / "none")
    return folder


@pytest.mark.parametrize("name", KINDS)
def test_training_starts_from_the_encoders_that_were_made_for_such_recordings(name, made, stores):
    task = make_task(stores[name], "all", "none")
    assert kind_of(task.store).stem == KINDS[name].stem
    config = preset_config(task, "best", epochs=1)
    assert config.stages[0].initialise == f"{MADE}{made[name].stem}"
    found, expected = Run(task, config, None).trainer.method.backbone(), load_model(made[name]).predictor.backbone
    assert found.modalities == expected.modalities
    for key, value in expected.state_dict().items():
        torch.testing.assert_close(found.state_dict()[key], value, rtol=0, atol=0)
    scratch = preset_config(task, "best", epochs=1, init="none")
    assert scratch.stages[0].initialise == "scratch"
    assert scratch.hash != config.hash
    assert preset_config(task, "best", epochs=1, init="made") == config


def test_encoders_are_those_of_the_modalities_in_any_order(made):
    weights = f"{MADE}{made['bodies'].stem}"
    backbone = load_model(made["bodies"]).predictor.backbone
    state = made_weights.made_state(weights, ("distance", "joint"))
    for number, name in enumerate(("distance", "joint")):
        encoder = backbone.encoders[backbone.number(name)].state_dict()
        assert {key for key in state if key.startswith(f"encoders.{number}.")} == {
            f"encoders.{number}.{k}" for k in encoder
        }
        assert all(torch.equal(state[f"encoders.{number}.{key}"], value) for key, value in encoder.items())


def test_encoders_of_several_persons_start_at_random_beside_made_ones(made, stores):
    task = make_task(stores["bodies"], "all", "none")
    modalities = ("joint", "velocity", "inter-person distance")
    random = changed(preset_config(task, "best", init="none"), {"method": {"modalities": modalities}})
    config = from_made_weights(random, task, is_required=True)
    own, drawn = (Run(task, each, None).trainer.method.backbone() for each in (config, random))
    expected = load_model(made["bodies"]).predictor.backbone
    for number, name in enumerate(modalities):
        start = drawn.encoders[number] if name == modalities[-1] else expected.encoders[expected.number(name)]
        for key, value in own.encoders[number].state_dict().items():
            torch.testing.assert_close(value, start.state_dict()[key], rtol=0, atol=0)


def test_other_recordings_and_other_networks_start_from_random_weights(stores):
    task = make_task(stores["bodies"], "all", "none")
    kind = kind_of(task.store)
    best = preset_config(task, "best", init="none")
    for other in (replace(kind, up="y"), replace(kind, normalise=NormaliseConfig("every-frame"))):
        assert made_weights.made_weights(other, best.model, best.last.method.modalities) is None
    for options in ({"preset": "paper", "size": "tiny"}, {"size": "tiny"}):
        assert preset_config(task, **options).stages[0].initialise == "scratch"
        with pytest.raises(ConfigError, match="no encoders made for kinect20"):
            preset_config(task, **options, init="made")


def test_weights_made_here_come_before_shipped_ones_and_later_ones_before_earlier(made, stores, monkeypatch, tmp_path):
    best = preset_config(make_task(stores["images"], "all", "none"), "best", size="light", init="none")
    kept, shipped = tmp_path / "kept", tmp_path / "shipped"
    monkeypatch.setattr(made_weights, "SHIPPED", shipped)
    monkeypatch.setenv("PSP_WEIGHTS", str(kept))
    names = []
    for time, folder in ((3, shipped), (1, kept), (2, kept)):
        folder.mkdir(exist_ok=True)
        path = folder / f"{KINDS['images'].stem}0000000{len(names)}.safetensors"
        shutil.copy(made["images"], path)
        os.utime(path, (time, time))
        names.append(f"{MADE}{path.stem}")
        chosen = made_weights.made_weights(KINDS["images"], best.model, best.last.method.modalities)
        assert chosen == names[-1]
    only = made_weights.made_weights(KINDS["images"], best.model, best.last.method.modalities, only_shipped=True)
    assert only == names[0]


def test_weights_that_are_gone_are_named(made, stores, monkeypatch, tmp_path):
    task = make_task(stores["images"], "all", "none")
    config = preset_config(task, "best", epochs=1)
    monkeypatch.setenv("PSP_WEIGHTS", str(tmp_path))
    with pytest.raises(CheckpointError, match=made["images"].stem):
        Run(task, config, None)


def test_pre_training_is_reproducible(made, tmp_path):
    assert pretrain(KINDS["images"], SMALL, tmp_path).name == made["images"].name


def test_a_layout_that_is_no_human_body_is_refused(tmp_path):
    with pytest.raises(PSPError, match="hand21"):
        pretrain(Kind(layout_by_name("hand21"), 3, "y", NormaliseConfig()), SMALL, tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_command_makes_weights_and_training_takes_them(stores, kept, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(command, "PretrainConfig", lambda epochs, seed: replace(SMALL, epochs=epochs, seed=seed))
    assert main(["pretrain", "--layout", "coco17", "--channels", "2", "--epochs", "1", "--out", str(tmp_path)]) == 0
    assert [path.name for path in tmp_path.iterdir()] == [next(kept.glob("coco17*")).name]
    assert main(["pretrain"]) == main(["pretrain", str(stores["bodies"].path), "--layout", "coco17"]) == 2
    run = ["train", str(stores["images"].path), "--split", "none", "--epochs", "1", "--batch.labelled", "4"]
    assert main([*run, "--out", str(tmp_path / "run")]) == 0
    assert "start: encoders coco17-2d--y-" in capsys.readouterr().out
    blocks = ["--model.encoder.blocks", "[[8, 8, 3, 2], [8, 8, 3, 2]]"]
    assert main([*run, *blocks, "--out", str(tmp_path / "small")]) == 0
    said = capsys.readouterr().out
    assert "start: random weights" in said
    assert "psp pretrain" not in said


def test_training_without_made_encoders_names_the_command_that_makes_them(stores, kept, capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("PSP_WEIGHTS", str(tmp_path))
    run = ["train", str(stores["images"].path), "--split", "none", "--epochs", "1", "--batch.labelled", "4"]
    assert main([*run, "--out", str(tmp_path / "run")]) == 0
    assert f"'psp pretrain {stores['images'].path}'" in " ".join(capsys.readouterr().out.split())
    assert main([*run, "--out", str(tmp_path / "random"), "--init", "none"]) == 0
    assert "psp pretrain" not in capsys.readouterr().out


def test_the_estimator_takes_what_training_starts_from(stores):
    clips = [stores["images"].clip(number).joints for number in range(8)]
    fits = [SkeletonClassifier("coco17", epochs=1, init=init, random_state=0) for init in (None, "made", "none")]
    first, same, other = (each.fit(clips, [0, 1] * 4).history_[0]["loss"] for each in fits)
    assert first == same != other
