"""Label budgets: the named, hashed list of the clips whose labels a run may use."""

import hashlib
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from heapq import nsmallest
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from psp.files import write_json
from psp.dataset.split import Protocol
from psp.dataset.clip_table import ClipTable
from psp.errors import BudgetError

FORMAT = "psp-budget-1"
FEW = 10
SPECS = "Budgets are written 5% or 2.5% (of the training clips), 5/class, xcar2022 or all."

XCAR2022_PROTOCOL, XCAR2022_TRAINING_CLIPS = "ntu60-xsub", 40_091
XCAR2022_POSITIONS = (
    30, 42, 61, 88, 132, 133, 135, 179, 201, 203, 212, 234, 237, 255, 272, 306, 325, 329, 336, 345, 387, 400,
    414, 426, 434, 452, 462, 465, 484, 488, 511, 517, 529,
)  # fmt: skip


@dataclass(frozen=True)
class LabelBudget:
    """The sorted ids of the clips whose labels may be used, and how they were chosen."""

    spec: str
    protocol: str
    seed: int
    ids: tuple[str, ...]

    @property
    def hash(self) -> str:
        """The sha256 of everything the budget says: equal hashes are equal budgets on every machine."""
        content = {"spec": self.spec, "protocol": self.protocol, "seed": self.seed, "ids": self.ids}
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(canonical.encode()).hexdigest()

    def rows(self, protocol: Protocol, clips: ClipTable, train: Int64[np.ndarray, "n"]) -> Int64[np.ndarray, "l"]:
        """Find the budget's clips in a store, in the order of the ids.

        The store need not be the one the budget was drawn on; BudgetError if a clip is missing there, has no
        label there or is not among the training clips.
        """
        if self.protocol != protocol.name:
            raise BudgetError(
                f"the label budget is for protocol {self.protocol!r}, not {protocol.name!r}.",
                remedy="Use the budget's protocol or draw another budget.",
            )
        rows = clips.rows_of(self.ids)
        usable = np.isin(rows, train) & (clips.label[rows] >= 0)
        if not usable.all():
            raise BudgetError(
                f"{(~usable).sum()} of the budget's {len(self.ids)} clips are not labelled training clips of "
                f"this store, the first is {self.ids[int(usable.argmin())]!r}.",
                remedy="Use the store it was drawn on, prepare the missing clips or draw another budget.",
            )
        return rows


def draw_budget(
    spec: str, protocol: Protocol, clips: ClipTable, train: Int64[np.ndarray, "n"], seed: int
) -> LabelBudget:
    """Choose the training clips whose labels may be used.

    Within a class the ids are ordered by the sha256 of "seed/class/id" and the first ones are taken. So a
    draw depends on nothing but these three and the classes' members, and budgets of one seed are nested: 5 %
    lies within 15 % within 40 %. `all` and `xcar2022` do not depend on the seed.
    """
    ids = _ids_by_class(clips, train)
    if not ids:
        raise BudgetError("no training clip has a label.", remedy="Prepare the data set with its labels.")
    if spec == "all":
        chosen = ids
    elif spec == "xcar2022":
        chosen = _xcar2022(protocol, ids)
    else:
        chosen = _first(_per_class(spec, protocol, ids), seed, ids)
    return LabelBudget(spec, protocol.name, seed, tuple(sorted(name for names in chosen.values() for name in names)))


def has_few_labels(spec: str) -> bool:
    """Whether a budget is written as less than FEW labels per class, or as less than FEW per cent of the clips."""
    number = re.fullmatch(r"(\d+(?:\.\d+)?)(?:%|/class)", spec)
    return number is not None and float(number[1]) < FEW


def write_budget(budget: LabelBudget, path: str | os.PathLike[str]) -> None:
    """Write a budget as JSON, with its hash, to be shared or kept beside a run."""
    content = {"format": FORMAT, "spec": budget.spec, "protocol": budget.protocol, "seed": budget.seed}
    write_json(Path(path), {**content, "sha256": budget.hash, "ids": budget.ids})


def read_budget(path: str | os.PathLike[str]) -> LabelBudget:
    """Read a budget that `write_budget` wrote; BudgetError if it is not one or was changed since."""
    content = _read_json(path)
    budget = LabelBudget(content["spec"], content["protocol"], content["seed"], tuple(content["ids"]))
    if budget.hash != content["sha256"]:
        what = "the label budget was edited: its content does not have the sha256 it names."
        raise BudgetError(what, where=str(path), remedy="Restore the original file or draw the budget again.")
    return budget


def _read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    remedy = "Name a budget.json that psp wrote."
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise BudgetError(f"cannot read the label budget: {error.strerror}.", where=str(path), remedy=remedy) from error
    except ValueError as error:
        raise BudgetError("the label budget is not JSON.", where=str(path), remedy=remedy) from error
    entries = {"format", "spec", "protocol", "seed", "sha256", "ids"}
    if not isinstance(content, dict) or content.get("format") != FORMAT or set(content) != entries:
        raise BudgetError(f"this is not a label budget of format {FORMAT}.", where=str(path), remedy=remedy)
    ids = content["ids"]
    if not isinstance(ids, list) or not ids or not all(isinstance(each, str) for each in ids):
        raise BudgetError("the label budget names no clips.", where=str(path), remedy=remedy)
    if len(set(ids)) < len(ids):
        raise BudgetError("the label budget names a clip twice.", where=str(path), remedy=remedy)
    return content


def _ids_by_class(clips: ClipTable, train: Int64[np.ndarray, "n"]) -> dict[int, list[str]]:
    labels = clips.label[train]
    known = (int(label) for label in np.unique(labels) if label >= 0)
    return {label: sorted(clips.id[train[labels == label]].tolist()) for label in known}


def _per_class(spec: str, protocol: Protocol, ids: Mapping[int, list[str]]) -> int:
    if counted := re.fullmatch(r"([1-9]\d*)/class", spec):
        return int(counted[1])
    percent = re.fullmatch(r"(\d+(?:\.\d+)?)%", spec)
    if not percent or not 0 < (share := Fraction(percent[1])) <= 100:
        raise BudgetError(f"there is no label budget {spec!r}.", remedy=SPECS)
    if share in protocol.per_class:
        return protocol.per_class[int(share)]
    clips = sum(len(names) for names in ids.values())
    return max(1, int(share * clips / (100 * len(ids))))


def _first(number: int, seed: int, ids: Mapping[int, list[str]]) -> dict[int, list[str]]:
    least = min(ids, key=lambda label: len(ids[label]))
    if len(ids[least]) < number:
        raise BudgetError(
            f"the budget asks for {number} labelled clips per class; class {least} has {len(ids[least])}.",
            remedy=f"Ask for at most {len(ids[least])}/class, or for all.",
        )
    return {
        label: nsmallest(number, names, key=lambda name: hashlib.sha256(f"{seed}/{label}/{name}".encode()).digest())
        for label, names in ids.items()
    }


def _xcar2022(protocol: Protocol, ids: Mapping[int, list[str]]) -> dict[int, list[str]]:
    clips = sum(len(names) for names in ids.values())
    if protocol.name != XCAR2022_PROTOCOL or clips != XCAR2022_TRAINING_CLIPS:
        raise BudgetError(
            f"xcar2022 is a list of positions among the {XCAR2022_TRAINING_CLIPS:,} training clips of "
            f"{XCAR2022_PROTOCOL}; here are {clips:,} of {protocol.name}.",
            remedy="Use 5% or prepare the whole data set.",
        )
    return {label: [names[position] for position in XCAR2022_POSITIONS] for label, names in ids.items()}
