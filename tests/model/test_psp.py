from dataclasses import replace

import pytest
import torch
from torch import Tensor

from psp.errors import ConfigError
from psp.model.encoder import EncoderConfig
from psp.model.psp import ModelConfig, PSPNetwork
from psp.skeleton.layouts import LAYOUTS

CONFIG = ModelConfig(EncoderConfig(((8, 8, 2, 2), (8, 16, 4, 1)), heads=2))


def network(config: ModelConfig = CONFIG, **changes) -> PSPNetwork:
    torch.manual_seed(0)
    return PSPNetwork(LAYOUTS["kinect20"], 8, 5, replace(config, **changes)).double().eval()


def clips(n: int = 3, persons: int = 2) -> Tensor:
    return torch.randn(n, persons, 8, 20, 3, generator=torch.Generator().manual_seed(n)).double()


def everybody(views: Tensor) -> Tensor:
    return torch.ones(views.shape[:2], dtype=torch.bool)


def test_present_equals_all_when_everybody_is_there() -> None:
    x = clips()
    present, everyone = network(persons="present"), network(persons="all")
    torch.testing.assert_close(present(x, x, everybody(x)), everyone(x, x, everybody(x)))


def test_padding_with_absent_persons_changes_nothing() -> None:
    x = clips(persons=1)
    padded = torch.cat([x, torch.full_like(x, 7.0)], dim=1)
    persons = everybody(padded)
    persons[:, 1] = False
    model = network().train()
    torch.testing.assert_close(model(padded, padded, persons), model(x, x, everybody(x)))


def test_logits_are_the_sum_over_any_number_of_views() -> None:
    model, views = network(), [clips(3), clips(3) + 1, clips(3) * 2]
    persons = everybody(views[0])
    single = [model.classify(model.encode(view, persons)) for view in views]
    torch.testing.assert_close(model.logits(views, persons), sum(single))
    torch.testing.assert_close(model(views[0], views[1], persons), single[0] + single[1])


@pytest.mark.parametrize("levels", [("body",), ("part", "body"), ("joint",), ("body", "part", "joint")])
@pytest.mark.parametrize("polymerise", [True, False])
def test_any_subset_of_levels(levels: tuple, polymerise: bool) -> None:
    model, x = network(levels=levels, polymerise=polymerise), clips()
    polymerised = model.polymerise(model.encode(x, everybody(x)))
    nodes = {"body": 5, "part": 10, "joint": 20}
    assert {level: e.features.shape[-1] for level, e in polymerised.items()} == {k: nodes[k] for k in levels}
    assert {level: p.shape for level, p in model.project(polymerised).items()} == dict.fromkeys(levels, (3, 16))


def test_without_levels_there_is_a_classifier_only() -> None:
    model, whole = network(levels=()), network()
    x = clips()
    assert model.polymerise(model.encode(x, everybody(x))) == {}
    assert model.project({}) == {}
    assert {name.split(".")[0] for name in model.state_dict()} == {"encoder", "classifier"}
    assert torch.equal(model(x, x, everybody(x)), whole(x, x, everybody(x)))


def test_without_ppa_the_levels_are_pooled_features() -> None:
    model, x = network(polymerise=False), clips()
    encoded = model.encode(x, everybody(x))
    polymerised = model.polymerise(encoded)
    assert torch.equal(polymerised["joint"].features, encoded.features)
    with pytest.raises(ConfigError):
        model.attention_maps(encoded)


def test_attention_maps_belong_to_the_features() -> None:
    model, x = network(), clips()
    encoded = model.encode(x, everybody(x))
    maps = model.attention_maps(encoded)
    assert maps.maps["joint"].shape == (6, 2, 20, 20)
    assert torch.equal(maps.features["part"], model.polymerise(encoded)["part"].features)


def test_gradients_reach_every_weight() -> None:
    model, x = network().train(), clips()
    joint, motion = model.encode(torch.cat([x, -x]), everybody(torch.cat([x, x]))).split([3, 3])
    projected = [value for view in (joint, motion) for value in model.project(model.polymerise(view)).values()]
    total = model.classify(joint) + model.classify(motion)
    (total.square().sum() + sum(value.square().sum() for value in projected)).backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in model.parameters())


@pytest.mark.parametrize(
    "config",
    [
        replace(CONFIG, attention="sequence"),
        replace(CONFIG, encoder=replace(CONFIG.encoder, temporal="attention", temporal_map=True)),
    ],
)
def test_a_fixed_number_of_frames_is_said(config: ModelConfig) -> None:
    model, x = network(config), clips()
    assert model(x, x, everybody(x)).shape == (3, 5)
    with pytest.raises(ConfigError, match="8 only"):
        model(x[:, :, :6], x[:, :, :6], everybody(x))


def test_otherwise_any_number_of_frames_will_do() -> None:
    x = clips().repeat(1, 1, 3, 1, 1)
    assert network()(x, x, everybody(x)).shape == (3, 5)


def test_another_skeleton_is_refused() -> None:
    x = torch.randn(1, 1, 8, 25, 3)
    with pytest.raises(ConfigError, match="25 joints"):
        network()(x, x, everybody(x))


def test_impossible_configurations_are_refused() -> None:
    with pytest.raises(ConfigError, match="no level"):
        ModelConfig(levels=("limb",))
    with pytest.raises(ConfigError, match="heads"):
        ModelConfig(EncoderConfig(((8, 10, 2, 1),), heads=4))
    with pytest.raises(ConfigError, match=r"model\.dropout: 1\.5"):
        ModelConfig(dropout=1.5)
    with pytest.raises(ConfigError, match=r"model\.body_to_part: nan"):
        ModelConfig(body_to_part=float("nan"))
    with pytest.raises(ConfigError, match=r"model\.encoder\.dropout: -1"):
        EncoderConfig(dropout=-1.0)
