"""Output on the terminal: tables, progress bars and lines of text."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from psp.text import for_terminal, shortened

CONSOLE = Console()
WIDEST = 120
"""The largest number of characters in a cell of a table."""


class Show(Protocol):
    """A function that moves a progress bar."""

    def __call__(self, done: int, total: int, note: str = "") -> None:
        """Show that `done` of `total` are done."""


@contextmanager
def progress_bar(title: str, hidden: bool = False) -> Iterator["Show"]:
    """Show a bar with the count, a note and the time left; the yielded function takes done, total and the note."""
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn())
    with Progress(
        *columns,
        TextColumn("{task.fields[note]}", markup=False),
        TimeRemainingColumn(),
        console=CONSOLE,
        disable=hidden,
    ) as bar:
        task = bar.add_task(title, total=None, note="")

        def show(done: int, total: int, note: str = "") -> None:
            bar.update(task, completed=done, total=total, note=for_terminal(note))

        yield show


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table whose first column is aligned to the left and the others to the right."""
    table = Table(title=_text(title), title_justify="left")
    for number, column in enumerate(columns):
        table.add_column(_text(column), justify="right" if number else "left")
    for row in rows:
        table.add_row(*(_text(f"{cell:.1f}" if isinstance(cell, float) else str(cell)) for cell in row))
    CONSOLE.print(table)


def say(message: str) -> None:
    """Print plain text; the terminal breaks long lines, so that a link or a command can be copied in one piece."""
    CONSOLE.print(for_terminal(message), highlight=False, markup=False, emoji=False, soft_wrap=True)


def _text(cell: str) -> Text:
    """Return the text of a cell, in which nothing is markup; a long one is shortened."""
    return Text(shortened(for_terminal(cell), WIDEST))
