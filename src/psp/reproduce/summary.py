"""Figures over several seeds: mean and standard deviation, and paired differences with their confidence."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean, stdev

from scipy.special import stdtrit  # type: ignore[import-untyped]

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Summary:
    """Mean and standard deviation of n values; one value alone has no deviation."""

    mean: float
    deviation: float | None
    n: int

    def __str__(self) -> str:
        return f"{self.mean:.1f}" if self.deviation is None else f"{self.mean:.1f} ± {self.deviation:.1f}"


@dataclass(frozen=True)
class Difference:
    """Mean paired difference of n pairs, and the half width of its confidence interval where n is 2 or more."""

    mean: float
    half_width: float | None
    n: int

    def __str__(self) -> str:
        if self.half_width is None:
            return f"{self.mean:+.1f}, n = {self.n}"
        low, high = self.mean - self.half_width, self.mean + self.half_width
        return f"{self.mean:+.1f} [{low:+.1f}, {high:+.1f}], n = {self.n}"


def summarise(values: Sequence[float]) -> Summary:
    """Mean and sample standard deviation (n - 1) of at least one value."""
    return Summary(mean(values), stdev(values) if len(values) > 1 else None, len(values))


def paired_difference(ours: Sequence[float], reference: Sequence[float]) -> Difference:
    """Mean of ours - reference over pairs, with the interval  mean ± t(n - 1) s / sqrt(n)  of Student's t."""
    differences = [one - other for one, other in zip(ours, reference, strict=True)]
    n = len(differences)
    if n < 2:
        return Difference(mean(differences), None, n)
    quantile = float(stdtrit(n - 1, 0.5 + CONFIDENCE / 2))
    return Difference(mean(differences), quantile * stdev(differences) / math.sqrt(n), n)
