"""X-CAR: contrast of a clip with a copy that a learnt rotation, shear and scale change, beside classification.

Xu, Shu and Song 2022, "X-invariant Contrastive Augmentation and Representation Learning for Semi-Supervised
Skeleton-Based Action Recognition", after the text: in the authors' program both branches see the same tensor, the
projector is the identity and the contrast has the wrong sign. Known settings: rotation 30 degrees x 0.7, shear 0.8 and
scale 1.2 at the start. Simplified: one matrix for all clips, trained with the loss; the common encoder in place of a
three-branch ResGCN; the shear starts at 0.2, as 0.8 makes the first matrix nearly singular.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from psp.batches.batch import Batch, Sample
from psp.config.ranges import require_not_negative
from psp.distributed import gather_ranks
from psp.loss.classification import classification
from psp.loss.mining import pull_push
from psp.methods.base import MethodConfig, PredictorMethod, Setting, StepContext, StepOutput
from psp.model.heads import Projection


@dataclass(frozen=True)
class XCARConfig(MethodConfig):
    """Options of X-CAR.

    Args:
        modalities: modalities whose logits are summed
        contrast: weight of the pull-push loss
        angle: rotation about each axis at the start of training, degrees
        shear: shear at the start of training
        scale: scale at the start of training
    """

    contrast: float = 1.0
    angle: float = 21.0
    shear: float = 0.2
    scale: float = 1.2

    def __post_init__(self) -> None:
        require_not_negative(self, "method", "contrast", "angle", "shear", "scale")


class LearnableAugmentation(nn.Module):
    """x' = x R(theta) S C: rotations about three axes, shear and scale, all trained."""

    def __init__(self, angle: float, shear: float, scale: float) -> None:
        super().__init__()
        self.angles = nn.Parameter(torch.full((3,), angle).deg2rad())
        self.shear = nn.Parameter(torch.full((6,), shear))
        self.scale = nn.Parameter(torch.full((3,), scale))

    def matrix(self) -> Float[Tensor, "3 3"]:
        """Return R S C."""
        (x, y, z), (cx, cy, cz) = self.angles.sin(), self.angles.cos()
        one, zero = torch.ones_like(x), torch.zeros_like(x)
        turns = [
            [one, zero, zero, zero, cx, -x, zero, x, cx],
            [cy, zero, y, zero, one, zero, -y, zero, cy],
            [cz, -z, zero, z, cz, zero, zero, zero, one],
        ]
        first, second, third = (torch.stack(turn).view(3, 3) for turn in turns)
        away = ~torch.eye(3, dtype=torch.bool, device=x.device)
        shear = torch.eye(3, device=x.device, dtype=x.dtype).masked_scatter(away, self.shear)
        return first @ second @ third @ shear * self.scale

    def forward(self, sample: Sample) -> Sample:
        """Return the sample with every modality multiplied by the matrix."""
        matrix = self.matrix()
        return replace(sample, modalities={name: x @ matrix.to(x) for name, x in sample.modalities.items()})


class XCAR(PredictorMethod[XCARConfig]):
    """Labelled clips and their changed copies are classified together; unlabelled ones are contrasted with theirs."""

    Config = XCARConfig

    def __init__(self, config: XCARConfig, setting: Setting) -> None:
        super().__init__(config, setting)
        self.augmentation = LearnableAugmentation(config.angle, config.shear, config.scale)
        self.projection = Projection(setting.model.encoder.width)

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return the loss on the logits of both copies plus `contrast` times the pull-push loss."""
        plain = [batch["labelled"].sample, batch["unlabelled"].sample]
        changed = [self.augmentation(sample) for sample in plain]
        features = self.recogniser.encode([*plain, *changed], self.setting.memory)
        logits = self.classify(features, 0).sum(0) + self.classify(features, 2).sum(0)
        labels, contrasts = self.labels(batch), []
        for parts in features.values():
            own, other = (
                F.normalize(gather_ranks(self.projection(parts[number].pooled())), dim=1) for number in (1, 3)
            )
            contrasts += [pull_push(own, other, other), pull_push(other, own, own)]
        found = {"classification": classification(logits, labels), "contrast": torch.stack(contrasts).mean()}
        loss = found["classification"] + self.config.contrast * found["contrast"]
        return self.output(loss, found, logits, labels)

    def phase_parameters(self, phase: str) -> Sequence[nn.Parameter]:
        """Return the parameters of networks, augmentation and projection."""
        further = (*self.augmentation.parameters(), *self.projection.parameters())
        return [*super().phase_parameters(phase), *further]
