"""PSP Learning: classification of labelled clips, coarse-to-fine contrast of unlabelled ones (algorithm 1, eq. 16)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from psp.batches.batch import Batch
from psp.config.ranges import require, require_not_negative
from psp.distributed import gather_ranks
from psp.loss.classification import classification
from psp.loss.coarse_to_fine import coarse_to_fine
from psp.methods.base import MethodConfig, PredictorMethod, Setting, StepContext, StepOutput
from psp.model.encoded import Encoded
from psp.model.predictor import Predictor
from psp.model.pyramid_head import PyramidConfig, PyramidHead


@dataclass(frozen=True)
class PSPConfig(MethodConfig):
    """Options of PSP Learning; the defaults are the paper's text.

    Args:
        modalities: the two modalities that are contrasted
        temperature: tau of eqs. 10-12
        contrast: weight of L_con in eq. 16
        label_smoothing: share of the target that is distributed evenly over the classes
        pyramid: levels, attention and its weights
    """

    modalities: tuple[str, str] = ("joint", "motion")
    temperature: float = 0.07
    contrast: float = 1.0
    label_smoothing: float = 0.0
    pyramid: PyramidConfig = field(default_factory=PyramidConfig)

    def __post_init__(self) -> None:
        require(0 < self.temperature < inf, "method.temperature", self.temperature, "a finite number above 0")
        require_not_negative(self, "method", "contrast")
        require(0 <= self.label_smoothing < 1, "method.label_smoothing", self.label_smoothing, "0 or more, below 1")


class PSP(PredictorMethod[PSPConfig]):
    """Algorithm 1: all clips are encoded as joints and as motion, and the levels of the two are contrasted."""

    Config = PSPConfig

    def make_recogniser(self) -> Predictor:
        """Return a new predictor, and make a contrastive head for each of its networks."""
        config, setting = self.config, self.setting
        encoders, classifiers, heads = [], [], []
        for _ in range(len(config.modalities) if setting.model.networks == "own" else 1):
            encoders.append(setting.encoder())
            classifiers.append(setting.classifier())
            heads.append(make_head(setting, config.pyramid))
        self.heads = nn.ModuleList(heads)
        return Predictor(setting.backbone(encoders, config.modalities), classifiers, self.fusion)

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return L_reg + contrast * L_con (eq. 16, where the weight is 1)."""
        config = self.config
        features = self.recogniser.encode([batch["labelled"].sample, batch["unlabelled"].sample], self.setting.memory)
        logits, labels = self.classify(features, 0).sum(0), self.labels(batch)
        parts = {"classification": classification(logits, labels, config.label_smoothing)}
        heads = [*self.heads] * (2 if len(self.heads) == 1 else 1)
        first, second = (
            contrastive_features(head, features[name][1]) for head, name in zip(heads, config.modalities, strict=True)
        )
        contrast, levels = coarse_to_fine(first, second, config.temperature)
        parts |= {f"contrast {level}": loss for level, loss in levels.items()}
        return self.output(parts["classification"] + config.contrast * contrast, parts, logits, labels)

    def pyramid_heads(self) -> Mapping[str, PyramidHead]:
        """Return the head of each of the two modalities, unless their contrast has no weight."""
        heads = [cast(PyramidHead, head) for head in self.heads] * (2 if len(self.heads) == 1 else 1)
        return dict(zip(self.config.modalities, heads, strict=True)) if self.config.contrast else {}

    def parts(self, number: int) -> list[nn.Module]:
        """Return encoder, classifier and contrastive head of a network."""
        return [*super().parts(number), self.heads[number]]


def make_head(setting: Setting, config: PyramidConfig) -> PyramidHead:
    """Return a new contrastive head for the networks of a setting."""
    return PyramidHead(setting.layout, setting.frames, setting.model.encoder, config)


def contrastive_features(head: nn.Module, encoded: Encoded) -> Mapping[str, Float[Tensor, "a d"]]:
    """Return the contrastive features of every level of one modality, of the clips of all ranks."""
    levels = head(encoded)
    every = gather_ranks(torch.stack(list(levels.values()), dim=1))
    return dict(zip(levels, every.unbind(1), strict=True))
