"""The label budget: the clips whose labels a run may use."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Int64

from psp.dataset.divide import Split
from psp.dataset.store import Store
from psp.errors import BudgetError


@dataclass(frozen=True)
class LabelBudget:
    """The sorted ids of the clips whose labels may be used, and how they were chosen.

    `split` is the name of the split whose training clips they are. `labels` are the labels by id if they do not come
    from the data set, numbers of `classes` or, in files of earlier versions, which do not state these, of the classes
    of the data set. `warnings` are sentences about classes with too few labels.
    """

    spec: str
    split: str
    seed: int
    ids: tuple[str, ...]
    labels: Mapping[str, int] | None = None
    warnings: tuple[str, ...] = field(default=(), compare=False)
    classes: tuple[str, ...] = ()

    @property
    def hash(self) -> str:
        """The sha256 of the content without warnings: equal hashes are equal budgets on every machine."""
        content = {"spec": self.spec, "protocol": self.split, "seed": self.seed, "ids": self.ids}
        canonical = json.dumps(content | self.own, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def own(self) -> dict[str, Any]:
        """The labels that do not come from the data set, and their classes, as they are written; empty without any."""
        facts = {"labels": self.labels and dict(self.labels), "classes": self.classes}
        return {name: value for name, value in facts.items() if value}

    def resolve(self, store: Store, split: Split) -> tuple[Int64[np.ndarray, "l"], Int64[np.ndarray, "l"]]:
        """Return the clip indices and the labels of the budget, in the order of the ids.

        The data set need not be the one the budget was drawn on. BudgetError if a clip is missing there, has no label,
        has another label than the budget says, or is not for training.
        """
        if self.split != split.name:
            what = f"the label budget is for the split {self.split!r}, not {split.name!r}."
            raise BudgetError(what, remedy="Use the split of the budget or draw another budget.")
        index = store.clips.indices_of(self.ids)
        known = np.where(index < 0, -1, store.clips.label[index])
        labels = known if self.labels is None else self._own_labels(self.labels, store)
        usable = np.isin(index, split.train_index(store)) & (index >= 0) & (labels >= 0)
        if not usable.all():
            what = f"{(~usable).sum()} of the {len(self.ids)} clips of the label budget are not training clips with a "
            remedy = "Use the split it was made for (--split none trains on all clips), or leave these clips out."
            raise BudgetError(f"{what}label, the first is {self.ids[int(usable.argmin())]!r}.", remedy=remedy)
        _check_own_labels(self.ids, labels, known, store.classes)
        return index, labels

    def _own_labels(self, labels: Mapping[str, int], store: Store) -> Int64[np.ndarray, "l"]:
        """Return the labels as numbers of the classes of a data set, which are found by their names."""
        found = [labels[name] for name in self.ids]
        if self.classes:
            number = {name: index for index, name in enumerate(store.classes)}
            lacking = sorted({self.classes[label] for label in found} - set(number))
            if lacking:
                what = f"the class {lacking[0]!r} of the label budget is not one of the data set."
                raise BudgetError(what, remedy="Use the data set it was made for.")
            found = [number[self.classes[label]] for label in found]
        return np.array(found, dtype=np.int64)


def _check_own_labels(
    ids: Sequence[str], labels: Int64[np.ndarray, "l"], known: Int64[np.ndarray, "l"], classes: Sequence[str]
) -> None:
    """Raise BudgetError for labels that the data set contradicts or whose class it lacks."""
    if labels.max() >= len(classes):
        what = f"a label of the budget is class {labels.max()}, but the data set has {len(classes)} classes."
        raise BudgetError(what, remedy="Use the data set it was made for.")
    differs = (known >= 0) & (known != labels)
    if differs.any():
        first = int(differs.argmax())
        here, there = classes[labels[first]], classes[known[first]]
        what = f"clip {ids[first]!r} is labelled {here!r}, but {there!r} in the data set."
        raise BudgetError(what, remedy="Correct the label in the budget or in the data set.")
