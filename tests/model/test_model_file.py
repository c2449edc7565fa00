import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from psp.batches.augment import AugmentConfig
from psp.batches.batch import DataConfig
from psp.batches.resample import ResampleConfig
from psp.errors import CheckpointError
from psp.model.backbone import ModelConfig
from psp.model.encoder import EncoderConfig
from psp.model.model_file import Interface, TrainedModel, header_of, interface_of, load_model
from psp.model.predictor import make_predictor
from psp.preprocess.clean import CleanConfig
from psp.preprocess.normalise import NormaliseConfig
from psp.skeleton.catalogue import layout_by_name
from samples import random_sample
from stores import BEETLE, own_store

ENCODER = EncoderConfig(((4, 8, 3, 2),), joints="graph")
DATA = DataConfig(ResampleConfig(frames=8, test_crops=((0.0, 0.8), (0.2, 1.0))), strong=AugmentConfig(turn=30.0))
INTERFACE = Interface(
    layout=BEETLE,
    classes=("crawl", "Ärger", "turn"),
    data=DATA,
    normalise=NormaliseConfig(scale="none"),
    clean=CleanConfig(),
    up="z",
    channels=3,
    persons=2,
    facts={"config": "0123", "labels": {"spec": "5/class"}},
)
CASES = {
    "own networks": (ModelConfig(ENCODER, dropout=0.5, networks="own"), "mean", INTERFACE),
    "shared": (ModelConfig(ENCODER, persons="all"), "sum", replace(INTERFACE, clean=None)),
    "flat": (ModelConfig(ENCODER), "sum", replace(INTERFACE, layout=layout_by_name("coco17"), up="-y", channels=2)),
}


def model(case: str = "own networks") -> TrainedModel:
    torch.manual_seed(0)
    config, fusion, interface = CASES[case]
    predictor = make_predictor(interface.layout, 8, 3, config, ("joint", "bone"), fusion)
    return TrainedModel(predictor.eval(), interface)


PARTS = [(part, key) for part, keys in header_of(model()).items() if part != "format" for key in keys if key != "facts"]


def rewritten(path: Path, header: Any) -> None:
    """Replace the header of a model file."""
    save_file(load_file(path), path, {"psp": header if isinstance(header, str) else json.dumps(header)})


def header_of_file(path: Path) -> dict[str, Any]:
    with safe_open(path, "pt") as file:
        return json.loads(file.metadata()["psp"])


@pytest.mark.parametrize("case", CASES)
def test_a_model_comes_back_as_it_was(tmp_path, case):
    ours = model(case)
    ours.save(tmp_path / "model.safetensors")
    again = load_model(tmp_path / "model.safetensors")
    facts = dict(again.interface.facts)
    assert "psp-learning" in facts.pop("versions")
    assert replace(again.interface, facts=facts) == ours.interface
    assert again.predictor.modalities == ("joint", "bone")
    assert (again.predictor.fusion, again.predictor.backbone.config) == (CASES[case][1], CASES[case][0])
    sample = random_sample(joints=len(ours.interface.layout.joints), modalities=("joint", "bone"))
    sample = replace(sample, modalities={name: values.float() for name, values in sample.modalities.items()})
    assert torch.equal(again.predictor(sample), ours.predictor(sample))
    assert not any(weight.requires_grad for weight in again.predictor.parameters())
    assert not any(part.training for part in again.predictor.modules())
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_other_weights_can_be_written(tmp_path):
    ours = model()
    averaged = {name: torch.zeros_like(tensor) for name, tensor in ours.predictor.state_dict().items()}
    ours.save(tmp_path / "average.safetensors", averaged)
    assert not any(weight.any() for weight in load_model(tmp_path / "average.safetensors").predictor.parameters())


def test_loading_draws_no_random_numbers(tmp_path):
    model().save(tmp_path / "model.safetensors")
    before = torch.random.get_rng_state()
    load_model(tmp_path / "model.safetensors")
    assert torch.equal(torch.random.get_rng_state(), before)


def test_files_that_are_no_models_are_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    with pytest.raises(CheckpointError, match="missing or damaged"):
        load_model(path)
    model().save(path)
    whole = path.read_bytes()
    for damaged in (whole[:-100], whole[:5], b"", b"not a model"):
        path.write_bytes(damaged)
        with pytest.raises(CheckpointError, match="missing or damaged"):
            load_model(path)
    save_file({"x": torch.zeros(1)}, path)
    with pytest.raises(CheckpointError, match="not a model of psp") as refusal:
        load_model(path)
    assert refusal.value.where == str(path)


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("{", "not readable JSON"),
        ("3", "expected an object"),
        ({}, "format 1, not 2"),
        ({"format": 3}, "format 3, not 2"),
        ({"format": 2}, "cannot be built"),
    ],
)
def test_headers_of_another_version_are_refused(tmp_path, header, message):
    model().save(tmp_path / "model.safetensors")
    rewritten(tmp_path / "model.safetensors", header)
    with pytest.raises(CheckpointError, match=message):
        load_model(tmp_path / "model.safetensors")


@pytest.mark.parametrize(("part", "key"), PARTS)
def test_any_damage_of_the_header_is_refused(tmp_path, part, key):
    path = tmp_path / "model.safetensors"
    model().save(path)
    whole = header_of_file(path)
    for junk in ([1, "x"], {"x": 1}):
        rewritten(path, {**whole, part: {**whole[part], key: junk}})
        with pytest.raises(CheckpointError, match="cannot be built"):
            load_model(path)
    rewritten(path, {**whole, part: {name: value for name, value in whole[part].items() if name != key}})
    with pytest.raises(CheckpointError, match="cannot be built"):
        load_model(path)


def test_weights_of_another_shape_are_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    model().save(path)
    header = header_of_file(path)
    header["interface"]["classes"].append("fourth")
    rewritten(path, header)
    with pytest.raises(CheckpointError, match="cannot be built"):
        load_model(path)


@pytest.mark.parametrize("layout", ["beetle", "coco17"])
def test_the_interface_of_a_store_accepts_that_store_only(layout):
    store = own_store(None, layout)
    interface = interface_of(store, DATA, 1, {})
    assert (interface.layout, interface.classes) == (store.layout, store.classes)
    assert (interface.channels, interface.prepared_up) == (store.channels, store.up)
    predictor = make_predictor(store.layout, 8, 4, ModelConfig(ENCODER), ("joint",), "sum")
    trained = TrainedModel(predictor, interface)
    trained.require_prepared_alike(store)
    with pytest.raises(CheckpointError, match="are of layout"):
        trained.require_prepared_alike(own_store(None, {"beetle": "coco17", "coco17": "beetle"}[layout]))
    for other in (replace(store, up="x"), replace(store, normalise=NormaliseConfig(centre="every-frame"))):
        with pytest.raises(CheckpointError, match="normalised differently"):
            trained.require_prepared_alike(other)


def test_what_turns_recordings_upright_says_the_vertical_axis_afterwards():
    upright = replace(INTERFACE, up="y", normalise=NormaliseConfig(upright="first-frame"))
    assert (INTERFACE.prepared_up, upright.prepared_up) == ("z", "z")
