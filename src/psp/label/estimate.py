"""The accuracy estimated from the queries that were drawn at random, each judged by a network not trained on it.

Random queries are drawn from the clips without a label: the accuracy is that on these, not on all clips.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from psp.evaluate.accuracy import wilson
from psp.label.journal import Entry, Labels

LATEST = 40
"""The number of random queries, the latest ones, from which the accuracy is estimated."""


@dataclass(frozen=True)
class Answers:
    """The class that the network of a round recognises in each clip, and the clips whose labels it was trained on."""

    recognised: Mapping[str, str]
    trained_on: frozenset[str]


@dataclass(frozen=True)
class Share:
    """How many of some clips were recognised, and the 95 % Wilson interval of the accuracy in per cent.

    `labels` is the number of labels of the network; for several networks it is that of the newest.
    """

    round: int
    labels: int
    clips: int
    hits: int
    interval: tuple[float, float]

    @classmethod
    def of(cls, round: int, labels: int, hits: Sequence[bool]) -> "Share":
        """Return the share of clips that were recognised."""
        return cls(round, labels, len(hits), sum(hits), wilson(sum(hits), len(hits)))


@dataclass(frozen=True)
class Growth:
    """The estimated accuracy from the latest random queries, None without any, and that of each network alone.

    Every query is judged by the newest network that was not trained on its label. The latest ones include earlier
    networks, which are usually less accurate than the newest one.
    """

    latest: Share | None
    rounds: tuple[Share, ...]


def estimated_growth(entries: Sequence[Entry], labels: Labels, answers: Mapping[int, Answers]) -> Growth:
    """Return the estimated accuracy and how it grew over the rounds."""
    judged = list[tuple[int, bool]]()
    for position, entry in enumerate(entries):
        if entry.how == "random" and entry.act == "label" and position not in labels.undone:
            judged += [each for clip in entry.clips if (each := _judged(clip, labels, answers)) is not None]
    by_round = [(number, [hit for each, hit in judged if each == number]) for number in sorted(answers)]
    rounds = tuple(Share.of(number, len(answers[number].trained_on), hits) for number, hits in by_round if hits)
    latest = [hit for _, hit in judged[-LATEST:]]
    newest = max(answers, default=0)
    return Growth(Share.of(newest, len(answers[newest].trained_on), latest) if latest else None, rounds)


def _judged(clip: str, labels: Labels, answers: Mapping[int, Answers]) -> tuple[int, bool] | None:
    """Return the newest round without the label of a clip, and whether its network recognises the clip."""
    if clip not in labels.label:
        return None
    unseen = [number for number, each in answers.items() if clip not in each.trained_on and clip in each.recognised]
    return (max(unseen), answers[max(unseen)].recognised[clip] == labels.label[clip]) if unseen else None
