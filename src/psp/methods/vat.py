"""Virtual adversarial training: predictions are kept from changing in the direction that changes them most."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from jaxtyping import Float
from torch import Tensor

from psp.batches.batch import Batch, Sample
from psp.batches.counter_rng import normal
from psp.config.ranges import require_not_negative
from psp.distributed import gather_ranks
from psp.loss.classification import classification, divergence
from psp.methods.base import MethodConfig, PredictorMethod, Setting, StepContext, StepOutput
from psp.model.memory import statistics_kept


@dataclass(frozen=True)
class VATConfig(MethodConfig):
    """Options of virtual adversarial training.

    Args:
        modalities: input forms whose logits are summed
        consistency: weight of the local distributional smoothness
        radius: root mean square of the adversarial perturbation of a clip (epsilon)
        probe: the same of the step that finds its direction (xi)
    """

    modalities: tuple[str, ...] = ("joint", "motion")
    consistency: float = 1.0
    radius: float = 0.05
    probe: float = 1e-3

    def __post_init__(self) -> None:
        require_not_negative(self, "method", "consistency", "radius", "probe")


class VAT(PredictorMethod[VATConfig]):
    """Miyato et al. 2018, "Virtual Adversarial Training", algorithm 1 with one power iteration."""

    Config = VATConfig
    unlabelled = ("weak",)

    def __init__(self, config: VATConfig, setting: Setting) -> None:
        super().__init__(config, setting)
        self.recogniser = setting.predictor(config.modalities, "sum")

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return the loss on labels plus `consistency` times KL(p(x) || p(x + r)) on unlabelled clips."""
        free, known = batch["unlabelled"], gather_ranks(self.recogniser.logits(batch["labelled"].sample))
        with torch.no_grad():
            target = self.recogniser.logits(free.sample).softmax(dim=1)
        with statistics_kept(self.recogniser):
            direction = self._direction(free, target)
            smoothness = self._moved(free.sample, target, direction, self.config.radius)
        labels = self.labels(batch)
        parts = {"classification": classification(known, labels), "smoothness": gather_ranks(smoothness).mean()}
        loss = parts["classification"] + self.config.consistency * parts["smoothness"]
        return self.output(loss, parts, known, labels)

    def _direction(self, batch: Batch, target: Float[Tensor, "n k"]) -> dict[str, Float[Tensor, "n m t v 3"]]:
        """Return the gradient of the divergence at a small random perturbation."""
        inputs = batch.sample.modalities.items()
        start = {name: normal(batch.keys, name, *x.shape[1:]).to(x).requires_grad_() for name, x in inputs}
        total = self._moved(batch.sample, target, start, self.config.probe).sum()
        return dict(zip(start, torch.autograd.grad(total, list(start.values())), strict=True))

    def _moved(
        self, sample: Sample, target: Float[Tensor, "n k"], direction: Mapping[str, Tensor], length: float
    ) -> Float[Tensor, "n"]:
        """Return KL(target || p(x + r)) of every clip, r being `length` in root mean square; absent persons stay."""
        present, moved = sample.persons.to(target.device)[:, :, None, None, None], {}
        for name, x in sample.modalities.items():
            r = direction[name] * present
            size = r.flatten(1).square().mean(dim=1).clamp(min=1e-24).sqrt()[:, None, None, None, None]
            moved[name] = x + length * r / size
        return divergence(target, self.recogniser.logits(replace(sample, modalities=moved)))
