"""Top-1, top-5 and per-class accuracy, confusion, confidence intervals, and calibration of probabilities."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import torch
from jaxtyping import Float, Int64
from torch import Tensor

NORMAL_95 = 1.959964
"""The 97.5 % quantile of the standard normal distribution."""

BINS = 15
"""The intervals of probability over which the calibration error is measured."""

FEWEST = 50
"""The calibration error is shown of at least so many clips: of fewer it is mostly chance."""


@dataclass(frozen=True)
class Accuracy:
    """Accuracies in per cent; a class without test clips has the accuracy None.

    `interval` is the 95 % Wilson interval of `top1`. `confusion[i][j]` counts the clips of class i that were recognised
    as class j. Clips of a class that the model does not know count as wrong and are not in `confusion`.
    """

    clips: int
    top1: float
    top5: float
    interval: tuple[float, float]
    per_class: tuple[float | None, ...]
    confusion: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Calibration:
    """How far probabilities are from shares of right answers, in per cent.

    `confidence` is the mean probability of the recognised class, to be compared with the accuracy. `error` is the
    expected calibration error (Guo et al. 2017): the mean distance of the two over `BINS` equal intervals of
    probability, weighted by their clips.
    """

    confidence: float
    error: float


@dataclass(frozen=True)
class Confusion:
    """The number of clips of a class (`action`, of `of` clips) that were recognised as another class."""

    action: str
    taken_for: str
    clips: int
    of: int


def accuracy(logits: Float[Tensor, "s k"], labels: Int64[Tensor, "s"]) -> Accuracy:
    """Return the accuracies of logits, given the true labels; -1 is a class that the model does not know."""
    count = logits.shape[1]
    best = logits.topk(min(5, count), dim=1).indices
    hits, known = best == labels[:, None], labels >= 0
    confusion = torch.zeros(count, count, dtype=torch.int64)
    confusion.index_put_((labels[known], best[known, 0]), torch.ones_like(labels[known]), accumulate=True)
    total = confusion.sum(dim=1)
    per_class = [100 * int(confusion[k, k]) / int(total[k]) if total[k] else None for k in range(count)]
    top1, top5 = (100 * float(hits[:, :n].any(dim=1).double().mean()) for n in (1, 5))
    interval = wilson(int(hits[:, 0].sum()), len(labels))
    return Accuracy(len(labels), top1, top5, interval, tuple(per_class), tuple(map(tuple, confusion.tolist())))


def calibration(probabilities: Float[Tensor, "s k"], labels: Int64[Tensor, "s"]) -> Calibration:
    """Return the calibration of class probabilities, given the true labels; -1 is a class that the model does not know.

    >>> calibration(torch.tensor([[0.8, 0.2], [0.8, 0.2]]), torch.tensor([0, 1]))  # 80 % sure, half of them right
    Calibration(confidence=80.0, error=30.0)
    """
    found, best = probabilities.double().max(dim=1)
    right, bin = (best == labels).double(), (found * BINS).long().clamp(max=BINS - 1)
    distance = torch.zeros(BINS, dtype=torch.float64).index_add_(0, bin, found - right).abs()
    return Calibration(round(100 * float(found.mean()), 2), round(100 * float(distance.sum()) / len(labels), 2))


def is_above_guessing(interval: Sequence[float], clips: Sequence[int]) -> bool:
    """Return whether the 95 % interval of an accuracy in per cent is above the share of the most frequent class.

    That share is what one answer to all clips reaches; `clips` holds the number of clips of every class.
    """
    return interval[0] > 100 * max(clips) / max(1, sum(clips))


def wilson(hits: int, clips: int) -> tuple[float, float]:
    """Return the 95 % interval of an accuracy in per cent (Wilson 1927), for independent clips."""
    share, z = hits / clips, NORMAL_95**2 / clips
    middle, half = share + z / 2, sqrt(z * (share * (1 - share) + z / 4))
    return 100 * max(0.0, middle - half) / (1 + z), 100 * min(1 + z, middle + half) / (1 + z)


def worst_confusions(found: Accuracy, classes: Sequence[str], most: int = 5) -> list[Confusion]:
    """Return the most frequent confusions of two classes, the most frequent one first."""
    pairs = [
        Confusion(classes[i], classes[j], clips, sum(row))
        for i, row in enumerate(found.confusion)
        for j, clips in enumerate(row)
        if i != j and clips
    ]
    return sorted(pairs, key=lambda each: -each.clips)[:most]
