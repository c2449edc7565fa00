"""The backbone: one encoder for all modalities, or one for each (figure 2, "Encoder")."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Shaped
from torch import Tensor, nn

from psp.batches.batch import Sample
from psp.config.ranges import require
from psp.distributed import gather_ranks
from psp.errors import ConfigError
from psp.model.encoded import Encoded, to_rows
from psp.model.encoder import EncoderConfig
from psp.model.heads import Projection
from psp.model.memory import PLENTY, MemoryConfig, encode_in_memory
from psp.skeleton.layout import Layout


@dataclass(frozen=True)
class ModelConfig:
    """The architecture of the network, besides layout, frames and classes; the defaults are the paper's text.

    Args:
        encoder: the shape of each encoder
        persons: whether the encoder, means and batch norm include absent persons as zeros (all) or leave them out
            (present)
        dropout: dropout probability before the classifier
        networks: whether all modalities share one network or each has its own
    """

    encoder: EncoderConfig = field(default_factory=EncoderConfig)
    persons: Literal["all", "present"] = "present"
    dropout: float = 0.0
    networks: Literal["shared", "own"] = "shared"

    def __post_init__(self) -> None:
        require(0 <= self.dropout < 1, "model.dropout", self.dropout, "0 or more, below 1")


class Backbone(nn.Module):
    """The encoders of the `modalities`, one for each or a single one that all share."""

    def __init__(
        self, encoders: Sequence[nn.Module], modalities: Sequence[str], layout: Layout, frames: int, config: ModelConfig
    ) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(encoders)
        self.modalities, self.layout, self.frames, self.config = tuple(modalities), layout, frames, config

    def number(self, modality: str) -> int:
        """Return the index of a modality's encoder."""
        return self.modalities.index(modality) if len(self.encoders) > 1 else 0

    def encode(self, samples: Sequence[Sample], memory: MemoryConfig = PLENTY) -> dict[str, list[Encoded]]:
        """Return the features of every modality, with one list entry per sample.

        Each encoder makes one pass over all its inputs: all samples, in all modalities or in its own modality. Batch
        norm takes its statistics over that pass. Every clip needs at least one person. ConfigError for clips whose
        joints or frames do not fit.
        """
        for sample in samples:
            self._check(sample)
        if len(self.encoders) == 1:
            return self._encode(self.encoders[0], samples, self.modalities, memory)
        found: dict[str, list[Encoded]] = {}
        for encoder, name in zip(self.encoders, self.modalities, strict=True):
            found |= self._encode(encoder, samples, (name,), memory)
        return found

    def _encode(
        self, encoder: nn.Module, samples: Sequence[Sample], modalities: Sequence[str], memory: MemoryConfig
    ) -> dict[str, list[Encoded]]:
        order = [(sample, name) for sample in samples for name in modalities]
        stacked = torch.cat([sample.modalities[name] for sample, name in order])
        persons = torch.cat([sample.persons for sample, _ in order])
        persons = persons if self.config.persons == "present" else torch.ones_like(persons)
        encoded = encode_in_memory(encoder, stacked, persons, memory).split([len(sample) for sample, _ in order])
        features: dict[str, list[Encoded]] = {name: [] for name in modalities}
        for (_, name), part in zip(order, encoded, strict=True):
            features[name].append(part)
        return features

    def rows(self, values: Shaped[Tensor, "n m t v c"], sample: Sample) -> Shaped[Tensor, "r c t v"]:
        """Return values of the persons of a sample as rows, in the order of the rows of `Encoded`."""
        present = self.config.persons == "present"
        return to_rows(values, sample.persons if present else torch.ones_like(sample.persons))[0]

    def dense_features(
        self, modality: str, inputs: Float[Tensor, "n m t v 3"], persons: Bool[Tensor, "n m"]
    ) -> Float[Tensor, "n d"]:
        """Return AP(f) of one modality, computed without shapes that depend on the data, for exported graphs.

        Every person slot is encoded; absent persons have weight zero in the mean. In evaluation mode persons do not
        interact before that mean, so the result is that of `encode` and `Encoded.pooled`.
        """
        n, m = persons.shape
        if self.config.persons == "all":
            persons = torch.ones_like(persons)
        features = self.encoders[self.number(modality)](inputs.flatten(0, 1).permute(0, 3, 1, 2))
        pooled = features.mean((2, 3)).unflatten(0, (n, m))
        weight = persons.to(pooled.dtype)[:, :, None]
        return (pooled * weight).sum(1) / weight.sum(1)

    def _check(self, sample: Sample) -> None:
        frames, joints = next(iter(sample.modalities.values())).shape[2:4]
        if joints != len(self.layout.joints):
            what = f"the clips have {joints} joints, but the network needs {len(self.layout.joints)}."
            raise ConfigError(what, remedy=f"Use recordings of layout {self.layout.name!r} or another network.")
        encoder = self.config.encoder
        if encoder.temporal == "attention" and encoder.temporal_map and frames != self.frames:
            what = f"the clips have {frames} frames, but this network needs {self.frames}."
            raise ConfigError(what, remedy=f"Resample the clips to {self.frames} frames.")


class ProjectedBackbone(nn.Module):
    """A backbone with one projection head for all modalities, for contrastive pre-training."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone
        self.projection: nn.Module = Projection(backbone.config.encoder.width)

    def forward(self, sample: Sample, memory: MemoryConfig = PLENTY) -> Float[Tensor, "s a d"]:
        """Return the unit contrastive features of every modality, of the clips of all ranks."""
        encoded = self.backbone.encode([sample], memory)
        features = torch.stack([self.projection(parts[0].pooled()) for parts in encoded.values()], dim=1)
        return F.normalize(gather_ranks(features), dim=2).transpose(0, 1)
