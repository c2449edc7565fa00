"""The check of a stored data set: its files against their hashes, then its clips, copies, classes and labels."""

import os
from pathlib import Path
from typing import Any

import numpy as np

from psp.dataset.arrays import sha256_of_file
from psp.dataset.checks.classes import class_findings
from psp.dataset.checks.copies import copy_findings, find_copies
from psp.dataset.checks.measure import measure
from psp.dataset.checks.near_copies import find_near_copies
from psp.dataset.checks.poses import pose_findings
from psp.dataset.checks.report import Report, ordered
from psp.dataset.checks.suspects import suspect_findings
from psp.dataset.clip_table import REMAKE, check_table
from psp.dataset.divide import Split, has_value
from psp.dataset.split import resolve_split
from psp.dataset.store import Store, open_store
from psp.errors import SplitError, StoreError

WITHOUT_TEST = ("leak", "untrained-class", "untested-class")
"""The findings that need a test set."""


def check(store: Store | str | os.PathLike[str], split: str | Path | Split | None = None) -> Report:
    """Return a report on what may be wrong with the clips, labels and split of a data set.

    `split` is as in `resolve_split`, by default that of training with every label. The clips are read once, a few
    megabytes at a time. Changed files and labels outside the classes raise StoreError; a given split that does not fit
    raises SplitError.
    """
    opened = store if isinstance(store, Store) else open_store(store)
    facts = check_store(opened)
    parts, skipped = _divided(opened, split)
    measures = measure(opened)
    copies = find_copies(opened, measures)
    copies += find_near_copies(opened, measures, copies)
    found, not_made = pose_findings(opened, measures)
    suspects, not_asked = suspect_findings(opened, measures, copies)
    found += [*suspects, *copy_findings(opened, copies, parts), *class_findings(opened, parts)]
    return Report(facts, None if parts is None else parts.name, ordered(found), skipped | not_made | not_asked)


def check_store(store: Store) -> dict[str, Any]:
    """Return the summary of a store; StoreError if a file does not have the sha256 of the manifest."""
    check_table(store.clips, len(store.classes), str(store.path or store.dataset))
    for name, part in (store.manifest["parts"] if store.path else {}).items():
        if sha256_of_file(store.path / name) != part["sha256"]:
            what = f"{name} was changed: its sha256 differs from the manifest."
            raise StoreError(what, where=str(store.path), remedy=REMAKE)
    return summary(store)


def _divided(store: Store, split: str | Path | Split | None) -> tuple[Split | None, dict[str, str]]:
    """Return the split, None if none is given and the clips cannot be divided, and why findings cannot be examined."""
    try:
        parts = resolve_split(split, store, every_label=True)
    except SplitError as error:
        if split is not None:
            raise
        return None, dict.fromkeys(WITHOUT_TEST, error.what.rstrip("."))
    return parts, {} if parts.tests else dict.fromkeys(WITHOUT_TEST, "the split has no test part")


def summary(store: Store) -> dict[str, Any]:
    """Return the numbers of clips, classes, persons, frames, unobserved joints and values of the free columns."""
    table = store.clips
    counts = np.bincount(table.label[table.label >= 0], minlength=len(store.classes)).tolist()
    low, middle, high = (int(np.quantile(table.frames, q)) for q in (0, 0.5, 1))
    return {
        "data set": store.dataset,
        "layout": f"{store.layout.name} ({len(store.layout.joints)} joints, {store.channels} coordinates)",
        "vertical axis": store.up,
        "clips": len(store),
        "labelled clips": int((table.label >= 0).sum()),
        **{f"different values of {name}": _different(store, name) for name in table.columns},
        "frames (least, median, most)": f"{low}, {middle}, {high}",
        "persons (most)": int(table.persons.max()),
        "joints not observed": f"{_unobserved(store):.1%}",
        "clips per class": dict(zip(store.classes, counts, strict=True)),
    }


def _different(store: Store, column: str) -> int:
    return len(np.unique(store.clips.column(column)[has_value(store, column)]))


def _unobserved(store: Store, piece: int = 2**18) -> float:
    """Return the share of joints whose confidence is 0, over all persons and frames."""
    if store.confidence is None:
        return 0.0
    pieces = range(0, len(store.confidence), piece)
    zeros = sum(int(np.count_nonzero(store.confidence[first : first + piece] == 0)) for first in pieces)
    return zeros / store.confidence.size
