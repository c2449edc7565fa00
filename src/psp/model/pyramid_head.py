"""The contrastive part of PSP Learning: pyramid, polymerising attention and projection (figure 2, lower branch)."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Literal

from jaxtyping import Float
from torch import Tensor, nn

from psp.config.ranges import require
from psp.errors import ConfigError
from psp.model.encoded import Encoded
from psp.model.encoder import EncoderConfig
from psp.model.heads import Projection
from psp.model.polymerise import LevelAttention, Polymerised, PyramidPolymerisingAttention
from psp.model.pyramid import LEVELS, SkeletonPyramid
from psp.skeleton.layout import Layout


@dataclass(frozen=True)
class PyramidConfig:
    """Options of the pyramid and its attention; the defaults are the paper's text.

    Args:
        levels: the levels that are contrasted, of body, part and joint
        polymerise: whether PPA is used; without it levels are only pooled (an ablation of the paper)
        attention: whether Q, K and V are computed from each frame (1x1 convolution) or from the whole sequence
        scale: whether attention is divided by sqrt(t c_e) (paper) or by t c_e (published program)
        bodies_from: whether bodies are means of parts (paper) or of joints (published program)
        body_to_part: lambda of eq. 7
        part_to_joint: alpha of eq. 9
        body_to_joint: beta of eq. 9
    """

    levels: tuple[str, ...] = LEVELS
    polymerise: bool = True
    attention: Literal["framewise", "sequence"] = "framewise"
    scale: Literal["sqrt", "product"] = "sqrt"
    bodies_from: Literal["parts", "joints"] = "parts"
    body_to_part: float = 0.2
    part_to_joint: float = 0.12
    body_to_joint: float = 0.24

    def __post_init__(self) -> None:
        for name in ("body_to_part", "part_to_joint", "body_to_joint"):
            require(isfinite(getattr(self, name)), f"pyramid.{name}", getattr(self, name), "a finite number")
        unknown = [level for level in self.levels if level not in LEVELS]
        if unknown:
            what, remedy = f"there is no level {unknown[0]!r}.", f"Choose from {', '.join(LEVELS)}."
            raise ConfigError(what, where="pyramid.levels", remedy=remedy)
        if not self.levels or len(set(self.levels)) < len(self.levels):
            what = "a level is named twice." if self.levels else "no level is named."
            raise ConfigError(what, where="pyramid.levels", remedy="Name one level or more, each once.")


class PyramidHead(nn.Module):
    """Computes one contrastive feature per clip and level from the features of joints (sections 3.2 to 3.4).

    It is called with one modality at a time, so that batch norm of PPA covers one modality, as in the published
    program.
    """

    def __init__(self, layout: Layout, frames: int, encoder: EncoderConfig, config: PyramidConfig) -> None:
        super().__init__()
        if config.polymerise and encoder.width % encoder.heads:
            what = f"{encoder.width} features cannot be shared among {encoder.heads} heads of PPA."
            raise ConfigError(what, remedy="Make the last encoder block's outputs a multiple of the heads.")
        self.config, self.frames_out = config, encoder.frames_out(frames)
        self.pyramid = SkeletonPyramid(layout, config.bodies_from)
        self.polymerising = _polymerising(self.pyramid, self.frames_out, encoder, config) if config.polymerise else None
        self.projection = Projection(encoder.width)

    def forward(self, encoded: Encoded) -> dict[str, Float[Tensor, "n d"]]:
        """Return MLP(Pooling(x)) of every configured level."""
        return self.project(self.polymerise(encoded))

    def polymerise(self, encoded: Encoded) -> dict[str, Encoded]:
        """Return the polymerising features of the configured levels (pooled ones without PPA)."""
        self._check(encoded)
        if self.polymerising is None:
            features = self.pyramid(encoded.features)
        else:
            features = self.polymerising(encoded.features, self.config.levels).features
        return {level: encoded.with_features(features[level]) for level in self.config.levels}

    def project(self, polymerised: Mapping[str, Encoded]) -> dict[str, Float[Tensor, "n d"]]:
        """Return the contrastive features MLP(Pooling(x)) of every level."""
        return {level: self.projection(encoded.pooled()) for level, encoded in polymerised.items()}

    def attention_maps(self, encoded: Encoded) -> Polymerised:
        """Return the attention maps and features of PPA for every row, for figures; ConfigError without PPA."""
        if self.polymerising is None:
            remedy = "Train it with pyramid.polymerise=true."
            raise ConfigError("this network has no polymerising attention.", remedy=remedy)
        return self.polymerising(encoded.features, self.config.levels)

    def _check(self, encoded: Encoded) -> None:
        frames = encoded.features.shape[2]
        if self.polymerising is not None and self.config.attention == "sequence" and frames != self.frames_out:
            what = f"the features have {frames} frames, but this network needs {self.frames_out}."
            raise ConfigError(what, remedy="Resample all clips to the same number of frames.")


def _polymerising(
    pyramid: SkeletonPyramid, frames: int, encoder: EncoderConfig, config: PyramidConfig
) -> PyramidPolymerisingAttention:
    levels = LEVELS[: 1 + max(LEVELS.index(level) for level in config.levels)]
    return PyramidPolymerisingAttention(
        pyramid,
        {
            level: LevelAttention(encoder.width, encoder.heads, frames, config.attention, config.scale)
            for level in levels
        },
        body_to_part=config.body_to_part,
        part_to_joint=config.part_to_joint,
        body_to_joint=config.body_to_joint,
    )
