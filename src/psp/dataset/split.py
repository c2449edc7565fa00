"""Splits by their specification, such as `subject` or `fraction=0.3`, and their files."""

import re
from collections import Counter
from difflib import get_close_matches
from pathlib import Path

import numpy as np
from jaxtyping import Int64, Shaped

from psp.config.json_file import Form, read_json
from psp.dataset.benchmarks import BENCHMARKS
from psp.dataset.divide import FULL, UNDIVIDED, Split, Value, check_split, folds_of_groups, has_value
from psp.dataset.id_table import read_id_table
from psp.dataset.store import Store
from psp.errors import SplitError
from psp.files import write_json

__all__ = ["FULL", "Split", "read_split", "resolve_split", "write_split"]

FORMAT = "psp-split-1"
FORM: Form = {
    "format": str, "name": str, "description": str, "sha256": str, "train": [str], "validation": [str],
    "tests": {str: [str]},
}  # fmt: skip
SUBJECT, PART, FRACTION, THIRDS = "subject", "part", 0.3, 3
"""If the test clips are not given, they are a third of the values of a column, or 30 % of the clips."""

FEW = 100
"""With fewer labelled clips than this a test set of 30 % has fewer than 30 clips: its accuracy is too uncertain."""

PARTS = dict.fromkeys(("val", "valid", "dev"), "validation") | {"training": "train", "testing": "test"}
"""Other spellings of the parts in the column part."""

FORMS = "a benchmark, COLUMN, COLUMN=VALUES, kfold=5/0, fraction=0.3, none or a file (split.json, or CSV with id,part)"


def resolve_split(spec: str | Path | Split | None, store: Store, *, every_label: bool = False) -> Split:
    """Return the split of a specification.

    `spec` is the name of a benchmark; `COLUMN=VALUES` (the clips with these values are for testing) or `COLUMN` (those
    with a third of its values); `kfold=FOLDS/FOLD`, grouped by subject if there are subjects; `fraction=0.3`,
    stratified by class; `part`, the column with train, validation (also val, valid, dev) and test, where validation
    clips test if no clip has the part test; `none`, all clips are for training; a file; or a Split. None means the
    first that applies: `none` if no clip is labelled; `part` if that column divides the labelled clips; `none` if fewer
    than 100 clips are labelled and `every_label` is set; the benchmark of a known data
    set; `subject` if there are subjects; `fraction=0.3`. SplitError says what does not fit.
    """
    if isinstance(spec, Split):
        return check_split(spec, store)
    if spec is None:
        return _default(store, every_label)
    if isinstance(spec, Path) or spec.endswith((".json", ".csv")):
        return _from_file(Path(spec), store)
    kind, _, value = spec.partition("=")
    if spec in BENCHMARKS:
        return BENCHMARKS[spec].make(store)
    if spec == UNDIVIDED:
        return Split.undivided(store)
    if kind == "fraction":
        return Split.stratified(store, _number(value, spec))
    if kind == "kfold":
        return _kfold(value, spec, store)
    if spec == PART and _has_parts(store):
        return _by_part(store)
    if kind in store.clips.columns:
        return _by_values(kind, value, store) if value else _by_thirds(kind, store)
    raise _unknown(spec, store)


def write_split(split: Split, path: Path) -> None:
    """Write a split as JSON, with its hash."""
    content = {"format": FORMAT, "name": split.name, "description": split.description, "sha256": split.hash}
    write_json(path, {**content, "train": split.train, "validation": split.validation, "tests": dict(split.tests)})


def read_split(path: Path) -> Split:
    """Return the split that `write_split` wrote; SplitError if the file is something else or was edited."""
    remedy = "Restore the file, or name a split.json that psp wrote."
    content = read_json(path, FORM, SplitError, remedy)
    if content["format"] != FORMAT:
        raise SplitError(f"this is not a split of the format {FORMAT}.", where=str(path), remedy=remedy)
    tests = {name: _ids(ids) for name, ids in content["tests"].items()}
    train, validation = _ids(content["train"]), _ids(content["validation"])
    split = Split(content["name"], train, tests, validation, content["description"])
    if split.hash != content["sha256"]:
        what = "the split was edited: its content does not have the stated sha256."
        raise SplitError(what, where=str(path), remedy=remedy)
    return split


def _ids(ids: list[str]) -> tuple[str, ...]:
    return tuple(sorted(set(ids)))


def _from_file(path: Path, store: Store) -> Split:
    """Return the split of a JSON file, or of a CSV file whose column part is train, validation or test."""
    if path.suffix != ".csv":
        return check_split(read_split(path), store)
    sides: dict[str, list[str]] = {"train": [], "validation": [], "test": []}
    for name, part in read_id_table(path, "part", store, SplitError, required=True):
        if part not in sides:
            what = f"clip {name!r} has the part {part!r}."
            raise SplitError(what, where=str(path), remedy=f"Use {', '.join(sides)}.")
        sides[part].append(name)
    try:
        text = f"the clips are listed in {path.name}"
        tests = {FULL: sides["test"]}
        return Split.of_ids(store, sides["train"], tests, sides["validation"], name=path.stem, description=text)
    except SplitError as error:
        raise SplitError(error.what, where=str(path), remedy=error.remedy) from error


def _default(store: Store, every_label: bool) -> Split:
    labelled = (store.clips.label >= 0).sum()
    if labelled and _has_parts(store):
        return _by_part(store)
    if not labelled or (every_label and labelled < FEW):
        return Split.undivided(store)
    benchmark = next((each for each in BENCHMARKS.values() if each.dataset == store.dataset), None)
    if benchmark is not None:
        return benchmark.make(store)
    if has_subjects(store, _labelled(store)):
        return _by_thirds(SUBJECT, store)
    return Split.stratified(store, FRACTION)


def _parts(store: Store) -> Shaped[np.ndarray, "clips"]:
    """Return the part of every clip: train, validation or test in any spelling, validation as test if there is none."""
    if PART not in store.clips.columns:
        return np.full(len(store), "", dtype=object)
    given = np.array([str(each).strip().lower() for each in store.clips.column(PART).tolist()], dtype=object)
    part = np.array([PARTS.get(each, each) for each in given.tolist()], dtype=object)
    tests = (part == "test") & (store.clips.label >= 0)
    return part if tests.any() else np.where(part == "validation", "test", part)


def _has_parts(store: Store) -> bool:
    """Return whether the column part divides the labelled clips."""
    return {"train", "test"} <= set(_parts(store)[store.clips.label >= 0].tolist())


def _labelled(store: Store) -> Int64[np.ndarray, "l"]:
    return np.flatnonzero(store.clips.label >= 0)


def _by_part(store: Store) -> Split:
    """Return the split of the column part; clips of no part are for training.

    Unlabelled clips of the parts test and validation are left out.
    """
    part, ids, known = _parts(store), store.clips.id, store.clips.label >= 0
    test, validation = part == "test", part == "validation"
    text = "the clips are divided as the column part says"
    train = ids[~(test | validation)].tolist()
    tests, checked = {FULL: ids[test & known].tolist()}, ids[validation & known].tolist()
    return Split.of_ids(store, train, tests, checked, name=PART, description=text)


def has_subjects(store: Store, index: Int64[np.ndarray, "n"]) -> bool:
    """Return whether some clips are of several subjects."""
    if SUBJECT not in store.clips.columns:
        return False
    return len(np.unique(store.clips.column(SUBJECT)[index][has_value(store, SUBJECT)[index]])) > 1


def _by_thirds(column: str, store: Store) -> Split:
    """Return the split with about a third of the clips, by a column's values, for testing; classes have even shares."""
    content = store.clips.column(column)[(store.clips.label >= 0) & has_value(store, column)]
    folds = max(2, min(THIRDS, len(np.unique(content))))
    number, counts = folds_of_groups(store, column, folds), Counter(content.tolist())
    sizes = [counts[value] for value in number]
    clips = np.bincount(list(number.values()), weights=sizes, minlength=folds)
    fold = int(abs(clips / clips.sum() - 1 / folds).argmin())
    test = sorted(value for value, its in number.items() if its == fold)
    shown = ", ".join(map(str, test[:10])) + (", ..." if len(test) > 10 else "")
    text = f"the clips with {column} {shown} are for testing, {_others(column, store)} for training"
    return Split.by(store, column, test=test, name=column, description=text)


def _by_values(column: str, text: str, store: Store) -> Split:
    known = np.unique(store.clips.column(column)[has_value(store, column)])
    kind = {"i": int, "f": float}.get(known.dtype.kind, str)
    values: list[Value] = []
    for word in (each.strip() for each in text.split(",")):
        try:
            value = kind(word)
        except ValueError:
            value = word
        if value not in known.tolist():
            shown = ", ".join(map(str, known[:10].tolist())) + (", ..." if len(known) > 10 else "")
            raise SplitError(f"no clip has {column} {word!r}.", remedy=f"The values of {column}: {shown}.")
        values.append(value)
    shown = ", ".join(map(str, values))
    about = f"the clips with {column} {shown} are for testing, {_others(column, store)} for training"
    return Split.by(store, column, test=values, name=f"{column}={text}", description=about)


def _others(column: str, store: Store) -> str:
    """Return the words for the clips that do not test, with the number of those without a value in the column."""
    missing = int((~has_value(store, column)).sum())
    return "all others" + (f" and {missing} without a {column}" if missing else "")


def _kfold(value: str, spec: str, store: Store) -> Split:
    if not (found := re.fullmatch(r"(\d{1,6})/(\d{1,6})", value)):
        raise SplitError(f"{spec!r} does not name a fold.", remedy="Write kfold=5/0 for the first of five folds.")
    return Split.kfold(store, SUBJECT if has_subjects(store, _labelled(store)) else None, int(found[1]), int(found[2]))


def _number(value: str, spec: str) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise SplitError(f"{spec!r} does not name a fraction.", remedy="Write fraction=0.3.") from error


def _unknown(spec: str, store: Store) -> SplitError:
    near = get_close_matches(
        spec.partition("=")[0], [*BENCHMARKS, *store.clips.columns, "kfold", "fraction", UNDIVIDED], n=1
    )
    columns = ", ".join(store.clips.columns) or "none"
    remedy = f"Did you mean {near[0]!r}?" if near else f"Use {FORMS}; columns of this data set: {columns}."
    return SplitError(f"there is no split {spec!r}.", remedy=remedy)
