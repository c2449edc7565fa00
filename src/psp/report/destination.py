"""The mark of the files that `psp report` writes, by which it knows which ones it may replace."""

from pathlib import Path

from psp.errors import DestinationError

MARK = "<!-- written by psp report -->"
"""A comment of HTML, Markdown and SVG, in the first BEGINNING bytes of a report."""

BEGINNING = 2000


def refuse_foreign(path: Path) -> None:
    """Raise DestinationError if a path exists and is no report."""
    if path.is_dir() or (path.exists() and not _is_report(path)):
        what, remedy = "this exists and was not written by 'psp report'.", "Choose another name with --out."
        raise DestinationError(what, where=str(path), remedy=remedy)


def _is_report(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return MARK.encode() in file.read(BEGINNING)
