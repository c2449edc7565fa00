"""Entropy minimisation (Grandvalet and Bengio 2004): predictions of unlabelled clips are made confident."""

from collections.abc import Mapping
from dataclasses import dataclass

from psp.batches.batch import Batch
from psp.loss.classification import classification
from psp.methods.base import MethodConfig, PredictorMethod, StepContext, StepOutput


@dataclass(frozen=True)
class EntropyMinimisationConfig(MethodConfig):
    """Options of entropy minimisation.

    Args:
        modalities: input forms whose logits are summed
        weight: weight of the entropy of unlabelled clips
    """

    weight: float = 0.1


class EntropyMinimisation(PredictorMethod[EntropyMinimisationConfig]):
    """Cross entropy on labelled clips plus the entropy of the predictions of unlabelled ones."""

    Config = EntropyMinimisationConfig
    unlabelled = ("weak",)

    def training_step(self, batch: Mapping[str, Batch], context: StepContext, phase: str = "main") -> StepOutput:
        """Return the loss on labels plus `weight` times the mean entropy."""
        samples = [batch["labelled"].sample, batch["unlabelled"].sample]
        features = self.recogniser.encode(samples, self.setting.memory)
        known, free = (self.classify(features, number).sum(0) for number in range(2))
        entropy = -(free.softmax(dim=1) * free.log_softmax(dim=1)).sum(dim=1).mean()
        labels = self.labels(batch)
        loss = classification(known, labels)
        return self.output(loss + self.config.weight * entropy, {"entropy": entropy}, known, labels)
