"""Stores of the format psp-store-1, which had the table as CSV, a layout by name and no confidence."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from psp.dataset.clip_table import REMAKE, ClipTable
from psp.errors import StoreError
from psp.skeleton.catalogue import layout_by_name

FORMAT_1 = "psp-store-1"
TABLE_1 = "clips.csv"
FREE = ("subject", "camera", "setup", "repetition")


def upgrade_manifest(old: Mapping[str, Any]) -> dict[str, Any]:
    """Return the manifest in the form of psp-store-2; KeyError, TypeError or AttributeError if it is not an old one."""
    layout, done = layout_by_name(old["layout"]), old["preprocessing"]
    normalise, clean = dict(done.get("normalise", {})), done.get("clean")
    line = normalise.get("shoulder_line")
    normalise["shoulder_line"] = None if line is None else [layout.joints[joint] for joint in line]
    hashes = [old["parts"][name]["sha256"] for name in ("joints.npy", TABLE_1)]
    return {
        **old,
        "layout": layout.to_dict(),
        "channels": 3,
        "up": "y" if normalise.get("upright", "none") == "none" else "z",
        "normalise": normalise,
        "clean": None if clean is None else {name: value for name, value in clean.items() if name != "hold_ends"},
        "fingerprint": ":".join(hashes),
    }


def read_table_1(path: Path) -> ClipTable:
    """Return the table of a `clips.csv`; StoreError if it is damaged."""
    numbers = ("label", *FREE, "persons", "frames", "first_row")
    kinds = pa_csv.ConvertOptions(column_types={"id": pa.string()} | dict.fromkeys(numbers, pa.int64()))
    try:
        table = pa_csv.read_csv(path, convert_options=kinds)
        if table.column_names != ["id", *numbers] or not table.num_rows:
            raise pa.ArrowInvalid("no clips or other columns")
    except pa.ArrowException as error:
        what = f"{TABLE_1} is damaged ({' '.join(str(error).split())})."
        raise StoreError(what, where=str(path), remedy=REMAKE) from error
    columns = {name: table.column(name).to_numpy() for name in numbers}
    free = {name: columns[name] for name in FREE}
    ids = table.column("id").to_pylist()
    return ClipTable.of(ids, columns["label"], columns["persons"], columns["frames"], free)
