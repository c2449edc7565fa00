"""Is a stored data set still what was written, and does it look like a data set?"""

from pathlib import Path
from typing import Any

import numpy as np

from psp.dataset.store import Store
from psp.dataset.clip_table import NUMBERS, REMAKE, ClipTable, read_table
from psp.dataset.writer import sha256_of_file
from psp.errors import StoreError


def check_store(store: Store) -> dict[str, Any]:
    """Compare every part with its sha256 and sum the store up; a difference raises StoreError."""
    for name, part in store.manifest["parts"].items():
        if sha256_of_file(store.path / name) != part["sha256"]:
            what = f"{name} is not what was written: its sha256 differs from the manifest."
            raise StoreError(what, where=str(store.path), remedy=REMAKE)
    _compare(store.clips, read_table(store.path / "clips.csv"), store.path)
    return summary(store)


def summary(store: Store) -> dict[str, Any]:
    """Count clips, classes, subjects, cameras, persons and frames."""
    table = store.clips
    labels, counts = np.unique(table.label[table.label >= 0], return_counts=True)
    low, middle, high = (int(np.quantile(table.frames, q)) for q in (0, 0.5, 1))
    return {
        "data set": store.dataset,
        "layout": store.layout.name,
        "clips": len(store),
        "labelled clips": int((table.label >= 0).sum()),
        "subjects": len(np.unique(table.subject)),
        "cameras": len(np.unique(table.camera)),
        "frames (least, median, most)": f"{low}, {middle}, {high}",
        "persons (most)": int(table.persons.max()),
        "clips per class": {store.classes[label]: int(count) for label, count in zip(labels, counts, strict=True)},
    }


def _compare(opened: ClipTable, written: ClipTable, path: Path) -> None:
    """Refuse an index that says anything else than `clips.csv`."""
    for name in ("id", *NUMBERS):
        if not np.array_equal(getattr(opened, name), getattr(written, name)):
            raise StoreError(f"the column {name} of the index differs from clips.csv.", where=str(path), remedy=REMAKE)
