"""Labels that seem wrong: a linear classifier and the nearest clips of other subjects agree on another class."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
from jaxtyping import Float, Float32, Int64
from scipy.special import bdtrc

from psp.dataset.checks.copies import Copies
from psp.dataset.checks.measure import Measures
from psp.dataset.checks.report import Finding
from psp.dataset.split import SUBJECT
from psp.dataset.store import Store

FEWEST, FOLDS = 10, 5
"""The smallest number of clips of an examined class; the number of folds, which are formed by subject or at random."""

TELLING = 0.5
"""The smallest accuracy of the classifier on other folds; below it labels are not examined."""

SHRINKAGE = 0.1
"""The share of the covariance that is replaced by an equal variance of all features."""

CONSTANT = 1e-6
"""Features with a smaller standard deviation are left out."""

UNLIKELY = 0.01
"""The largest probability of a suspect label."""

NEAREST, MOST, EXAMINED = 10, 8, 2000
"""Of the NEAREST clips none may have the suspect label and at least MOST must have the other class. Only the EXAMINED
least probable labels are examined."""

EXPECTED, GROUP = 0.01, 4
"""The largest number of exchanges expected by chance in the whole data set. Groups with fewer than GROUP clips of a
class are not examined, because clips of one performance are not independent."""


@dataclass(frozen=True)
class _Labelled:
    """The examined clips: clip indices, features, labels, folds and the probability of every class."""

    clip: Int64[np.ndarray, "n"]
    features: Float32[np.ndarray, "n d"]
    label: Int64[np.ndarray, "n"]
    fold: Int64[np.ndarray, "n"]
    probability: Float[np.ndarray, "n k"]

    @cached_property
    def predicted(self) -> Int64[np.ndarray, "n"]:
        """The most probable class, by a classifier trained on the other folds."""
        return self.probability.argmax(axis=1)


def suspect_findings(store: Store, measures: Measures, copies: list[Copies]) -> tuple[list[Finding], dict[str, str]]:
    """Return findings about labels that seem wrong or exchanged, and why checks were skipped.

    Of a group of copies one clip is used, so that copies do not confirm each other.
    """
    chosen = _examined(store, measures, copies)
    names = ("exchanged-labels", "suspect-label")
    if len(np.unique(store.clips.label[chosen])) < 2:
        return [], dict.fromkeys(names, f"fewer than two classes have {FEWEST} different labelled clips")
    features = _features(store, measures)[chosen]
    features = features[:, features.std(axis=0) > CONSTANT]
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    label, fold = store.clips.label[chosen], _folds(store, chosen)
    if len(np.unique(fold)) < 2:
        return [], dict.fromkeys(names, "all labelled clips are of one subject")
    found = _Labelled(chosen, features, label, fold, _classify(features, label, fold, len(store.classes)))
    share = float((found.predicted == label).mean())
    if share < TELLING:
        return [], dict.fromkeys(names, f"a simple classifier recognises only {share:.0%} of the clips")
    exchanged = list(_exchanged(store, found))
    known = {name for finding in exchanged for name in finding.clips}
    return exchanged + [each for each in _suspects(store, found) if not known & set(each.clips)], {}


def _examined(store: Store, measures: Measures, copies: list[Copies]) -> Int64[np.ndarray, "_"]:
    """Return the labelled clips with motion of classes that are large enough, one of each group of copies."""
    use = store.clips.label >= 0
    use[measures.clip[(measures.person == 0) & ((measures.observed == 0) | (measures.frames == 1))]] = False
    for group in copies:
        use[group.members[1:]] = False
    counts = np.bincount(store.clips.label[use], minlength=len(store.classes))
    return np.flatnonzero(use & np.isin(store.clips.label, np.flatnonzero(counts >= FEWEST)))


def _features(store: Store, measures: Measures) -> Float32[np.ndarray, "n d"]:
    """Return features that do not depend on the camera: heights, distances from the axis and between sides, speeds.

    Without a vertical axis the distances from the middle replace the first two; in two dimensions coordinates do.
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
    """Yield a finding for each clip for which the classifier and the nearest clips agree on another class."""
    own = found.probability[np.arange(len(found.label)), found.label]
    unlikely = np.flatnonzero((own < UNLIKELY) & (found.predicted != found.label))
    unlikely = unlikely[np.argsort(own[unlikely], kind="stable")][:EXAMINED]
    for number, nearest in zip(unlikely.tolist(), _nearest_labels(found, unlikely), strict=True):
        votes = int((nearest == found.predicted[number]).sum())
        if votes >= MOST and not (nearest == found.label[number]).any():
            names = [store.classes[each] for each in (found.label[number], found.predicted[number])]
            text = f"labelled {names[0]!r}, but {votes} of the {NEAREST} most similar clips are {names[1]!r}."
            yield Finding("suspect-label", (str(store.clips.id[found.clip[number]]),), 1 - float(own[number]), text)


def _nearest_labels(found: _Labelled, wanted: Int64[np.ndarray, "w"]) -> Iterator[Int64[np.ndarray, "l"]]:
    """Yield the labels of the clips of other folds that are nearest to each wanted one."""
    squares = np.einsum("nd,nd->n", found.features, found.features)
    for first in range(0, len(wanted), 64):
        block = wanted[first : first + 64]
        distance = squares - 2 * found.features[block] @ found.features.T
        distance[found.fold[block][:, None] == found.fold] = np.inf
        nearest = np.argpartition(distance, min(NEAREST, len(squares)) - 1, axis=1)[:, :NEAREST]
        yield from found.label[nearest]


def _exchanged(store: Store, found: _Labelled) -> Iterator[Finding]:
    """Yield a finding for each two classes whose clips are confused with each other in a group of clips only.

    A group has one value of a column, or of two columns. At least half of the clips of each class must be predicted as
    the other one, so many that the rates of the whole data set explain fewer than EXPECTED such cases.
    """
    classes = len(store.classes)
    confused = np.zeros((classes, classes))
    np.add.at(confused, (found.label, found.predicted), 1)
    rate = (confused + 1) / (confused.sum(axis=1, keepdims=True) + 2)
    trials, exchanges = 0, []
    for where, group in _groups(store, found.clip):
        taken = np.zeros((classes, classes), dtype=np.int64)
        np.add.at(taken, (found.label[group], found.predicted[group]), 1)
        large = np.flatnonzero(taken.sum(axis=1) >= GROUP).tolist()
        trials += len(large) * (len(large) - 1) // 2
        for one, other in combinations(large, 2):
            pairs = ((one, other), (other, one))
            sides = [_chance(int(taken[pair]), int(taken[pair[0]].sum()), float(rate[pair])) for pair in pairs]
            if max(sides) < 1:
                exchanges.append((sides[0] * sides[1], where, group, (one, other), taken))
    covered: set[int] = set()
    for chance, where, group, pair, taken in sorted(exchanges, key=lambda each: each[0]):
        members = found.clip[group[np.isin(found.label[group], pair)]]
        if chance * trials < EXPECTED and not covered & set(members.tolist()):
            covered |= set(members.tolist())
            names = " and ".join(repr(store.classes[each]) for each in pair)
            counts = " and ".join(f"{taken[one, other]} of {taken[one].sum()}" for one, other in (pair, pair[::-1]))
            text = f"{names} seem exchanged where {where}: {counts} clips are recognised as the other class."
            yield Finding("exchanged-labels", tuple(store.clips.id[members].tolist()), 1 - chance, text)


def _chance(taken: int, clips: int, rate: float) -> float:
    """Return the probability that so many clips of a class are predicted as another; 1 for fewer than half."""
    return float(bdtrc(taken - 1, clips, rate)) if 2 * taken >= clips else 1.0


def _groups(store: Store, clip: Int64[np.ndarray, "n"]) -> Iterator[tuple[str, Int64[np.ndarray, "_"]]]:
    """Yield groups of clips with one value of a column or of two columns: these values in words, and the clips."""
    columns = {name: np.unique(values[clip], return_inverse=True) for name, values in store.clips.columns.items()}
    columns = {name: found for name, found in columns.items() if 1 < len(found[0]) <= len(clip) // GROUP}
    for names in (*combinations(columns, 1), *combinations(columns, 2)):
        code = np.zeros(len(clip), dtype=np.int64)
        for name in names:
            code = code * len(columns[name][0]) + columns[name][1]
        order = np.argsort(code, kind="stable")
        for group in np.split(order, np.flatnonzero(np.diff(code[order])) + 1):
            values = {name: columns[name][0][columns[name][1][group[0]]] for name in names}
            yield " and ".join(f"{name} is {value}" for name, value in values.items()), group
