"""The network as the paper's text describes it, and as its published program builds it."""

from psp.model.backbone import ModelConfig
from psp.model.encoder import Size, encoder_of_size
from psp.model.pyramid_head import PyramidConfig


def paper_model(size: Size = "full") -> tuple[ModelConfig, PyramidConfig]:
    """Return the network of the text: scale sqrt(t c_e), bodies from parts; absent persons, not mentioned, left out."""
    return ModelConfig(encoder_of_size(size)), PyramidConfig(scale="sqrt", bodies_from="parts")


def published_model(size: Size = "full") -> tuple[ModelConfig, PyramidConfig]:
    """Return the network of the published program: scale t c_e, bodies from joints, absent persons as zeros."""
    return ModelConfig(encoder_of_size(size), persons="all"), PyramidConfig(scale="product", bodies_from="joints")
