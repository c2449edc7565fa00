"""Where the trained networks behind a table's cells lie."""

from pathlib import Path

from psp.reproduce.experiment import Column
from psp.reproduce.run_all import Place
from psp.reproduce.table import Table
from psp.train.run import RunFolder


def run_folders(table: Table, place: Place, column: Column) -> dict[str, dict[int, Path]]:
    """The finished runs of a column by the row's name and the seed; rows of which there is none are left out."""
    found: dict[str, dict[int, Path]] = {}
    for row in table.rows:
        for result in table.results.get((row.name, column.name), []):
            config, fingerprint, _ = result.key
            folder = place.runs / f"{config}-{fingerprint[:8]}"
            if RunFolder(folder).result.exists():
                found.setdefault(row.name, {})[result.seed] = folder
    return found
