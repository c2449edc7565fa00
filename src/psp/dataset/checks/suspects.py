"""Labels that seem wrong: a linear classifier and the nearest clips, both of other subjects, agree on another class."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float, Float32, Int64
from scipy.stats import binom

from psp.dataset.checks.copies import Copies
from psp.dataset.checks.measure import Measures
from psp.dataset.checks.report import Finding
from psp.dataset.split import SUBJECT
from psp.dataset.store import Store

FEWEST, FOLDS = 10, 5
"""A class takes part if it has so many clips; clips of equal subjects, or else at random, form the folds."""

TELLING = 0.5
"""The classifier has to recognise this share of the clips of other folds, else it says nothing about labels."""

SHRINKAGE = 0.1
"""The share of the covariance that is replaced by an equal variance of all features."""

UNLIKELY = 0.01
"""The probability of a suspect label, at most."""

NEAREST, MOST = 10, 6
"""So many nearest clips are asked: none may have the suspect label, and so many must have the other class."""

EXPECTED, GROUP = 0.01, 4
"""How many exchanges would be found by chance in the whole data set, at most; those in groups with fewer than
GROUP clips of a class are not examined, since clips of one performance are no independent evidence."""


@dataclass(frozen=True)
class _Labelled:
    """The clips that take part: clip indices, features, labels, folds and the probability of every class."""

    clip: Int64[np.ndarray, "n"]
    features: Float32[np.ndarray, "n d"]
    label: Int64[np.ndarray, "n"]
    fold: Int64[np.ndarray, "n"]
    probability: Float[np.ndarray, "n k"]

    @property
    def predicted(self) -> Int64[np.ndarray, "n"]:
        """The most probable class, as those see it that have not seen the clip's fold."""
        return self.probability.argmax(axis=1)


def suspect_findings(
    store: Store, measures: Measures, copies: list[Copies]
) -> tuple[list[Finding], dict[str, str]]:
    """Return labels that seem wrong or exchanged, or why they were not examined.

    Of copies one clip takes part, so that none confirms itself.
    """
    chosen = _taking_part(store, measures, copies)
    names = ("exchanged-labels", "suspect-label")
    if len(np.unique(store.clips.label[chosen])) < 2:
        return [], dict.fromkeys(names, f"fewer than two classes have {FEWEST} different labelled clips")
    features = _features(store, measures)[chosen]
    features = (features - features.mean(axis=0)) / np.maximum(features.std(axis=0), 1e-6)
    label, fold = store.clips.label[chosen], _folds(store, chosen)
    if len(np.unique(fold)) < 2:
        return [], dict.fromkeys(names, "all labelled clips are of one subject")
    found = _Labelled(chosen, features, label, fold, _classify(features, label, fold, len(store.classes)))
    share = float((found.predicted == label).mean())
    if share < TELLING:
        return [], dict.fromkeys(names, f"simple features recognise {share:.0%} of the clips only")
    exchanged = list(_exchanged(store, found))
    known = {name for finding in exchanged for name in finding.clips}
    return exchanged + [each for each in _suspects(store, found) if not known & set(each.clips)], {}


def _taking_part(store: Store, measures: Measures, copies: list[Copies]) -> Int64[np.ndarray, "_"]:
    """Return the labelled clips with motion of classes that are large enough, one of each group of copies."""
    use = store.clips.label >= 0
    use[measures.clip[(measures.person == 0) & ((measures.observed == 0) | (measures.frames == 1))]] = False
    for group in copies:
        use[group.members[1:]] = False
    counts = np.bincount(store.clips.label[use], minlength=len(store.classes))
    return np.flatnonzero(use & (counts[store.clips.label] >= FEWEST))


def _features(store: Store, measures: Measures) -> Float32[np.ndarray, "n d"]:
    """Return what a camera's place does not change: heights, distances from the axis and between sides, speeds.

    Without a vertical axis the distances from the middle take the place of the first two; in the plane coordinates do.
    """
    first = measures.person == 0
    pose, speed = measures.pose[first], measures.speed[first]
    between = np.linalg.norm(pose - pose[:, :, store.layout.mirror], axis=3)
    if store.channels == 2:
        parts = [pose[..., 0], pose[..., 1]]
    elif store.up == "none":
        parts = [np.linalg.norm(pose, axis=3)]
    else:
        axis = "xyz".index(store.up[-1])
        parts = [pose[..., axis], np.linalg.norm(np.delete(pose, axis, axis=3), axis=3)]
    return np.concatenate([each.reshape(len(pose), -1) for each in (*parts, between, speed)], axis=1)


def _folds(store: Store, chosen: Int64[np.ndarray, "n"]) -> Int64[np.ndarray, "n"]:
    if SUBJECT in store.clips.columns:
        return np.unique(store.clips.columns[SUBJECT][chosen], return_inverse=True)[1] % (2 * FOLDS)
    return store.clips.key[chosen] % FOLDS


def _classify(
    features: Float32[np.ndarray, "n d"], label: Int64[np.ndarray, "n"], fold: Int64[np.ndarray, "n"], classes: int
) -> Float[np.ndarray, "n k"]:
    """Return the probability of every class by linear discriminant analysis of the other folds.

    The covariance within classes is shrunk towards an equal variance of all features.
    """
    sums = []
    for number in np.unique(fold):
        inside = fold == number
        one_hot = np.eye(classes, dtype=np.float32)[label[inside]]
        its = features[inside]
        sums.append((one_hot.sum(axis=0), one_hot.T @ its, its.T @ its))
    whole = [sum(each[part] for each in sums) for part in range(3)]
    score = np.empty((len(features), classes))
    for number, own in zip(np.unique(fold), sums, strict=True):
        count, total, square = (np.asarray(all_ - its, dtype=np.float64) for all_, its in zip(whole, own, strict=True))
        mean = total / np.maximum(count, 1)[:, None]
        within = (square - (mean * count[:, None]).T @ mean) / max(count.sum() - classes, 1)
        size = len(within)
        within = (1 - SHRINKAGE) * within + (SHRINKAGE * np.trace(within) / size + 1e-9) * np.eye(size)
        weight = np.linalg.solve(within, mean.T)
        mine = features[fold == number] @ weight - 0.5 * (mean.T * weight).sum(axis=0)
        score[fold == number] = np.where(count > 0, mine, -np.inf)
    odds = np.exp(score - score.max(axis=1, keepdims=True))
    return odds / odds.sum(axis=1, keepdims=True)


def _suspects(store: Store, found: _Labelled) -> Iterator[Finding]:
    """Yield single clips of which the classifier and the nearest clips say the same other class."""
    own = found.probability[np.arange(len(found.label)), found.label]
    for number in np.flatnonzero((own < UNLIKELY) & (found.predicted != found.label)).tolist():
        other = found.fold != found.fold[number]
        distance = np.square(found.features[other] - found.features[number]).sum(axis=1)
        nearest = found.label[other][np.argpartition(distance, min(NEAREST, len(distance) - 1))[:NEAREST]]
        votes, predicted = int((nearest == found.predicted[number]).sum()), int(found.predicted[number])
        if votes >= MOST and not (nearest == found.label[number]).any():
            names = [store.classes[each] for each in (found.label[number], predicted)]
            text = f"labelled {names[0]!r}, but {votes} of the {NEAREST} most similar clips show {names[1]!r}."
            yield Finding("suspect-label", (str(store.clips.id[found.clip[number]]),), 1 - float(own[number]), text)


def _exchanged(store: Store, found: _Labelled) -> Iterator[Finding]:
    """Yield two classes whose clips are taken for each other in a group of clips, but not in the others.

    A group has one value of a column, or of two. Each side has to be taken for the other one in at least half of its
    clips, and so often that the rates of the whole data set explain it less than EXPECTED times.
    """
    classes = len(store.classes)
    totals = np.bincount(found.label, minlength=classes)
    confused = np.zeros((classes, classes))
    np.add.at(confused, (found.label, found.predicted), 1)
    rate = (confused + 1) / (totals[:, None] + 2)
    trials = [
        (where, group, pair)
        for where, group in _groups(store, found.clip)
        for pair in combinations(np.flatnonzero(_counts(found.label[group], classes) >= GROUP).tolist(), 2)
    ]
    exchanges = []
    for where, group, pair in trials:
        sides = [_chance(found, group, *order, rate) for order in (pair, pair[::-1])]
        chance = sides[0] * sides[1] * len(trials)
        if max(sides) < 1 and chance < EXPECTED:
            exchanges.append((chance, where, group & np.isin(found.label, pair), pair))
    covered = np.zeros(len(found.label), dtype=bool)
    for chance, where, members, pair in sorted(exchanges, key=lambda each: each[0]):
        if not (covered & members).any():
            covered |= members
            taken = [
                f"{(found.predicted[members & (found.label == one)] == other).sum()} of "
                f"{(members & (found.label == one)).sum()}"
                for one, other in (pair, pair[::-1])
            ]
            one, other = (store.classes[each] for each in pair)
            text = f"{one!r} and {other!r} seem exchanged where {where}: {taken[0]} and {taken[1]} clips are taken for "
            ids = tuple(store.clips.id[found.clip[members]].tolist())
            yield Finding("exchanged-labels", ids, 1 - chance, text + "the other one.")


def _chance(found: _Labelled, group: Bool[np.ndarray, "n"], one: int, other: int, rate: Float[np.ndarray, "k k"]) -> float:
    """Return how probable it is that so many clips of a class are taken for another; 1 for fewer than half."""
    predicted = found.predicted[group & (found.label == one)]
    taken = int((predicted == other).sum())
    return float(binom.sf(taken - 1, len(predicted), rate[one, other])) if 2 * taken >= len(predicted) else 1.0


def _counts(label: Int64[np.ndarray, "_"], classes: int) -> Int64[np.ndarray, "k"]:
    return np.bincount(label, minlength=classes)


def _groups(store: Store, clip: Int64[np.ndarray, "n"]) -> Iterator[tuple[str, Bool[np.ndarray, "n"]]]:
    """Yield the groups of clips with one value of a column or of two columns, and their values in words."""
    columns = {name: values[clip] for name, values in store.clips.columns.items()}
    columns = {name: values for name, values in columns.items() if 1 < len(np.unique(values)) <= len(clip) // GROUP}
    for names in (*combinations(columns, 1), *combinations(columns, 2)):
        codes = [np.unique(columns[name], return_inverse=True)[1] for name in names]
        code = codes[0] if len(codes) == 1 else codes[0] * (codes[1].max() + 1) + codes[1]
        for number in np.unique(code).tolist():
            group = code == number
            row = int(group.argmax())
            yield " and ".join(f"{name} is {columns[name][row]}" for name in names), group
