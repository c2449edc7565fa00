"""CSV files with a value for clips by id, such as files of splits and labels."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from unicodedata import normalize

from psp.dataset.store import Store
from psp.errors import PSPError, RecordingError
from psp.files import read_regular
from psp.io.format import File, nfc
from psp.io.labels.facts import columns_of
from psp.io.labels.label_table import rows_of
from psp.io.labels.match import nearest
from psp.io.parse.csv_text import text_of
from psp.io.source import some

ID_COLUMNS = ("id", "file")


def read_id_table(
    path: Path, column: str, store: Store, error: type[PSPError], *, required: bool
) -> list[tuple[str, str | None]]:
    """Return the (clip id, value of `column`) pairs of a CSV file; the value is None without that column.

    Entries are separated by commas, semicolons or tabs. The first line names the columns, in any case: `id`, or `file`
    with the name of a recording, and `column`, or synonyms as in `psp.io.labels.facts.columns_of`. A file that cannot
    be read and ids that are not in the data set raise `error`.
    """
    remedy = f"Write a CSV file in UTF-8 with the columns id and {column}."
    try:
        lines = rows_of(text_of(File(str(path), read_regular(path))).splitlines(), str(path))
    except OSError as cause:
        is_absent = isinstance(cause, FileNotFoundError)
        what = "there is no such file." if is_absent else f"the file cannot be read ({cause.strerror or cause})."
        raise error(what, where=str(path), remedy="Correct the path.") from cause
    except RecordingError as cause:
        raise error(cause.what, where=cause.where, remedy=cause.remedy) from cause
    header, *content = [line for _, line in lines] or [[]]
    header = columns_of(header)
    key = next((name for name in ID_COLUMNS if name in header), None)
    twice = next((name for name in header if name in (key, column) and header.count(name) > 1), None)
    if twice is not None:
        raise error(
            f"there are two columns {twice!r} in the first line.", where=str(path), remedy="Remove one of them."
        )
    if key is None or (required and column not in header):
        missing = "id" if key is None else column
        what = f"there is no column {missing!r} in the first line ({', '.join(header)})."
        raise error(what, where=str(path), remedy=remedy)
    wrong = next((line for line in content if len(line) != len(header)), None)
    if wrong is not None:
        what = f"the line {','.join(wrong)!r} has {len(wrong)} fields instead of {len(header)}."
        raise error(what, where=str(path), remedy="Put fields with commas into quotes.")
    names = _ids_of([line[header.index(key)].strip() for line in content], path, store, error)
    values = [line[header.index(column)].strip() for line in content] if column in header else [None] * len(names)
    return list(zip(names, values, strict=True))


def read_label_lines(
    path: Path, store: Store, error: type[PSPError], *, required: bool
) -> list[tuple[str, str | None]]:
    """Return the (clip id, label) pairs of a CSV file as `read_id_table` does.

    A label that spells a class of the data set with other characters for accented letters is that class.
    """
    known = {nfc(name): name for name in store.classes}
    lines = read_id_table(path, "label", store, error, required=required)
    return [(name, label and known.get(nfc(label), nfc(label))) for name, label in lines]


def _ids_of(names: Sequence[str], path: Path, store: Store, error: type[PSPError]) -> list[str]:
    """Return the id of each name: the name itself, without its ending, or also without its folder.

    An accented letter may be one character or two.
    """
    forms = list[Sequence[str]]()
    for spelled in (names, *([normalize(form, name) for name in names] for form in ("NFC", "NFD"))):
        forms += [spelled, [name.removesuffix(PurePosixPath(name).suffix) for name in spelled]]
        forms.append([PurePosixPath(name).stem for name in spelled])
    found = [store.clips.indices_of(form) for form in forms]
    ids, unknown = list[str](), list[str]()
    for number, name in enumerate(names):
        form = next((form for form, index in zip(forms, found, strict=True) if index[number] >= 0), None)
        if form is None:
            unknown.append(name)
        else:
            ids.append(form[number])
    if unknown:
        raise _no_clip(unknown, path, store, error)
    return ids


def _no_clip(unknown: Sequence[str], path: Path, store: Store, error: type[PSPError]) -> PSPError:
    what = f"there is no clip {unknown[0]!r} in this data set."
    if len(unknown) > 1:
        what = f"{len(unknown)} lines name no clip of this data set: {some(list(map(repr, unknown)))}."
    remedy = f"{nearest(unknown[0], store.clips.id.tolist())} Correct these lines or leave them out."
    return error(what, where=str(path), remedy=remedy)
