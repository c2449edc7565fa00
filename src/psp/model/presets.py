"""The network as the paper's text describes it, and as its published program builds it."""

from psp.model.encoder import SIZES, EncoderConfig, Size
from psp.model.psp import ModelConfig


def paper_model(size: Size = "full") -> ModelConfig:
    """Return the text's network: scale sqrt(t c_e), bodies from parts; it is silent on absent persons."""
    return ModelConfig(EncoderConfig(SIZES[size]), scale="sqrt", bodies_from="parts", persons="present")


def published_model(size: Size = "full") -> ModelConfig:
    """Return the published program's network: scale t c_e, bodies from joints, absent persons as zeros."""
    return ModelConfig(EncoderConfig(SIZES[size]), scale="product", bodies_from="joints", persons="all")
