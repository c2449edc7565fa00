"""The network of PSP Learning, assembled: encoder, pyramid, polymerising attention and heads (figure 2)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from psp.config.ranges import require
from psp.errors import ConfigError
from psp.model.encoded import Encoded, to_rows
from psp.model.encoder import EncoderConfig, make_encoder
from psp.model.heads import Classifier, Projection
from psp.model.polymerise import LevelAttention, Polymerised, PyramidPolymerisingAttention
from psp.model.pyramid import LEVELS, SkeletonPyramid
from psp.skeleton.layout import Layout


@dataclass(frozen=True)
class ModelConfig:
    """What shapes the network besides layout, frames and classes; the defaults are the paper's text.

    `body_to_part`, `part_to_joint`, `body_to_joint` are lambda, alpha, beta of eqs. 7 and 9.
    `polymerise=False` is the paper's ablation without PPA. `levels` are those that are contrasted: none
    builds a classifier only. `persons` says whether absent persons go through the encoder, as zeros, and into
    every mean and batch norm. `dropout` acts before the classifier. `networks` says whether all views
    share one or each has its own.
    """

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    attention: Literal["framewise", "sequence"] = "framewise"
    scale: Literal["sqrt", "product"] = "sqrt"
    bodies_from: Literal["parts", "joints"] = "parts"
    body_to_part: float = 0.2
    part_to_joint: float = 0.12
    body_to_joint: float = 0.24
    polymerise: bool = True
    levels: tuple[str, ...] = LEVELS
    persons: Literal["all", "present"] = "present"
    dropout: float = 0.0
    networks: Literal["shared", "own"] = "shared"

    def __post_init__(self) -> None:
        require(0 <= self.dropout < 1, "model.dropout", self.dropout, "0 or more, below 1")
        for name in ("body_to_part", "part_to_joint", "body_to_joint"):
            require(isfinite(getattr(self, name)), f"model.{name}", getattr(self, name), "a finite number")
        unknown = [level for level in self.levels if level not in LEVELS]
        if unknown:
            raise ConfigError(f"there is no level {unknown[0]!r}.", remedy=f"Choose from {', '.join(LEVELS)}.")
        if self.polymerise and self.levels and self.encoder.width % self.encoder.heads:
            raise ConfigError(
                f"{self.encoder.width} features cannot be shared among {self.encoder.heads} heads of PPA.",
                remedy="Make the last encoder block's outputs a multiple of the heads.",
            )


class PSPNetwork(nn.Module):
    """Encoder, polymerising attention and heads, shared by all views.

    A method stacks views and clips and calls `encode` once (batch norm sees them all), then `split`, then
    `classify`, or `polymerise` and `project`, view by view (batch norm of PPA sees one view at a time, as in
    the published program).
    """

    def __init__(self, layout: Layout, frames: int, classes: int, config: ModelConfig) -> None:
        super().__init__()
        self.layout, self.frames, self.classes, self.config = layout, frames, classes, config
        width = config.encoder.width
        self.encoder = make_encoder(layout, frames, config.encoder)
        self.classifier = Classifier(width, classes, config.dropout)
        self.pyramid: SkeletonPyramid | None = None
        self.polymerising: PyramidPolymerisingAttention | None = None
        self.projection: Projection | None = None
        if config.levels:
            self.pyramid = SkeletonPyramid(layout, config.bodies_from)
            self.polymerising = _polymerising(self.pyramid, frames, config) if config.polymerise else None
            self.projection = Projection(width)

    def encode(self, views: Float[Tensor, "n m t v 3"], persons: Bool[Tensor, "n m"]) -> Encoded:
        """Return f = Encoder(X); clips of all views may be stacked. Every clip needs at least one person."""
        self._check(views)
        chosen = persons if self.config.persons == "present" else torch.ones_like(persons)
        rows, row_clip = to_rows(views, chosen)
        return Encoded(self.encoder(rows), row_clip, len(views))

    def of_view(self, number: int) -> "PSPNetwork":
        """Return this network, which is that of every view."""
        return self

    def polymerise(self, encoded: Encoded) -> dict[str, Encoded]:
        """Return the polymerising features of the configured levels (merely pooled ones without PPA)."""
        if self.pyramid is None:
            return {}
        if self.polymerising is None:
            features = self.pyramid(encoded.features)
        else:
            features = self.polymerising(encoded.features, self.config.levels).features
        return {level: encoded.with_features(features[level]) for level in self.config.levels}

    def attention_maps(self, encoded: Encoded) -> Polymerised:
        """Return PPA's attention maps of every row with its features, for figures."""
        if self.polymerising is None:
            raise ConfigError("this network has no polymerising attention.", remedy="Build it with polymerise=True.")
        return self.polymerising(encoded.features, LEVELS)

    def project(self, polymerised: Mapping[str, Encoded]) -> dict[str, Float[Tensor, "n d"]]:
        """Return the contrasting features MLP(Pooling(x)) of every level."""
        if self.projection is None:
            return {}
        return {level: self.projection(encoded.pooled()) for level, encoded in polymerised.items()}

    def classify(self, encoded: Encoded) -> Float[Tensor, "n k"]:
        """Return FC(AP(f)), one view's share of the logits."""
        return self.classifier(encoded.pooled())

    def logits(self, views: Sequence[Float[Tensor, "n m t v 3"]], persons: Bool[Tensor, "n m"]) -> Float[Tensor, "n k"]:
        """Return the logits of eq. 14, summed over any number of views of the same clips."""
        count = len(views)
        encoded = self.encode(torch.cat(tuple(views)), persons.repeat(count, 1))
        return torch.stack([self.classify(view) for view in encoded.split([len(persons)] * count)]).sum(0)

    def forward(
        self,
        joint_view: Float[Tensor, "n m t v 3"],
        motion_view: Float[Tensor, "n m t v 3"],
        persons: Bool[Tensor, "n m"],
    ) -> Float[Tensor, "n k"]:
        """Return FC(AP(f_j)) + FC(AP(f_m)), whose softmax is eq. 14."""
        return self.logits((joint_view, motion_view), persons)

    def _check(self, views: Float[Tensor, "n m t v 3"]) -> None:
        frames, joints = views.shape[2:4]
        if joints != len(self.layout.joints):
            raise ConfigError(
                f"the clips have {joints} joints, but the network is made for {len(self.layout.joints)}.",
                remedy=f"Use recordings of layout {self.layout.name!r} or another network.",
            )
        sequence = self.polymerising is not None and self.config.attention == "sequence"
        fixed = sequence or (self.config.encoder.temporal == "attention" and self.config.encoder.temporal_map)
        if fixed and frames != self.frames:
            raise ConfigError(
                f"the clips have {frames} frames, but this network works with {self.frames} only.",
                remedy=f"Resample the clips to {self.frames} frames.",
            )


def _polymerising(pyramid: SkeletonPyramid, frames: int, config: ModelConfig) -> PyramidPolymerisingAttention:
    encoder = config.encoder
    sizes = (encoder.width, encoder.heads, encoder.frames_out(frames))
    return PyramidPolymerisingAttention(
        pyramid,
        {level: LevelAttention(*sizes, config.attention, config.scale) for level in LEVELS},
        body_to_part=config.body_to_part,
        part_to_joint=config.part_to_joint,
        body_to_joint=config.body_to_joint,
    )
