"""Several batches through the encoder at once."""

import torch

from psp.data.batches import Batch
from psp.model.encoded import Encoded
from psp.model.psp import PSPNetwork


def encode_views(network: PSPNetwork, batches: list[Batch]) -> dict[str, list[Encoded]]:
    """Encode every view of every batch in one pass, so that batch norm sees them all; one list entry a batch."""
    order = [(batch, view) for batch in batches for view in batch.views]
    stacked = torch.cat([batch.views[view] for batch, view in order])
    persons = torch.cat([batch.persons for batch, _ in order])
    encoded = network.encode(stacked, persons).split([len(batch) for batch, _ in order])
    features: dict[str, list[Encoded]] = {view: [] for view in batches[0].views}
    for (_, view), part in zip(order, encoded, strict=True):
        features[view].append(part)
    return features
