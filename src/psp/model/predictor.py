"""The predictor: from samples to logits, late fusion and class probabilities."""

from collections.abc import Mapping, Sequence
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from psp.batches.batch import Sample
from psp.model.backbone import Backbone, ModelConfig
from psp.model.encoded import Encoded
from psp.model.encoder import make_encoder
from psp.model.heads import Classifier
from psp.model.memory import PLENTY, MemoryConfig
from psp.skeleton.layout import Layout

Fusion = Literal["sum", "mean"]


class Predictor(nn.Module):
    """A backbone and its classifiers, one for each encoder, with late fusion of all modalities.

    Logits are summed (eq. 14). `fusion` says whether the probabilities are the softmax of that sum or of the mean. The
    mean is for modalities that were each trained with a loss of their own: the sum of n such modalities would be
    overconfident (logarithmic opinion pool, Genest and Zidek 1986).
    """

    def __init__(self, backbone: Backbone, classifiers: Sequence[Classifier], fusion: Fusion) -> None:
        super().__init__()
        self.backbone, self.classifiers, self.fusion = backbone, nn.ModuleList(classifiers), fusion

    @property
    def modalities(self) -> tuple[str, ...]:
        """The modalities, in the order of the encoders."""
        return self.backbone.modalities

    @property
    def classes(self) -> int:
        """The number of classes."""
        return self.classifier(self.modalities[0]).linear.out_features

    @property
    def any_persons(self) -> bool:
        """Whether clips may have any number of person slots; False if absent persons count as zeros in the mean."""
        return self.backbone.config.persons == "present"

    def classifier(self, modality: str) -> Classifier:
        """Return the classifier of a modality."""
        classifier = self.classifiers[self.backbone.number(modality)]
        assert isinstance(classifier, Classifier)
        return classifier

    def encode(self, samples: Sequence[Sample], memory: MemoryConfig = PLENTY) -> dict[str, list[Encoded]]:
        """Return the features of every modality, with one list entry per sample (see `Backbone.encode`)."""
        return self.backbone.encode(samples, memory)

    def classify(self, encoded: Mapping[str, Encoded]) -> Float[Tensor, "s n k"]:
        """Return FC(AP(f)) of every modality."""
        return torch.stack([self.classifier(name)(encoded[name].pooled()) for name in self.modalities])

    def logits(self, sample: Sample, memory: MemoryConfig = PLENTY) -> Float[Tensor, "n k"]:
        """Return the logits of a sample, summed over the modalities (eq. 14)."""
        encoded = self.encode([sample], memory)
        return self.classify({name: parts[0] for name, parts in encoded.items()}).sum(0)

    def dense_logits(
        self, modalities: Mapping[str, Float[Tensor, "n m t v 3"]], persons: Bool[Tensor, "n m"]
    ) -> Float[Tensor, "n k"]:
        """Return the logits of evaluation mode, without shapes that depend on the data, for exported graphs."""
        own = [
            self.classifier(name)(self.backbone.dense_features(name, modalities[name], persons))
            for name in self.modalities
        ]
        return torch.stack(own).sum(0)

    def probabilities(self, logits: Float[Tensor, "*s k"]) -> Float[Tensor, "*s k"]:
        """Return the class probabilities of summed logits."""
        return (logits / len(self.modalities) if self.fusion == "mean" else logits).softmax(dim=-1)

    def forward(self, sample: Sample) -> Float[Tensor, "n k"]:
        """Return the class probabilities of a sample."""
        return self.probabilities(self.logits(sample))


def make_predictor(
    layout: Layout, frames: int, classes: int, config: ModelConfig, modalities: Sequence[str], fusion: Fusion
) -> Predictor:
    """Return a new predictor with one network, or one for each modality, as configured."""
    encoders, classifiers = [], []
    for _ in range(len(modalities) if config.networks == "own" else 1):
        encoders.append(make_encoder(layout, frames, config.encoder))
        classifiers.append(Classifier(config.encoder.width, classes, config.dropout))
    return Predictor(Backbone(encoders, modalities, layout, frames, config), classifiers, fusion)
