"""A memory bank: a buffer of the latest contrastive features of earlier steps."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class MemoryBank(nn.Module):
    """A buffer of the latest `size` unit features of each of several modalities.

    Slots that were not written yet are zero; a zero feature has similarity 0 with every other.
    """

    features: Tensor
    written: Tensor

    def __init__(self, modalities: int, size: int, width: int) -> None:
        super().__init__()
        self.register_buffer("features", torch.zeros(modalities, size, width))
        self.register_buffer("written", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def enqueue(self, features: Float[Tensor, "s n d"]) -> None:
        """Write unit features of every modality over the oldest ones."""
        size = self.features.shape[1]
        latest = features[:, -size:]
        slots = (self.written + torch.arange(latest.shape[1], device=latest.device)) % size
        self.features[:, slots] = latest.to(self.features)
        self.written += latest.shape[1]
