"""CSV files with a value for clips by id, such as files of splits and labels."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from psp.dataset.store import Store
from psp.errors import PSPError
from psp.files import read_regular
from psp.io.label_table import rows_of

ID_COLUMNS = ("id", "file")


def read_id_table(
    path: Path, column: str, store: Store, error: type[PSPError], *, required: bool
) -> list[tuple[str, str | None]]:
    """Return the (clip id, value of `column`) pairs of a CSV file; the value is None without that column.

    Entries are separated by commas, semicolons or tabs. The first line names the columns: `id`, or `file` with the name
    of a recording, and `column`. A file that cannot be read and ids that are not in the data set raise `error`.
    """
    remedy = f"Write a CSV file in UTF-8 with the columns id and {column}."
    try:
        text = read_regular(path).decode("utf-8-sig")
    except OSError as cause:
        is_absent = isinstance(cause, FileNotFoundError)
        what = "there is no such file." if is_absent else f"the file cannot be read ({cause.strerror or cause})."
        raise error(what, where=str(path), remedy="Correct the path.") from cause
    except UnicodeDecodeError as cause:
        raise error(f"the file cannot be read ({cause}).", where=str(path), remedy=remedy) from cause
    header, *content = [line for _, line in rows_of(text.splitlines())] or [[]]
    header = [name.strip() for name in header]
    key = next((name for name in ID_COLUMNS if name in header), None)
    if key is None or (required and column not in header):
        missing = "id" if key is None else column
        raise error(f"there is no column {missing!r} in the first line.", where=str(path), remedy=remedy)
    wrong = next((line for line in content if len(line) != len(header)), None)
    if wrong is not None:
        what = f"the line {','.join(wrong)!r} has {len(wrong)} fields instead of {len(header)}."
        raise error(what, where=str(path), remedy="Put fields with commas into quotes.")
    names = _ids_of([line[header.index(key)].strip() for line in content], path, store, error)
    values = [line[header.index(column)].strip() for line in content] if column in header else [None] * len(names)
    return list(zip(names, values, strict=True))


def _ids_of(names: Sequence[str], path: Path, store: Store, error: type[PSPError]) -> list[str]:
    """Return the id of each name: the name itself, without its ending, or also without its folder."""
    forms = [names, [name.removesuffix(PurePosixPath(name).suffix) for name in names]]
    forms.append([PurePosixPath(name).stem for name in names])
    found = [store.clips.indices_of(form) for form in forms]
    ids = []
    for number, name in enumerate(names):
        form = next((form for form, index in zip(forms, found, strict=True) if index[number] >= 0), None)
        if form is None:
            what = f"there is no clip {name!r} in this data set."
            raise error(what, where=str(path), remedy=f"Ids look like {str(store.clips.id[0])!r}.")
        ids.append(form[number])
    return ids
