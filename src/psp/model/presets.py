"""The network as the paper's text describes it, and as its published program builds it."""

from psp.model.encoder import Size, encoder_of_size
from psp.model.psp import ModelConfig


def paper_model(size: Size = "full") -> ModelConfig:
    """Return the text's network: scale sqrt(t c_e), bodies from parts; it is silent on absent persons."""
    return ModelConfig(encoder_of_size(size), scale="sqrt", bodies_from="parts", persons="present")


def published_model(size: Size = "full") -> ModelConfig:
    """Return the published program's network: scale t c_e, bodies from joints, absent persons as zeros."""
    return ModelConfig(encoder_of_size(size), scale="product", bodies_from="joints", persons="all")
