import pytest

from psp.model.encoder import SIZES
from psp.model.presets import paper_model, published_model
from psp.model.psp import PSPNetwork
from psp.skeleton.layouts import LAYOUTS


def count(network: PSPNetwork) -> int:
    return sum(weight.numel() for weight in network.parameters())


def test_the_published_network_has_its_published_number_of_weights() -> None:
    assert count(PSPNetwork(LAYOUTS["ntu25"], 52, 60, published_model())) == 5_138_940


@pytest.mark.parametrize(("size", "most"), [("tiny", 200_000), ("small", 600_000)])
def test_smaller_sizes_stay_small(size: str, most: int) -> None:
    assert count(PSPNetwork(LAYOUTS["ntu25"], 32, 60, paper_model(size))) < most


@pytest.mark.parametrize("size", SIZES)
def test_presets_differ_where_text_and_program_differ(size: str) -> None:
    paper, published = paper_model(size), published_model(size)
    assert (paper.scale, paper.bodies_from) == ("sqrt", "parts")
    assert (published.scale, published.bodies_from, published.persons) == ("product", "joints", "all")
    for config in (paper, published):
        assert (config.body_to_part, config.part_to_joint, config.body_to_joint) == (0.2, 0.12, 0.24)
        assert config.attention == "framewise"
