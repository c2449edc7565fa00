"""Checking a stored data set against the hashes of its files, and summing it up."""

from typing import Any

import numpy as np

from psp.dataset.arrays import sha256_of_file
from psp.dataset.clip_table import REMAKE
from psp.dataset.store import Store
from psp.errors import StoreError


def check_store(store: Store) -> dict[str, Any]:
    """Return the summary of a store whose files all have the sha256 of the manifest; a difference raises StoreError."""
    assert store.path is not None, "a data set in memory has no files"
    for name, part in store.manifest["parts"].items():
        if sha256_of_file(store.path / name) != part["sha256"]:
            what = f"{name} is not what was written: its sha256 differs from the manifest."
            raise StoreError(what, where=str(store.path), remedy=REMAKE)
    return summary(store)


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
        **{f"different values of {name}": len(np.unique(values)) for name, values in table.columns.items()},
        "frames (least, median, most)": f"{low}, {middle}, {high}",
        "persons (most)": int(table.persons.max()),
        "joints not observed": f"{_unobserved(store):.1%}",
        "clips per class": dict(zip(store.classes, counts, strict=True)),
    }


def _unobserved(store: Store, piece: int = 2**18) -> float:
    """Return the share of joints whose confidence is 0, over all persons and frames."""
    if store.confidence is None:
        return 0.0
    pieces = range(0, len(store.confidence), piece)
    zeros = sum(int(np.count_nonzero(store.confidence[first : first + piece] == 0)) for first in pieces)
    return zeros / store.confidence.size
