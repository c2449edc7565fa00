"""Figure 7 from the results of its runs."""

from pathlib import Path

from psp.figures.ablation import Bar, draw_ablation
from psp.reproduce.place import Place
from psp.reproduce.table import Cell, Table


def draw_figure7(table: Table, place: Place, stem: Path) -> list[Path]:
    """Draw the averaged weights' accuracies on the full test set as stem.png and stem.svg."""
    groups = {
        column.title: [_bar(table.cell(row, column, ("average", "full"))) for row in table.rows]
        for column in table.columns
    }
    paths = [stem.with_name(f"{stem.name}{kind}") for kind in (".png", ".svg")]
    for path in paths:
        draw_ablation(path, [row.title for row in table.rows], groups)
    return paths


def _bar(cell: Cell) -> Bar | None:
    found = cell.summary
    return Bar(found.mean, found.deviation, found.n, cell.paper) if found else None
