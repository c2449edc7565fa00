"""Virtual adversarial training: consistency of predictions under the perturbation that changes them most."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from psp.batches.batch import Batch, Sample
from psp.batches.counter_rng import normal
from psp.config.ranges import require_not_negative
from psp.distributed import gather_ranks
from psp.loss.classification import classification, divergence, entropy
from psp.methods.base import MethodConfig, PredictorMethod, StepContext, StepOutput
from psp.model.memory import statistics_kept


@dataclass(frozen=True)
class VATConfig(MethodConfig):
    """Options of virtual adversarial training.

    Args:
        modalities: modalities whose logits are summed
        consistency: weight of the local distributional smoothness
        radius: root mean square of the adversarial perturbation of a clip (epsilon)
        probe: root mean square of the random perturbation from which its direction is computed (xi)
    """

    consistency: float = 1.0
    radius: float = 0.05
    probe: float = 1e-3

    def __post_init__(self) -> None:
        require_not_negative(self, "method", "consistency", "radius", "probe")


@dataclass(frozen=True)
class VATEntMinConfig(VATConfig):
    """Options of virtual adversarial training with entropy minimisation.

    Args:
        modalities: modalities whose logits are summed
        consistency: weight of the local distributional smoothness
        radius: root mean square of the adversarial perturbation of a clip (epsilon)
        probe: root mean square of the random perturbation from which its direction is computed (xi)
        entropy: weight of the entropy of the predictions of unlabelled clips
    """

    consistency: float = 0.3
    entropy: float = 0.06

    def __post_init__(self) -> None:
        super().__post_init__()
        require_not_negative(self, "method", "entropy")


V = TypeVar("V", bound=VATConfig)


class AdversarialMethod(PredictorMethod[V]):
    """The local distributional smoothness of virtual adversarial training, beside the loss on labels."""

    unlabelled = ("weak",)

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return the loss on labels plus `consistency` times KL(p(x) || p(x + r)) on unlabelled clips."""
        free, known = batch["unlabelled"], gather_ranks(self.logits(batch["labelled"].sample))
        logits = self.predict(free.sample)
        target = logits.detach().softmax(dim=1)
        with statistics_kept(self.recogniser):
            worst = _of_length(self._direction(free, target), free.sample.persons, self.config.radius)
            smoothness = self._divergence(free.sample, target, worst)
        loss, smoothness = classification(known, self.labels(batch)), gather_ranks(smoothness).mean()
        parts = {"classification": loss, "smoothness": smoothness}
        loss = loss + self.config.consistency * smoothness + self.regulariser(logits)
        return self.output(loss, parts, known, self.labels(batch))

    @torch.no_grad()
    def predict(self, sample: Sample) -> Float[Tensor, "n k"]:
        """Return the logits of unperturbed clips, without gradients."""
        return self.logits(sample)

    def logits(self, sample: Sample) -> Float[Tensor, "n k"]:
        """Return the logits of clips in the configured memory."""
        return self.recogniser.logits(sample, self.setting.memory)

    def regulariser(self, logits: Float[Tensor, "n k"]) -> Float[Tensor, ""]:
        """Return a further loss on the logits of unlabelled clips, here 0."""
        return logits.new_zeros(())

    def _direction(self, batch: Batch, target: Float[Tensor, "n k"]) -> dict[str, Float[Tensor, "n m t v 3"]]:
        """Return the gradient of the divergence at a random perturbation of length `probe`.

        Computed without autocast, because in bf16 a perturbation of this length is lost in rounding.
        """
        inputs = batch.sample.modalities.items()
        random = {name: normal(batch.keys, name, *x.shape[1:]).to(x) for name, x in inputs}
        start = _of_length(random, batch.sample.persons, self.config.probe)
        probes = {name: r.requires_grad_() for name, r in start.items()}
        with torch.autocast(target.device.type, enabled=False):
            total = self._divergence(batch.sample, target, probes).sum()
            return dict(zip(probes, torch.autograd.grad(total, list(probes.values())), strict=True))

    def _divergence(
        self, sample: Sample, target: Float[Tensor, "n k"], perturbation: Mapping[str, Tensor]
    ) -> Float[Tensor, "n"]:
        """Return KL(target || p(x + r)) of every clip."""
        moved = {name: x + perturbation[name] for name, x in sample.modalities.items()}
        return divergence(target, self.logits(replace(sample, modalities=moved)))


class VAT(AdversarialMethod[VATConfig]):
    """Miyato et al. 2018, "Virtual Adversarial Training", algorithm 1 with one power iteration."""

    Config = VATConfig


class VATEntMin(AdversarialMethod[VATEntMinConfig]):
    """Virtual adversarial training and low entropy of the predictions of unlabelled clips (Miyato et al., section 4.3).

    The weights 0.3 and 0.06 are those of Oliver et al. 2018; Zhai et al. 2019 (S4L) use 0.5 and 1.
    """

    Config = VATEntMinConfig

    def predict(self, sample: Sample) -> Float[Tensor, "n k"]:
        """Return the logits of unperturbed clips, with gradients for their entropy."""
        return self.logits(sample)

    def regulariser(self, logits: Float[Tensor, "n k"]) -> Float[Tensor, ""]:
        """Return the weighted mean entropy of the predictions."""
        return self.config.entropy * gather_ranks(entropy(logits)).mean()


def _of_length(
    directions: Mapping[str, Float[Tensor, "n m t v 3"]], persons: Bool[Tensor, "n m"], length: float
) -> dict[str, Float[Tensor, "n m t v 3"]]:
    """Return perturbations scaled to the root mean square `length` over a clip, zero for absent persons."""
    found, present = {}, persons[:, :, None, None, None]
    for name, direction in directions.items():
        r = direction * present.to(direction.device)
        found[name] = length * r / r.flatten(1).square().mean(dim=1).clamp(min=1e-24).sqrt()[:, None, None, None, None]
    return found
