import pytest

from psp.model.backbone import ModelConfig
from psp.model.encoder import SIZES
from psp.model.predictor import make_predictor
from psp.model.presets import paper_model, published_model
from psp.model.pyramid_head import PyramidConfig, PyramidHead
from psp.skeleton.catalogue import layout_by_name

NTU25 = layout_by_name("ntu25")


def count(frames: int, model: ModelConfig, pyramid: PyramidConfig) -> int:
    predictor = make_predictor(NTU25, frames, 60, model, ("joint", "motion"), "sum")
    parts = predictor, PyramidHead(NTU25, frames, model.encoder, pyramid)
    return sum(weight.numel() for part in parts for weight in part.parameters())


def test_the_published_network_has_its_published_number_of_weights() -> None:
    assert count(52, *published_model()) == 5_138_940


@pytest.mark.parametrize(("size", "most"), [("tiny", 200_000), ("small", 600_000)])
def test_smaller_sizes_stay_small(size: str, most: int) -> None:
    assert count(32, *paper_model(size)) < most


@pytest.mark.parametrize("size", SIZES)
def test_presets_differ_where_text_and_program_differ(size: str) -> None:
    (paper, paper_pyramid), (published, published_pyramid) = paper_model(size), published_model(size)
    assert paper.encoder == published.encoder
    assert (paper_pyramid.scale, paper_pyramid.bodies_from) == ("sqrt", "parts")
    assert (published_pyramid.scale, published_pyramid.bodies_from, published.persons) == ("product", "joints", "all")
    for pyramid in (paper_pyramid, published_pyramid):
        assert (pyramid.body_to_part, pyramid.part_to_joint, pyramid.body_to_joint) == (0.2, 0.12, 0.24)
        assert pyramid.attention == "framewise"
