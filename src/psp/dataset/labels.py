"""Label budgets: named, hashed lists of the clips whose labels a run may use."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from heapq import nsmallest
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int64

from psp.config.json_file import Form, read_json
from psp.dataset.benchmarks import BENCHMARKS
from psp.dataset.budget import LabelBudget
from psp.dataset.divide import Split
from psp.dataset.id_table import read_label_lines
from psp.dataset.store import Store, check_classes
from psp.errors import BudgetError
from psp.files import write_json
from psp.io.labels.facts import class_names

FORMAT, FORMAT_1 = "psp-labels-2", "psp-budget-1"
FORM: Form = {
    "format": str, "spec": str, "split?": str, "protocol?": str, "seed": int, "sha256": str, "ids": [str],
    "labels?": {str: int}, "classes?": [str],
}  # fmt: skip
SHOWN = 5
SPECS = "Budgets are written 5/class, 5% or 2.5% (of the training clips), all, xcar2022 or a file (CSV or JSON)."
STRICT = "!"
"""At the end of a budget: a class with fewer clips than the budget needs is an error."""

XCAR2022_SPLIT, XCAR2022_TRAINING_CLIPS = "ntu60-xsub", 40_091
XCAR2022_POSITIONS = (
    30, 42, 61, 88, 132, 133, 135, 179, 201, 203, 212, 234, 237, 255, 272, 306, 325, 329, 336, 345, 387, 400,
    414, 426, 434, 452, 462, 465, 484, 488, 511, 517, 529,
)  # fmt: skip


def resolve_labels(spec: str | Path | LabelBudget, store: Store, split: Split, seed: int = 0) -> LabelBudget:
    """Return the label budget of a specification, checked against the data set and the split.

    `spec` is `5/class`; `5%` of the training clips, the same number for every class; `all`; `xcar2022`; a CSV file with
    `id` (or `file`) and, if the labels are not those of the data set, `label`; a budget as JSON; or a LabelBudget. All
    clips of a class are taken if it has fewer; with `5/class!` such a class raises BudgetError.
    """
    if isinstance(spec, LabelBudget):
        budget = spec
    elif isinstance(spec, Path) or spec.endswith((".csv", ".json")):
        path = Path(spec)
        budget = _from_csv(path, store, split, seed) if path.suffix == ".csv" else read_labels(path)
    else:
        budget = draw_labels(spec, store, split, seed)
    _, labels = budget.resolve(store, split)
    found = (*budget.warnings, *_about_classes(labels, store, split))
    return replace(budget, warnings=tuple(dict.fromkeys(found)))


def with_label_classes(store: Store, spec: str | Path | LabelBudget, new_classes: bool = False) -> Store:
    """Return a data set without classes with those in a CSV file of labels.

    With `new_classes` further classes in the file are added to those of the data set; otherwise a data set with classes
    is unchanged.
    """
    if (store.classes and not new_classes) or isinstance(spec, LabelBudget) or Path(spec).suffix != ".csv":
        return store
    lines = read_label_lines(Path(spec), store, BudgetError, required=not store.classes)
    found = class_names(label for _, label in lines if label)
    new = [name for name in found if name not in store.classes]
    return replace(store, classes=check_classes([*store.classes, *new]))


def draw_labels(spec: str, store: Store, split: Split, seed: int) -> LabelBudget:
    """Return a budget of labelled training clips drawn at random.

    Within a class the ids are ordered by the sha256 of "seed/class/id" and the first ones are taken. So the draw
    depends only on these three and on the members of the classes, and budgets of one seed are nested: 5 % is a subset
    of 15 %, which is a subset of 40 %. `all` and `xcar2022` do not depend on the seed.
    """
    ids, warnings = _ids_by_class(store, split), tuple[str, ...]()
    if not ids:
        raise BudgetError("no training clip has a label.", remedy="Prepare the data set with its labels.")
    if spec == "all":
        chosen = ids
    elif spec == "xcar2022":
        chosen = _xcar2022(split, ids)
    else:
        number = _per_class(spec.removesuffix(STRICT), split, ids)
        fewer = {store.classes[label]: len(names) for label, names in ids.items() if len(names) < number}
        if fewer and spec.endswith(STRICT):
            raise _too_few(number, fewer)
        warnings = _taken_whole(number, fewer)
        chosen = _first(number, seed, ids)
    names = tuple(sorted(name for names in chosen.values() for name in names))
    return LabelBudget(spec.removesuffix(STRICT), split.name, seed, names, warnings=warnings)


def write_labels(budget: LabelBudget, path: Path) -> None:
    """Write a budget as JSON, with its hash, to share it or store it with a run."""
    content: dict[str, Any] = {"format": FORMAT, "spec": budget.spec, "split": budget.split, "seed": budget.seed}
    write_json(path, {**content, "sha256": budget.hash, "ids": budget.ids, **budget.own})


def read_labels(path: Path) -> LabelBudget:
    """Return the budget that `write_labels` wrote; BudgetError if the file is something else or was edited."""
    remedy = "Name a labels.json or budget.json that psp wrote."
    content = read_json(path, FORM, BudgetError, remedy)
    budget, fault = _from_json(content), _fault(content)
    if fault is not None:
        raise BudgetError(f"this is not a label budget ({fault}).", where=str(path), remedy=remedy)
    if budget.hash != content["sha256"]:
        what = "the label budget was edited: its content does not have the stated sha256."
        raise BudgetError(what, where=str(path), remedy="Restore the original file or draw the budget again.")
    return budget


def _from_json(content: Mapping[str, Any]) -> LabelBudget:
    """Return the budget of a file of this or the earlier format, which named the split a protocol."""
    split = content.get("split", content.get("protocol", ""))
    ids, classes = tuple(content["ids"]), tuple(content.get("classes", ()))
    return LabelBudget(content["spec"], split, content["seed"], ids, content.get("labels"), classes=classes)


def _fault(content: Mapping[str, Any]) -> str | None:
    """Return what is wrong with the content of a budget file; None if nothing is."""
    ids, labels = content["ids"], content.get("labels")
    if content["format"] not in (FORMAT, FORMAT_1):
        return f"its format is not {FORMAT}"
    if not ids:
        return "it names no clips"
    if len(set(ids)) < len(ids):
        return "it names a clip twice"
    if labels is not None and set(labels) != set(ids):
        return "its labels are not those of its clips"
    return None


def _from_csv(path: Path, store: Store, split: Split, seed: int) -> LabelBudget:
    """Return the budget of a CSV file; a line with an empty label is left out."""
    found: dict[str, str | None] = {}
    for name, label in read_label_lines(path, store, BudgetError, required=False):
        if label == "":
            continue
        if found.setdefault(name, label) != label:
            what = f"clip {name!r} has the labels {found[name]!r} and {label!r}."
            raise BudgetError(what, where=str(path), remedy="Keep the correct line.")
    if not found:
        raise BudgetError("the file names no labelled clip.", where=str(path), remedy="Add lines with id and label.")
    unknown = sorted({label for label in found.values() if label is not None} - set(store.classes))
    if unknown:
        classes = ", ".join(store.classes[:SHOWN]) + (", ..." if len(store.classes) > SHOWN else "")
        what = f"{unknown[0]!r} is not a class of this data set."
        remedy = f"Its classes: {classes or 'none'}. --new-classes adds the classes of the file."
        raise BudgetError(what, where=str(path), remedy=remedy)
    number = {name: index for index, name in enumerate(store.classes)}
    own = {name: number[label] for name, label in sorted(found.items()) if label is not None} or None
    budget = LabelBudget(path.name, split.name, seed, tuple(sorted(found)), own, classes=store.classes if own else ())
    try:
        budget.resolve(store, split)
    except BudgetError as error:
        raise BudgetError(error.what, where=str(path), remedy=error.remedy) from error
    return budget


def _ids_by_class(store: Store, split: Split) -> dict[int, list[str]]:
    index = split.train_index(store)
    labels = store.clips.label[index]
    known = (int(label) for label in np.unique(labels) if label >= 0)
    return {label: sorted(store.clips.id[index[labels == label]].tolist()) for label in known}


def _about_classes(labels: Int64[np.ndarray, "l"], store: Store, split: Split) -> tuple[str, ...]:
    """Return sentences about the classes that have no label or only one."""
    count = np.bincount(labels, minlength=len(store.classes))
    tested = store.clips.label[store.clips.indices_of(sorted(set().union(*split.tests.values())))]
    lost = int((count[tested[tested >= 0]] == 0).sum())
    found = _named([store.classes[k] for k in np.flatnonzero(count == 0)], "no labelled training clip")
    if found and lost:
        found = (*found, f"{lost} of the test clips are of such classes and count as wrong.")
    single = np.flatnonzero(count == 1) if count.max() > 1 else ()
    return found + _named([store.classes[k] for k in single], "one labelled training clip")


def _named(names: Sequence[str], what: str) -> tuple[str, ...]:
    """Return a sentence that classes have `what`, nothing if there are no such classes."""
    noun = "class has" if len(names) == 1 else "classes have"
    return (f"{len(names)} {noun} {what}: {_some(list(map(repr, names)))}",) if names else ()


def _taken_whole(number: int, fewer: Mapping[str, int]) -> tuple[str, ...]:
    """Return a sentence about the classes that have fewer clips than the budget asks for."""
    noun = "class has" if len(fewer) == 1 else "classes have"
    what = f"{len(fewer)} {noun} fewer than {number} labelled training clips, all are taken"
    return (f"{what}: {_some([f'{name} ({count})' for name, count in fewer.items()])}",) if fewer else ()


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:SHOWN]) + (", ..." if len(names) > SHOWN else ".")


def _too_few(number: int, fewer: Mapping[str, int]) -> BudgetError:
    least = min(fewer, key=lambda name: fewer[name])
    what = f"the budget asks for {number} labelled training clips per class; class {least!r} has {fewer[least]}."
    return BudgetError(what, remedy=f"Use at most {fewer[least]}/class, or leave out the {STRICT}.")


def _per_class(spec: str, split: Split, ids: Mapping[int, list[str]]) -> int:
    if counted := re.fullmatch(r"([1-9]\d{0,8})/class", spec):
        return int(counted[1])
    percent = re.fullmatch(r"(\d{1,3}(?:\.\d{1,9})?)%", spec)
    if not percent or not 0 < (share := Fraction(percent[1])) <= 100:
        raise BudgetError(f"there is no label budget {spec!r}.", remedy=SPECS)
    published = BENCHMARKS[split.name].per_class if split.name in BENCHMARKS else {}
    if share in published:
        return published[int(share)]
    clips = sum(len(names) for names in ids.values())
    return max(1, int(share * clips / (100 * len(ids))))


def _first(number: int, seed: int, ids: Mapping[int, list[str]]) -> dict[int, list[str]]:
    return {
        label: nsmallest(number, names, key=lambda name: hashlib.sha256(f"{seed}/{label}/{name}".encode()).digest())
        for label, names in ids.items()
    }


def _xcar2022(split: Split, ids: Mapping[int, list[str]]) -> dict[int, list[str]]:
    clips = sum(len(names) for names in ids.values())
    if split.name != XCAR2022_SPLIT or clips != XCAR2022_TRAINING_CLIPS:
        what = f"xcar2022 is a list of positions among the {XCAR2022_TRAINING_CLIPS:,} training clips of "
        what += f"{XCAR2022_SPLIT}; here are {clips:,} of {split.name}."
        raise BudgetError(what, remedy="Use 5% or prepare the whole data set.")
    return {label: [names[position] for position in XCAR2022_POSITIONS] for label, names in ids.items()}
