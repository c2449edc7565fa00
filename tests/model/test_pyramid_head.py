import pytest
import torch

from psp.errors import ConfigError
from psp.model.encoded import Encoded
from psp.model.encoder import EncoderConfig
from psp.model.pyramid_head import PyramidConfig, PyramidHead
from psp.skeleton.catalogue import layout_by_name, layout_names

KINECT20 = layout_by_name("kinect20")
ENCODER = EncoderConfig(((8, 8, 2, 2), (8, 16, 4, 1)), heads=2)


def head(layout: str = "kinect20", **changes) -> PyramidHead:
    torch.manual_seed(0)
    return PyramidHead(layout_by_name(layout), 8, ENCODER, PyramidConfig(**changes)).double().eval()


def encoded(frames: int = 4, joints: int = 20) -> Encoded:
    """Features of three clips, of which the second has one person."""
    draw = torch.Generator().manual_seed(frames)
    features = torch.randn(5, 16, frames, joints, generator=draw, dtype=torch.float64)
    return Encoded(features, torch.tensor([0, 0, 1, 2, 2]), 3)


@pytest.mark.parametrize("levels", [("body",), ("part", "body"), ("joint",), ("body", "part", "joint")])
@pytest.mark.parametrize("polymerise", [True, False])
def test_any_subset_of_levels(levels, polymerise):
    model = head(levels=levels, polymerise=polymerise)
    polymerised = model.polymerise(encoded())
    nodes = {"body": 5, "part": 10, "joint": 20}
    assert {level: e.features.shape[-1] for level, e in polymerised.items()} == {k: nodes[k] for k in levels}
    assert {level: p.shape for level, p in model(encoded()).items()} == dict.fromkeys(levels, (3, 16))


@pytest.mark.parametrize("name", layout_names())
def test_every_layout_has_features_of_all_levels(name):
    features = head(layout=name)(encoded(joints=len(layout_by_name(name).joints)))
    assert {level: values.shape for level, values in features.items()} == dict.fromkeys(
        ("body", "part", "joint"), (3, 16)
    )


def test_a_level_is_the_projection_of_its_pooled_features():
    model = head()
    polymerised = model.polymerise(encoded())
    for level, projected in model(encoded()).items():
        features = polymerised[level].features.mean((2, 3))
        pooled = torch.stack([features[:2].mean(0), features[2], features[3:].mean(0)])
        torch.testing.assert_close(projected, model.projection(pooled))


def test_without_ppa_the_levels_are_pooled_features():
    model, given = head(polymerise=False), encoded()
    polymerised = model.polymerise(given)
    assert torch.equal(polymerised["joint"].features, given.features)
    assert {name.split(".")[0] for name in model.state_dict()} == {"projection"}
    with pytest.raises(ConfigError, match="no polymerising attention"):
        model.attention_maps(given)


def test_attention_maps_belong_to_the_features():
    model, given = head(), encoded()
    maps = model.attention_maps(given)
    assert maps.maps["joint"].shape == (5, 2, 20, 20)
    assert torch.equal(maps.features["part"], model.polymerise(given)["part"].features)


def test_gradients_reach_every_weight():
    model = head().train()
    sum(values.square().sum() for values in model(encoded()).values()).backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in model.parameters())


@pytest.mark.parametrize("level", ["body", "part"])
def test_only_the_configured_levels_and_coarser_ones_have_weights(level):
    levels = {name.split(".")[2] for name in head(levels=(level,)).state_dict() if name.startswith("polymerising")}
    assert levels == {"body", level}


def test_attention_over_the_sequence_fixes_the_number_of_frames():
    assert head(attention="framewise")(encoded(6))["joint"].shape == (3, 16)
    model = head(attention="sequence")
    assert model(encoded())["joint"].shape == (3, 16)
    with pytest.raises(ConfigError, match="6 frames, but this network needs 4"):
        model(encoded(6))


def test_impossible_configurations_are_refused():
    with pytest.raises(ConfigError, match="no level 'limb'"):
        PyramidConfig(levels=("limb",))
    with pytest.raises(ConfigError, match="named twice"):
        PyramidConfig(levels=("body", "body"))
    with pytest.raises(ConfigError, match="no level is named"):
        PyramidConfig(levels=())
    with pytest.raises(ConfigError, match=r"pyramid\.body_to_part: nan"):
        PyramidConfig(body_to_part=float("nan"))
    with pytest.raises(ConfigError, match="10 features cannot be shared among 4 heads"):
        PyramidHead(KINECT20, 8, EncoderConfig(((8, 10, 2, 1),), heads=4), PyramidConfig())
