"""Figure 7 from the results of its runs."""

from pathlib import Path

from psp.figures.ablation import Bar, ablation_figure
from psp.figures.canvas import save
from psp.reproduce.place import Place
from psp.reproduce.table import Cell, Stem, Table


def draw_figure7(table: Table, place: Place, stem: Stem) -> list[Path]:
    """Draw the averaged weights' accuracies on the full test set, one picture as PNG and SVG."""
    groups = {
        column.title: [_bar(table.cell(row, column, ("average", "full"))) for row in table.rows]
        for column in table.columns
    }
    whole = stem(table.columns)
    paths = [whole.with_name(f"{whole.name}{kind}") for kind in (".png", ".svg")]
    save(ablation_figure([row.title for row in table.rows], groups), *paths)
    return paths


def _bar(cell: Cell) -> Bar | None:
    found = cell.summary
    return Bar(found.mean, found.deviation, found.n, cell.paper) if found else None
