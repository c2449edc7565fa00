"""Top-1, top-5, per-class accuracy and confusion."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor


@dataclass(frozen=True)
class Accuracy:
    """Accuracies in per cent; a class without test clips has the accuracy None.

    `confusion[i][j]` counts the clips of class i that were recognised as class j.
    """

    clips: int
    top1: float
    top5: float
    per_class: tuple[float | None, ...]
    confusion: tuple[tuple[int, ...], ...]


def accuracy(logits: Float[Tensor, "s k"], labels: Int64[Tensor, "s"]) -> Accuracy:
    """Return the accuracies of logits, given the true labels."""
    count = logits.shape[1]
    best = logits.topk(min(5, count), dim=1).indices
    hits = best == labels[:, None]
    confusion = torch.zeros(count, count, dtype=torch.int64)
    confusion.index_put_((labels, best[:, 0]), torch.ones_like(labels), accumulate=True)
    total = confusion.sum(dim=1)
    per_class = [100 * int(confusion[k, k]) / int(total[k]) if total[k] else None for k in range(count)]
    top1, top5 = (100 * float(hits[:, :n].any(dim=1).double().mean()) for n in (1, 5))
    return Accuracy(len(labels), top1, top5, tuple(per_class), tuple(map(tuple, confusion.tolist())))
