"""Where the trained networks behind a table's cells lie."""

from pathlib import Path

from psp.reproduce.experiment import Column
from psp.reproduce.place import Place
from psp.reproduce.table import Table
from psp.train.run import RunFolder


def run_folders(table: Table, place: Place, column: Column) -> dict[str, dict[int, Path]]:
    """The finished runs of a column by the row's name and the seed; rows of which there is none are left out."""
    found: dict[str, dict[int, Path]] = {}
    for run in table.runs:
        folder = run.folder(place.runs)
        if run.column.name == column.name and RunFolder(folder).result.exists():
            found.setdefault(run.row.name, {})[run.config.seed] = folder
    return found
