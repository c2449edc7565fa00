"""Names for the classes of a data set whose classes are numbers."""

import re
from dataclasses import replace
from pathlib import Path

from psp.dataset.store import Store, check_classes
from psp.errors import StoreError
from psp.io.labels.label_table import rows_of

NUMBER = re.compile(r"-?[0-9]+")
FORM = "Give one name per line in the order of the numbers, or lines NUMBER,NAME."


def with_class_names(store: Store, path: Path) -> Store:
    """Return the data set with the class names of a file: one per line in the order of the numbers, or NUMBER,NAME.

    StoreError if the classes are not whole numbers, or if the file does not name each of them once.
    """
    numbers = {name: int(name) for name in store.classes if NUMBER.fullmatch(name.strip())}
    other = [name for name in store.classes if name not in numbers]
    if other or not numbers:
        what = f"the class {other[0]!r} of the data set is not a number." if other else "the data set has no classes."
        raise StoreError(what, where=str(store.path), remedy="Leave out --classes.")
    names = _read(path, sorted(numbers.values()))
    missing = [number for number in numbers.values() if number not in names]
    if missing:
        raise StoreError(f"class {missing[0]} has no name.", where=str(path), remedy=FORM)
    return replace(store, classes=check_classes([names[number] for number in numbers.values()]))


def _read(path: Path, numbers: list[int]) -> dict[int, str]:
    """Return the name of each number."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise StoreError(f"the class names cannot be read ({error}).", where=str(path), remedy=FORM) from error
    rows = rows_of(text.splitlines(), str(path))
    lines = [[each.strip() for each in line] for _, line in rows if any(map(str.strip, line))]
    numbered = [(int(line[0]), line[1]) for line in lines if len(line) == 2 and NUMBER.fullmatch(line[0])]
    if len(dict(numbered)) < len(numbered):
        raise StoreError("a class is named twice.", where=str(path), remedy=FORM)
    if numbered:
        return dict(numbered)
    if any(len(line) != 1 for line in lines) or len(lines) != len(numbers):
        what = f"the file has {len(lines)} lines, the data set {len(numbers)} classes."
        raise StoreError(what, where=str(path), remedy=FORM)
    return dict(zip(numbers, (line[0] for line in lines), strict=True))
