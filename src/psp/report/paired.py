"""Differences of accuracy between runs on the same test clips."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from scipy.stats import binomtest

from psp.evaluate.accuracy import NORMAL_95


@dataclass(frozen=True)
class Difference:
    """The difference of two accuracies on the same clips, in points, with its 95 % interval and McNemar's exact p.

    `gained` clips are recognised by the second run only, `lost` ones by the first run only.
    """

    points: float
    interval: tuple[float, float]
    gained: int
    lost: int
    p: float


def difference(first: Mapping[str, bool], second: Mapping[str, bool]) -> Difference | None:
    """Return the difference of two runs, given which clips each recognises by id; None for different clips."""
    if not first or first.keys() != second.keys():
        return None
    gained = sum(second[name] and not first[name] for name in first)
    lost = sum(first[name] and not second[name] for name in first)
    clips, changed = len(first), gained - lost
    half = NORMAL_95 * sqrt(max(gained + lost - changed**2 / clips, 0)) / clips
    mean = changed / clips
    p = float(binomtest(gained, gained + lost).pvalue) if gained + lost else 1.0
    return Difference(100 * mean, (100 * (mean - half), 100 * (mean + half)), gained, lost, p)
