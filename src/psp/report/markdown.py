"""The comparison of runs as Markdown, with pictures beside it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from psp.figures.confusion import draw_confusion
from psp.figures.learning_curves import draw_learning_curves
from psp.files import write_atomically
from psp.report.compare import ComparedRun, confusions, curves
from psp.report.destination import MARK
from psp.report.tables import Rows, accuracies, costs, settings
from psp.text import for_markdown

TITLE = "Comparison of training runs"


@dataclass(frozen=True)
class Section:
    """A heading with a table (its first row names the columns), a picture, or both."""

    title: str
    rows: Rows = ()
    picture: Callable[[Path], None] | None = None


def write_markdown(path: Path, runs: Sequence[ComparedRun]) -> None:
    """Write the comparison and its pictures."""
    text = _markdown(path, sections(runs))
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def sections(runs: Sequence[ComparedRun]) -> list[Section]:
    """Return the sections of a comparison: accuracies, costs, settings that differ, learning curves and confusion."""
    found = [
        Section("Accuracy in %: top-1 (top-5)", accuracies(runs)),
        Section("Labels, size, time", costs(runs)),
        Section("Settings that differ", settings(runs)),
    ]
    for title, quantity in (("Loss", "loss"), ("Training accuracy", "accuracy")):
        drawn = {name: points for name, points in curves(runs, quantity).items() if points}
        if drawn:
            found.append(Section(f"{title} over the steps of training: running means", picture=_curves(drawn, title)))
    matrices = confusions(runs)
    if matrices:
        classes = next(run.classes for run in runs if run.name in matrices)

        def picture(path: Path) -> None:
            draw_confusion(path, matrices, classes)

        found.append(Section("Confusion: averaged weights, full test set", picture=picture))
    return found


def _curves(drawn: Mapping[str, list[tuple[int, float]]], title: str) -> Callable[[Path], None]:
    def picture(path: Path) -> None:
        draw_learning_curves(path, drawn, ylabel=title.lower(), smooth=True)

    return picture


def _markdown(path: Path, parts: Sequence[Section]) -> str:
    lines = [MARK, f"# {TITLE}"]
    for part in parts:
        lines.append(f"## {part.title}")
        if part.rows:
            bars = [f"| {' | '.join(map(for_markdown, row))} |" for row in part.rows]
            lines.append("\n".join([bars[0], "|---" * len(part.rows[0]) + "|", *bars[1:]]))
        if part.picture:
            name = f"{path.stem}-{part.title.split(':')[0].lower().replace(' ', '-')}.png"
            part.picture(path.with_name(name))
            lines.append(f"![{part.title}]({name})")
    return "\n\n".join(lines) + "\n"
