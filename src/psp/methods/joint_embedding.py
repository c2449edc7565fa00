"""Joint-embedding pre-training without a memory bank: SimCLR, BYOL, VICReg and USDRL.

* SimCLR: Chen et al. 2020, "A Simple Framework for Contrastive Learning": NT-Xent between two samples, tau 0.1.
* BYOL: Grill et al. 2020, "Bootstrap Your Own Latent": a predictor of the query regresses the target projection;
  momentum 0.996, which rises to 1 by a half cosine. Here both directions are computed, as in the paper.
* VICReg: Bardes et al. 2022, weights 25, 25 and 1. Simplified: the expander is the MLP of the other methods, d -> d.
* USDRL: Weng et al. 2025, "USDRL: Unified Skeleton-Based Dense Representation Learning with Multi-Grained Feature
  Decorrelation": decorrelation of instances, of frames and of joints, each with a projector of its own. Simplified:
  the terms are VICReg's; the dense encoder is the common one.
"""

import copy
import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psp.batches.batch import Batch, Sample
from psp.config.ranges import require, require_not_negative
from psp.distributed import gather_ranks
from psp.loss.decorrelation import regression, vicreg
from psp.loss.ntxent import ntxent
from psp.methods.base import MethodConfig, PretrainingMethod, Setting, StepContext, StepOutput
from psp.methods.momentum import follow
from psp.model.backbone import ProjectedBackbone
from psp.model.encoded import Encoded
from psp.model.heads import Projection


@dataclass(frozen=True)
class SimCLRConfig(MethodConfig):
    """Options of SimCLR.

    Args:
        modalities: modalities, each contrasted with itself
        temperature: tau of NT-Xent
    """

    temperature: float = 0.1

    def __post_init__(self) -> None:
        require(self.temperature > 0, "method.temperature", self.temperature, "a number above 0")


class SimCLR(PretrainingMethod[SimCLRConfig]):
    """NT-Xent of two strongly augmented samples of each clip, with the other clips of the batch as negatives."""

    Config = SimCLRConfig
    augmentations = ("strong", "strong")

    def __init__(self, config: SimCLRConfig, setting: Setting) -> None:
        super().__init__(config, setting)
        self.query = ProjectedBackbone(setting.new_backbone(config.modalities))

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return NT-Xent, the mean over the modalities."""
        encoded = self.query.backbone.encode(batch["unlabelled"].samples, self.setting.memory)
        losses = []
        for parts in encoded.values():
            first, second = (gather_ranks(self.query.projection(each.pooled())) for each in parts)
            losses.append(ntxent(first, second, self.config.temperature))
        return StepOutput(torch.stack(losses).mean(), {})

    def backbone(self) -> nn.Module:
        """Return the trained encoder(s)."""
        return self.query.backbone


@dataclass(frozen=True)
class BYOLConfig(MethodConfig):
    """Options of BYOL.

    Args:
        modalities: modalities, each with targets of its own
        momentum: momentum of the target encoder at the start; it rises to 1
    """

    momentum: float = 0.99

    def __post_init__(self) -> None:
        require(0 <= self.momentum < 1, "method.momentum", self.momentum, "0 or more, below 1")


class BYOL(PretrainingMethod[BYOLConfig]):
    """A predictor of each sample's projection regresses the target projection of the other sample."""

    Config = BYOLConfig
    augmentations = ("strong", "strong")

    def __init__(self, config: BYOLConfig, setting: Setting) -> None:
        super().__init__(config, setting)
        self.query = ProjectedBackbone(setting.new_backbone(config.modalities))
        self.key = copy.deepcopy(self.query).requires_grad_(False)
        self.prediction = Projection(setting.model.encoder.width)

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return the regression loss of both directions, the mean over the modalities."""
        samples = batch["unlabelled"].samples
        queries = self._project(self.query, samples)
        with torch.no_grad():
            keys = self._project(self.key, samples)
        losses = [
            regression(self.prediction(query[one]), key[1 - one])
            for query, key in zip(queries, keys, strict=True)
            for one in range(2)
        ]
        return StepOutput(2 * torch.stack(losses).mean(), {})

    def _project(self, part: ProjectedBackbone, samples: tuple[Sample, ...]) -> list[list[Float[Tensor, "a d"]]]:
        """Return the projections of every modality and sample."""
        encoded = part.backbone.encode(samples, self.setting.memory)
        return [[gather_ranks(part.projection(each.pooled())) for each in parts] for parts in encoded.values()]

    def backbone(self) -> nn.Module:
        """Return the query encoder(s)."""
        return self.query.backbone

    @torch.no_grad()
    def on_step_end(self, context: StepContext) -> None:
        """Move the target encoder, with momentum 1 - (1 - m) (1 + cos(pi progress)) / 2."""
        rest = (1 - self.config.momentum) * (1 + math.cos(math.pi * context.progress)) / 2
        follow(self.key, self.query, 1 - rest)


@dataclass(frozen=True)
class VICRegConfig(MethodConfig):
    """Options of VICReg and USDRL.

    Args:
        modalities: modalities, each decorrelated on its own
        invariance: weight of the squared difference of two samples
        variance: weight of the hinge on the standard deviation
        covariance: weight of the covariance
    """

    invariance: float = 25.0
    variance: float = 25.0
    covariance: float = 1.0

    def __post_init__(self) -> None:
        require_not_negative(self, "method", "invariance", "variance", "covariance")


class VICReg(PretrainingMethod[VICRegConfig]):
    """Invariance, variance and covariance of the projections of two strongly augmented samples."""

    Config = VICRegConfig
    augmentations = ("strong", "strong")
    domains: tuple[str, ...] = ("instance",)

    def __init__(self, config: VICRegConfig, setting: Setting) -> None:
        super().__init__(config, setting)
        self.trained = setting.new_backbone(config.modalities)
        self.projections = nn.ModuleDict({name: Projection(setting.model.encoder.width) for name in self.domains})

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return the weighted terms, the mean over modalities and domains."""
        encoded = self.trained.encode(batch["unlabelled"].samples, self.setting.memory)
        terms = []
        for name, projection in self.projections.items():
            for parts in encoded.values():
                first, second = (gather_ranks(projection(of_domain(each, name))) for each in parts)
                terms.append(torch.stack(vicreg(first, second)))
        invariance, variance, covariance = torch.stack(terms).mean(0)
        config = self.config
        loss = config.invariance * invariance + config.variance * variance + config.covariance * covariance
        return StepOutput(loss, {"invariance": invariance, "variance": variance, "covariance": covariance})

    def backbone(self) -> nn.Module:
        """Return the trained encoder(s)."""
        return self.trained


@dataclass(frozen=True)
class USDRLConfig(VICRegConfig):
    """Options of USDRL.

    Args:
        modalities: modalities, each decorrelated on its own
        invariance: weight of the squared difference of two samples
        variance: weight of the hinge on the standard deviation
        covariance: weight of the covariance
    """


class USDRL(VICReg):
    """VICReg's terms for instances, frames and joints."""

    Config = USDRLConfig
    domains = ("instance", "frame", "joint")


def of_domain(encoded: Encoded, domain: str) -> Float[Tensor, "s d"]:
    """Return features of clips, of every frame (the mean over joints) or of every joint (the mean over frames)."""
    if domain == "instance":
        return encoded.pooled()
    kept = encoded.features.mean(3 if domain == "frame" else 2)
    return kept.transpose(1, 2).flatten(0, 1)
