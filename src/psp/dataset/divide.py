"""Splits as data, and the ways to divide the clips of a data set into training and test clips."""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int64

from psp.dataset.store import Store
from psp.errors import SplitError

FULL = "full"
"""The main test set of every split that has one."""

UNDIVIDED = "none"
"""The name of the split without a test set."""

Value = int | float | str
Values = Iterable[Value] | Callable[[Value], bool]
"""Values of a column, or a function that says whether a value belongs."""


@dataclass(frozen=True)
class Split:
    """The sorted ids of the training clips, of each named test set and of the validation clips.

    The training clips may include clips without a label; test sets hold labelled clips only. `tests` may be empty.
    `description` is one sentence about how the clips were divided.
    """

    name: str
    train: tuple[str, ...]
    tests: Mapping[str, tuple[str, ...]]
    validation: tuple[str, ...] = ()
    description: str = field(default="", compare=False)

    @cached_property
    def hash(self) -> str:
        """The sha256 of the lists of ids: equal hashes are equal splits on every machine."""
        content = {"train": self.train, "tests": dict(self.tests), "validation": self.validation}
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def train_index(self, store: Store) -> Int64[np.ndarray, "train"]:
        """Return the clip indices of the training clips, in the order of their ids."""
        return store.clips.indices_of(self.train)

    def test_index(self, store: Store, name: str = FULL) -> Int64[np.ndarray, "test"]:
        """Return the clip indices of a test set, in the order of their ids; SplitError for an unknown name."""
        if name not in self.tests:
            raise SplitError(f"there is no test set {name!r}.", remedy=f"Use {' or '.join(self.tests)}.")
        return store.clips.indices_of(self.tests[name])

    def validation_index(self, store: Store) -> Int64[np.ndarray, "validation"]:
        """Return the clip indices of the validation clips, in the order of their ids."""
        return store.clips.indices_of(self.validation)

    @classmethod
    def of_ids(
        cls,
        store: Store,
        train: Iterable[str],
        tests: Mapping[str, Iterable[str]] | Iterable[str],
        validation: Iterable[str] = (),
        *,
        name: str = "ids",
        description: str = "the clips are listed by id",
    ) -> "Split":
        """Return the split of explicit ids; `tests` is one test set, named "full", or several by name."""
        named = tests if isinstance(tests, Mapping) else {FULL: tests}
        sets = {test: _sorted(ids) for test, ids in named.items()}
        return check_split(cls(name, _sorted(train), sets, _sorted(validation), description), store)

    @classmethod
    def undivided(cls, store: Store) -> "Split":
        """Return the split without a test set: all clips are for training."""
        text = "all clips are for training, none for testing"
        return check_split(cls(UNDIVIDED, _sorted(store.clips.id.tolist()), {}, description=text), store)

    @classmethod
    def by(
        cls,
        store: Store,
        column: str,
        test: Values | None = None,
        train: Values | None = None,
        *,
        name: str | None = None,
        description: str | None = None,
    ) -> "Split":
        """Return the split by the values of a column; the side that is None gets all other clips.

        Clips without a value are in no test set.
        """
        wanted = {side: values for side, values in (("test", test), ("train", train)) if values is not None}
        given = {side: values_mask(store, column, values) for side, values in wanted.items()}
        if not given:
            raise SplitError("neither training nor test values are given.", where=column, remedy="Give test or train.")
        training = given["train"] if "train" in given else ~given["test"]
        testing = given["test"] if "test" in given else ~given["train"] & has_value(store, column)
        text = description or f"the clips are divided by the column {column}"
        return split_of_masks(store, name or column, training, {FULL: testing}, text)

    @classmethod
    def leave_one_out(cls, store: Store, column: str, value: Value) -> "Split":
        """Return the split that tests on one value of a column and trains on all others."""
        text = f"the clips with {column} {value} are for testing, all others for training"
        return cls.by(store, column, test=(value,), name=f"{column}={value}", description=text)

    @classmethod
    def stratified(cls, store: Store, fraction: float, seed: int = 0) -> "Split":
        """Return a split with a fraction of the labelled clips of every class for testing.

        Within a class the clips are ordered by the sha256 of "split/seed/id" and the first ones are taken: at least
        one, and not all.
        """
        if not 0 < fraction < 1:
            raise SplitError(f"a fraction of {fraction:g} is not possible.", remedy="Use more than 0 and less than 1.")
        testing = np.zeros(len(store), dtype=bool)
        for members in _classes(store, seed):
            testing[members[: min(len(members) - 1, max(1, round(fraction * len(members))))]] = True
        text = f"{fraction:.0%} of the labelled clips of every class, drawn with seed {seed}, are for testing"
        name = f"fraction={fraction:g}" + (f"/{seed}" if seed else "")
        return split_of_masks(store, name, ~testing, {FULL: testing}, text)

    @classmethod
    def kfold(cls, store: Store, column: str | None, folds: int, fold: int, *, name: str | None = None) -> "Split":
        """Return one fold of a stratified cross-validation; with a column, clips of equal value are in one fold."""
        if not 0 <= fold < folds or folds < 2:
            what = f"there is no fold {fold} of {folds}."
            raise SplitError(what, remedy="Use at least 2 folds; the first one is 0.")
        text = f"fold {fold} of {folds} is for testing, stratified by class"
        if column is None:
            ordered = np.concatenate(_classes(store, 0) or [np.empty(0, dtype=np.int64)])
            testing = np.zeros(len(store), dtype=bool)
            testing[ordered[fold::folds]] = True
        else:
            values = [value for value, number in folds_of_groups(store, column, folds).items() if number == fold]
            testing = values_mask(store, column, values)
            text += f" and grouped by {column}"
        return split_of_masks(store, name or f"kfold={folds}/{fold}", ~testing, {FULL: testing}, text)


def folds_of_groups(store: Store, column: str, folds: int) -> dict[Value, int]:
    """Return the fold of each value that labelled clips have in a column.

    As in scikit-learn's StratifiedGroupKFold without shuffling: the values, those with the most uneven classes first,
    are added one by one to the fold that keeps the shares of the classes most even. Clips without a value are in none.
    """
    wanted = (store.clips.label >= 0) & has_value(store, column)
    index = store.clips.order[wanted[store.clips.order]]
    values, group = np.unique(store.clips.column(column)[index], return_inverse=True)
    if len(values) < folds:
        what = f"the labelled clips have {len(values)} different values of {column}, too few for {folds} folds."
        raise SplitError(what, remedy="Use fewer folds, another column or fraction=0.3.")
    labels = np.unique(store.clips.label[index], return_inverse=True)[1]
    counts = np.zeros((len(values), labels.max() + 1), dtype=np.int64)
    np.add.at(counts, (group, labels), 1)
    filled = np.zeros((folds, counts.shape[1]), dtype=np.int64)
    found = {}
    for number in np.argsort(-counts.std(axis=1), kind="stable").tolist():
        fold = _most_even(filled, counts[number], counts.sum(axis=0))
        filled[fold] += counts[number]
        found[values[number].item()] = fold
    return found


def has_value(store: Store, column: str) -> Bool[np.ndarray, "clips"]:
    """Return a mask of the clips that have a value in a column: neither "" nor nan."""
    content = store.clips.column(column)
    return content != "" if content.dtype.kind == "U" else content == content


def values_mask(store: Store, column: str, values: Values) -> Bool[np.ndarray, "clips"]:
    """Return a mask of the clips whose value in a column is one of `values`."""
    content = store.clips.column(column)
    if callable(values):
        known = np.unique(content[has_value(store, column)])
        return np.isin(content, [value for value in known.tolist() if values(value)])
    return np.isin(content, list(values))


def split_of_masks(
    store: Store,
    name: str,
    train: Bool[np.ndarray, "clips"],
    tests: Mapping[str, Bool[np.ndarray, "clips"]],
    description: str,
) -> Split:
    """Return the split of masks over the clips; clips without a label are left out of the test sets."""
    order, labelled = store.clips.order, store.clips.label >= 0
    masks = {"train": train} | {test: mask & labelled for test, mask in tests.items()}
    ids = {part: tuple(store.clips.id[order[mask[order]]].tolist()) for part, mask in masks.items()}
    return check_split(Split(name, ids.pop("train"), ids, description=description), store)


def check_split(split: Split, store: Store) -> Split:
    """Return the split if it fits the data set, else raise SplitError."""
    where = f"split {split.name!r}"
    if split.tests and not (store.clips.label >= 0).any():
        remedy = "Prepare the data set with labels for some clips."
        raise SplitError("no clip has a label, so there is no test clip.", where=where, remedy=remedy)
    if split.tests and FULL not in split.tests:
        raise SplitError(f"there is no test set {FULL!r}.", where=where, remedy=f"Name the main test set {FULL!r}.")
    tests = {f"test set {name!r}": ids for name, ids in split.tests.items()}
    for part, ids in {"training set": split.train, **tests}.items():
        if not ids:
            what = f"the {part} is empty" + (f": {split.description}." if split.description else ".")
            remedy = "Prepare the whole data set, or use another split, such as fraction=0.3."
            raise SplitError(what, where=where, remedy=remedy)
    for part, ids in {"training set": split.train, "validation set": split.validation, **tests}.items():
        _check_ids(part, ids, store, where)
    _check_apart(split, where)
    return split


def _check_ids(part: str, ids: tuple[str, ...], store: Store, where: str) -> None:
    """Raise SplitError for ids that are not in the store, and for held-out clips without a label."""
    index = store.clips.indices_of(ids)
    if (index < 0).any():
        what = f"{(index < 0).sum()} of the {len(ids)} clips of the {part} are not in this data set, the first is "
        remedy = "Use the data set that the split was made for, or remove them."
        raise SplitError(f"{what}{ids[int((index < 0).argmax())]!r}.", where=where, remedy=remedy)
    unlabelled = store.clips.label[index] < 0
    if part != "training set" and unlabelled.any():
        what = f"clip {ids[int(unlabelled.argmax())]!r} of the {part} has no label."
        raise SplitError(what, where=where, remedy="Label it, or move it to the training set.")


def _check_apart(split: Split, where: str) -> None:
    """Raise SplitError for a clip in two of training, validation and test; test sets may overlap each other."""
    train, validation = set(split.train), set(split.validation)
    tests = set().union(*split.tests.values())
    both = sorted((train & validation) | (train & tests) | (validation & tests))
    if both:
        what = f"{len(both)} clips are in two parts of the split, the first is {both[0]!r}."
        raise SplitError(what, where=where, remedy="Leave each clip in one of training, validation and test.")


def _sorted(ids: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(ids)))


def _classes(store: Store, seed: int) -> list[Int64[np.ndarray, "_"]]:
    """Return the clip indices of the labelled clips of each class, in a pseudo-random order of the ids."""
    labels = store.clips.label
    known = [np.flatnonzero(labels == label) for label in np.unique(labels[labels >= 0])]
    return [index[np.argsort([_draw(seed, name) for name in store.clips.id[index].tolist()])] for index in known]


def _draw(seed: int, name: str) -> str:
    return hashlib.sha256(f"split/{seed}/{name}".encode()).hexdigest()


def _most_even(
    filled: Int64[np.ndarray, "folds k"], added: Int64[np.ndarray, "k"], whole: Int64[np.ndarray, "k"]
) -> int:
    """Return the fold to which `added` is added with the most even shares of classes; of equals the smallest fold."""
    best, least, size = 0, np.inf, np.inf
    for fold, members in enumerate(filled.sum(axis=1)):
        grown = filled.copy()
        grown[fold] += added
        uneven = float((grown / whole).std(axis=0).mean())
        if uneven < least or (np.isclose(uneven, least) and members < size):
            best, least, size = fold, uneven, members
    return best
