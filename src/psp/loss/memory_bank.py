"""A memory bank: the latest contrastive features of earlier steps, as a buffer."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class MemoryBank(nn.Module):
    """Holds the latest `size` unit features of each of several modalities.

    `features` is zero where none was written yet; such a feature has similarity 0 to every other.
    """

    features: Tensor
    written: Tensor

    def __init__(self, modalities: int, size: int, width: int) -> None:
        super().__init__()
        self.register_buffer("features", torch.zeros(modalities, size, width))
        self.register_buffer("written", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def enqueue(self, features: Float[Tensor, "s n d"]) -> None:
        """Overwrite the oldest features."""
        size = self.features.shape[1]
        latest = features[:, -size:]
        slots = (self.written + torch.arange(latest.shape[1], device=latest.device)) % size
        self.features[:, slots] = latest.to(self.features)
        self.written += latest.shape[1]
