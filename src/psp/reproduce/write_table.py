"""Writes a table as Markdown, for reading, and as CSV, for programs."""

import csv
import io
from dataclasses import asdict
from functools import partial
from pathlib import Path

from psp.files import write_atomically
from psp.reproduce.experiment import Column, Row
from psp.reproduce.table import BEST_ON_TEST, Cell, Measure, Table, each, fewest_seconds, pooled_deviation

TOP1 = "Top-1 accuracy in %, mean ± standard deviation over seeds: trainings"
DRAWN = ", each on a label budget drawn for it."
SAME = " on the same labels."
SAME_IN = DRAWN[:-1] + ", but all on the same labels for: {}."
PAIRED = "Averaged weights, the same labels: mean difference and its 95 % interval (Student's t over n seeds)."
POOLED = "*standard deviation of the difference on one label budget, pooled over the systems*"
PRECISION = "Compiled where it says so; early results do not record that."
PAPER = "In brackets what the paper reports for that system, or for the nearest one that it has."
OTHERS = "The last rows of the first table are systems that the paper compares."


def write_table(table: Table, stem: Path) -> list[Path]:
    """Write stem.md and stem.csv."""
    paths = [stem.with_name(f"{stem.name}{kind}") for kind in (".md", ".csv")]
    for path, text in zip(paths, (markdown(table), as_csv(table)), strict=True):
        write_atomically(path, partial(Path.write_text, data=text, encoding="utf-8"))
    return paths


def lost_rows(table: Table, stem: Path) -> list[str]:
    """Return the systems of the table written at `stem` that this one lacks, because their store was not named."""
    path = stem.with_name(f"{stem.name}.csv")
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        written = dict.fromkeys(line.get("system", "") for line in csv.DictReader(file))
    return [name for name in written if name not in {row.name for row in table.rows}]


def markdown(table: Table) -> str:
    """Return the whole table as Markdown: accuracies by weights and test set, then paired differences."""
    parts = [f"# {table.experiment.title}", _introduction(table)]
    for number, measure in enumerate(table.measures):
        parts += [f"## {_heading(measure)}", _accuracies(table, measure, with_others=number == 0)]
    titles = {row.name: row.title for row in table.rows}
    for reference in (name for name in table.experiment.references if name in titles and table.measures):
        title = titles[reference]
        parts += [f"## Difference from: {title}", f"{PAIRED}\n\n{_differences(table, reference)}"]
    return "\n\n".join(parts) + "\n"


def _introduction(table: Table) -> str:
    experiment, same = table.experiment, [column.title for column in table.columns if _has_same_labels(table, column)]
    labels = SAME if len(same) == len(table.columns) else SAME_IN.format(", ".join(same)) if same else DRAWN
    said = {
        TOP1 + labels: True,
        PRECISION: True,
        PAPER: any(row.paper for row in experiment.rows),
        OTHERS: bool(experiment.others),
    }
    return " ".join(sentence for sentence, holds in said.items() if holds)


def _has_same_labels(table: Table, column: Column) -> bool:
    """Return whether all seeds of a column of own recordings have the same labels."""
    runs = [run for run in table.runs if run.column.name == column.name and run.row.labels is None]
    seeds, labels = {run.config.seed for run in runs}, {run.budget.ids for run in runs}
    return bool(column.own) and len(seeds) > 1 and len(labels) == 1


def as_csv(table: Table) -> str:
    """Return one line for each system, column, kind of weights and test set."""
    text = io.StringIO()
    lines = _flat(table)
    writer = csv.DictWriter(text, list(lines[0]) if lines else ["system"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _flat(table: Table) -> list[dict[str, object]]:
    lines = []
    for measure in table.measures:
        for row in table.rows:
            for column in table.columns:
                cell = table.cell(row, column, measure)
                if cell.summary:
                    lines.append(_line(table, row, column, measure, cell))
    return lines


def _line(table: Table, row: Row, column: Column, measure: Measure, cell: Cell) -> dict[str, object]:
    results = table.measured(row, column, measure)
    return {
        "system": row.name, "column": column.name, "weights": measure[0], "test set": measure[1],
        **asdict(cell.summary),  # type: ignore[arg-type]
        "planned": cell.planned, "paper": cell.paper, "size": each(result.size for result in results),
        "epochs": each(str(result.epochs) for result in results), "parameters": results[0].parameters,
        "device": each(result.device for result in results),
        "precision": each(result.precision for result in results),
        "seconds, fastest run": round(fewest_seconds(results), 1),
    }  # fmt: skip


def _heading(measure: Measure) -> str:
    kind, name = measure
    return f"{name} test set, {'best epoch on it: not a result' if kind == BEST_ON_TEST else f'{kind} weights'}"


def _accuracies(table: Table, measure: Measure, with_others: bool) -> str:
    titles = [column.title for column in table.columns]
    conditions = ["size", "epochs", "seeds", "device", "precision", "minutes, fastest run"]
    lines = [_markdown_row(["system", *titles, *conditions]), "|---" * (1 + len(titles) + len(conditions)) + "|"]
    for row in table.rows:
        cells = [str(table.cell(row, column, measure)) for column in table.columns]
        lines.append(_markdown_row([row.title, *cells, *asdict(table.conditions(row, measure)).values()]))
    for name, figures in table.experiment.others.items() if with_others else ():
        cells = [f"{figures[column.name]:.1f}" if column.name in figures else "–" for column in table.columns]
        lines.append(_markdown_row([f"*{name}, as the paper reports*", *cells, *([""] * len(conditions))]))
    return "\n".join(lines)


def _differences(table: Table, reference: str) -> str:
    titles = [f"{column.title}, {name}" for _, name in _averaged(table) for column in table.columns]
    lines = [_markdown_row(["system", *titles]), "|---" * (1 + len(titles)) + "|"]
    compared = [(column, measure) for measure in _averaged(table) for column in table.columns]
    rows = [row for row in table.rows if row.name != reference]
    found = [[table.difference(row, reference, column, measure) for column, measure in compared] for row in rows]
    for row, differences in zip(rows, found, strict=True):
        lines.append(_markdown_row([row.title, *(str(difference or "–") for difference in differences)]))
    pooled = [pooled_deviation(each[number] for each in found) for number in range(len(compared))]
    lines.append(_markdown_row([POOLED, *("–" if each is None else f"{each:.1f}" for each in pooled)]))
    return "\n".join(lines)


def _averaged(table: Table) -> list[Measure]:
    return [measure for measure in table.measures if measure[0] == "average"]


def _markdown_row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"
