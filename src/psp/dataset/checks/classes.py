"""Faults of the classes: classes with too few clips, in the data set or in a part of the split."""

import numpy as np
from jaxtyping import Int64

from psp.dataset.checks.report import Finding, shown
from psp.dataset.divide import Split
from psp.dataset.store import Store


def class_findings(store: Store, split: Split | None) -> list[Finding]:
    """Return findings about fewer than two labelled classes, classes with no clip or one, and none to train or test."""
    total = _counts(store, np.arange(len(store)))
    wanted = {"unused-class": (total == 0, "no clip of the data set has the class")}
    wanted["single-clip-class"] = (total == 1, "a single clip has the class")
    if split is not None and split.tests:
        train = _counts(store, split.train_index(store))
        held_out = store.clips.indices_of(sorted({name for ids in split.tests.values() for name in ids}))
        test = _counts(store, held_out)
        wanted["untrained-class"] = ((train == 0) & (test > 0), "no training clip has the class")
        wanted["untested-class"] = ((test == 0) & (train > 0), "no test clip has the class")
    found = list[Finding]()
    labelled = [store.classes[number] for number in np.flatnonzero(total)]
    if len(labelled) < 2:
        text = f"all labelled clips are of the class {labelled[0]!r}." if labelled else "no clip has a label."
        found.append(Finding("too-few-classes", (), float(2 - len(labelled)), text))
    for kind, (chosen, text) in wanted.items():
        if chosen.any() and total.any():
            numbers = np.flatnonzero(chosen)
            ids = store.clips.id[np.isin(store.clips.label, numbers)].tolist()
            names = shown([repr(store.classes[number]) for number in numbers], 10)
            found.append(Finding(kind, tuple(ids), float(len(numbers)), f"{text} {names}."))
    return found


def _counts(store: Store, index: Int64[np.ndarray, "_"]) -> Int64[np.ndarray, "k"]:
    label = store.clips.label[index]
    return np.bincount(label[label >= 0], minlength=len(store.classes))
