"""Colorization: an auto-encoder colours the cloud of all joints of all frames by their order in time and in the body.

Yang et al. 2021, "Skeleton Cloud Colorization for Unsupervised 3D Action Representation Learning": a DGCNN encodes the
cloud, a folding decoder generates the coloured cloud, the loss is the Chamfer distance; three auto-encoders colour by
time, joint and person. Simplified: one encoder with a decoder for time and one for joints; persons are encoded one by
one, so there is no colour for them; the decoder folds a fixed grid in one step. The paper's encoder is
model.encoder.joints points; any other encoder can be used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isqrt

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psp.batches.batch import Batch
from psp.config.ranges import require
from psp.distributed import gather_ranks
from psp.loss.reconstruction import chamfer
from psp.methods.base import MethodConfig, PretrainingMethod, Setting, StepContext, StepOutput
from psp.model.decoder import Perceptron
from psp.model.encoder import EncoderConfig

ORDERS = ("frame", "joint")


@dataclass(frozen=True)
class ColorizationConfig(MethodConfig):
    """Options of colorization.

    Args:
        modalities: modalities, each a cloud of its own
        points: number of points that are generated, a square number
        colour: scale of the colours, in the unit of the clips
    """

    points: int = 256
    colour: float = 1.0

    def __post_init__(self) -> None:
        require(
            self.points > 0 and isqrt(self.points) ** 2 == self.points, "method.points", self.points, "a square number"
        )
        require(self.colour > 0, "method.colour", self.colour, "a number above 0")


class FoldingDecoder(nn.Module):
    """A grid of points, each changed by an MLP of its place and the code (FoldingNet, Yang et al. 2018)."""

    grid: Tensor

    def __init__(self, width: int, points: int, outputs: int) -> None:
        super().__init__()
        line = torch.linspace(-1, 1, round(points**0.5))
        self.register_buffer("grid", torch.cartesian_prod(line, line), persistent=False)
        self.fold = Perceptron(width + 2, width, width, outputs)

    def forward(self, code: Float[Tensor, "r d"]) -> Float[Tensor, "r p c"]:
        """Return the generated points."""
        grid = self.grid.to(code).expand(len(code), -1, -1)
        return self.fold(torch.cat([code[:, None].expand(-1, grid.shape[1], -1), grid], dim=2))


class Colorization(PretrainingMethod[ColorizationConfig]):
    """Chamfer distance of the generated to the coloured cloud, for the order of frames and of joints."""

    Config = ColorizationConfig
    own_encoder = EncoderConfig(((32, 64, 9, 2), (64, 96, 9, 2)), joints="points")

    def __init__(self, config: ColorizationConfig, setting: Setting) -> None:
        super().__init__(config, setting)
        self.trained = setting.new_backbone(config.modalities)
        width = setting.model.encoder.width
        self.decoders = nn.ModuleDict({order: FoldingDecoder(width, config.points, 6) for order in ORDERS})

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return the mean Chamfer distance over orders and modalities."""
        sample, losses = batch["unlabelled"].sample, []
        for name, (part,) in self.trained.encode([sample], self.setting.memory).items():
            rows = self.trained.rows(sample.modalities[name], sample)
            code = part.features.mean((2, 3))
            for order, decoder in self.decoders.items():
                cloud = coloured_cloud(rows, order == "frame", self.config.colour)
                losses.append(gather_ranks(chamfer(decoder(code), cloud.to(code))).mean())
        return StepOutput(torch.stack(losses).mean(), {})

    def backbone(self) -> nn.Module:
        """Return the trained encoder(s)."""
        return self.trained


def coloured_cloud(rows: Float[Tensor, "r 3 t v"], by_frame: bool, scale: float) -> Float[Tensor, "r p 6"]:
    """Return the points of all frames and joints with a colour each, which runs from red over green to blue."""
    r, _, t, v = rows.shape
    place = torch.linspace(0, 1, t if by_frame else v, device=rows.device, dtype=rows.dtype)
    place = place[:, None].expand(t, v) if by_frame else place[None].expand(t, v)
    colour = torch.stack([1 - 2 * place, 1 - (2 * place - 1).abs(), 2 * place - 1]).clamp(min=0) * scale
    return torch.cat([rows, colour.expand(r, -1, -1, -1)], dim=1).flatten(2).transpose(1, 2)
