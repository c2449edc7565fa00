"""The report on runs, as one HTML page with everything in it, or as Markdown with pictures beside it."""

import base64
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, PackageLoader, select_autoescape

from psp.errors import ConfigError
from psp.figures.confusion import draw_confusion
from psp.figures.learning_curves import draw_learning_curves
from psp.files import write_atomically
from psp.report.compare import ComparedRun, confusions, curves, differing_settings, machine_names, precision_of

TITLE = "Comparison of training runs"

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Section:
    """A heading with a table (its first row names the columns), a picture, or both."""

    title: str
    rows: Rows = ()
    picture: Callable[[Path], None] | None = None


def check_page(path: Path) -> None:
    """Raise ConfigError if a report of this format cannot be written; to be called before runs are evaluated."""
    if path.suffix not in (".html", ".md"):
        remedy = "Use a name that ends with .html or .md."
        raise ConfigError("reports of this format cannot be written.", where=str(path), remedy=remedy)


def write_report(path: Path, runs: Sequence[ComparedRun]) -> None:
    """Write the report as .html or .md; another extension raises ConfigError."""
    check_page(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    text = _html(sections(runs)) if path.suffix == ".html" else _markdown(path, sections(runs))
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def sections(runs: Sequence[ComparedRun]) -> list[Section]:
    """Return the sections of a report: accuracies, costs, settings that differ, learning curves and confusion."""
    found = [
        Section("Accuracy in %: top-1 (top-5)", _accuracies(runs)),
        Section("Labels, size, time", _costs(runs)),
        Section("Settings that differ", _settings(runs)),
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


def _accuracies(runs: Sequence[ComparedRun]) -> Rows:
    names = [(kind, name) for run in runs for kind, sets in run.evaluation.items() for name in sets]
    measures = list(dict.fromkeys(names))
    rows = [["run", *(f"{kind} weights, {name}" for kind, name in measures)]]
    for run in runs:
        found = [run.evaluation.get(kind, {}).get(name) for kind, name in measures]
        rows.append([run.name, *(f"{each['top1']:.1f} ({each['top5']:.1f})" if each else "–" for each in found)])
    return rows


def _costs(runs: Sequence[ComparedRun]) -> Rows:
    return [
        ["run", "labels", "parameters", "minutes", "device", "precision"],
        *([run.name, *_cost(run)] for run in runs),
    ]


def _cost(run: ComparedRun) -> list[str]:
    result = run.result
    if not result:
        return ["not finished", "", "", "", ""]
    labels, parameters, minutes = result["budget"]["labels"], result["parameters"], result["seconds"] / 60
    precision = precision_of(result, run.settings["runtime.precision"])
    return [str(labels), f"{parameters:,}", f"{minutes:.1f}", machine_names(result), precision]


def _settings(runs: Sequence[ComparedRun]) -> Rows:
    differing = differing_settings(runs)
    if not differing:
        return [["setting", "all runs"], ["every setting", "the same"]]
    rows = [[name, *(str(value) for value in values)] for name, values in differing.items()]
    return [["setting", *(run.name for run in runs)], *rows]


def _html(parts: Sequence[Section]) -> str:
    pictures = {part.title: _as_base64(part.picture) for part in parts if part.picture}
    page = Environment(loader=PackageLoader("psp.report", ""), autoescape=select_autoescape(), trim_blocks=True)
    return page.get_template("page.html").render(title=TITLE, sections=parts, pictures=pictures)


def _as_base64(picture: Callable[[Path], None]) -> str:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "picture.png"
        picture(path)
        return base64.b64encode(path.read_bytes()).decode()


def _markdown(path: Path, parts: Sequence[Section]) -> str:
    lines = [f"# {TITLE}"]
    for part in parts:
        lines.append(f"## {part.title}")
        if part.rows:
            bars = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in part.rows]
            lines.append("\n".join([bars[0], "|---" * len(part.rows[0]) + "|", *bars[1:]]))
        if part.picture:
            name = f"{path.stem}-{part.title.split(':')[0].lower().replace(' ', '-')}.png"
            part.picture(path.with_name(name))
            lines.append(f"![{part.title}]({name})")
    return "\n\n".join(lines) + "\n"
