"""Several batches through the encoder at once, in as little memory as asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from psp.batches.loader import Batch
from psp.config.ranges import require
from psp.loss.gather import clips_of_ranks
from psp.model.encoded import Encoded
from psp.model.psp import PSPNetwork
from psp.model.recompute import recomputed, recomputing
from psp.model.streams import Network, StreamNetworks


@dataclass(frozen=True)
class MemoryConfig:
    """How to train in less memory than all activations of a batch need.

    `recompute` changes no number: of every encoder block only the input is kept, going back the rest is computed
    again. `chunk` encodes so many clips at a time (0: all; every view of a clip counts) and keeps their features only;
    the contrast still sees all clips, but batch norm sees one chunk at a time. Of unequal shares on several ranks the
    larger ones are encoded in no more chunks than the smallest has clips.
    """

    recompute: bool = False
    chunk: int = 0

    def __post_init__(self) -> None:
        require(self.chunk >= 0, "memory.chunk", self.chunk, "0 or more")


PLENTY = MemoryConfig()


def encode_views(network: Network, batches: list[Batch], memory: MemoryConfig = PLENTY) -> dict[str, list[Encoded]]:
    """Encode every view of every batch; one list entry a batch.

    A network sees all that it encodes in one pass, so that batch norm does too: all views, or the one that is its own.
    """
    if isinstance(network, StreamNetworks):
        return {
            view: encode_views(network.of_view(number), [batch.only(view) for batch in batches], memory)[view]
            for number, view in enumerate(batches[0].views)
        }
    order = [(batch, view) for batch in batches for view in batch.views]
    stacked = torch.cat([batch.views[view] for batch, view in order])
    persons = torch.cat([batch.persons for batch, _ in order])
    encoded = encode_in_memory(network, stacked, persons, memory).split([len(batch) for batch, _ in order])
    features: dict[str, list[Encoded]] = {view: [] for view in batches[0].views}
    for (_, view), part in zip(order, encoded, strict=True):
        features[view].append(part)
    return features


def encode_in_memory(
    network: PSPNetwork, views: Float[Tensor, "n m t v 3"], persons: Bool[Tensor, "n m"], memory: MemoryConfig
) -> Encoded:
    """Encode in as little memory as asked for; chunks keep nothing but their features (GradCache, Gao et al. 2021).

    Going back, one chunk after the other is encoded again, this time with its graph. A chunk takes every k-th clip, so
    that all views and batches are in it; on several ranks it consists of a share of each.
    """

    def encode(views: Float[Tensor, "n m t v 3"], persons: Bool[Tensor, "n m"]) -> Encoded:
        with recomputing(network.encoder.blocks if memory.recompute else ()):
            return network.encode(views, persons)

    chunks = number_of_chunks(clips_of_ranks(len(views)), memory.chunk) if memory.chunk else 1
    if chunks == 1:
        return encode(views, persons)
    parts = [
        recomputed(encode, views[first::chunks], persons[first::chunks], part=network.encoder)
        for first in range(chunks)
    ]
    features = torch.cat([part.features for part in parts])
    clips = torch.cat([part.row_clip * chunks + first for first, part in enumerate(parts)])
    order = clips.argsort(stable=True)
    return Encoded(features[order.to(features.device, non_blocking=True)], clips[order], len(views))


def number_of_chunks(shares: Sequence[int], chunk: int) -> int:
    """Into how many chunks of about `chunk` clips all ranks divide their `shares`, so that none is left without any."""
    return min(-(-max(shares) // chunk), *shares)
