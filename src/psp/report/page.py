"""Reports as one HTML page with everything in it."""

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from psp.files import write_atomically
from psp.report.clip_pool import BYTES
from psp.report.compare import ComparedRun, compare
from psp.report.destination import MARK
from psp.report.paired import Difference, difference
from psp.report.player import content_policy, page_file, player_script, player_style
from psp.report.run_details import Details, details
from psp.report.run_numbers import accuracy_of
from psp.report.tables import accuracies, costs, settings
from psp.text import json_for_html, printable
from psp.versions import versions_of

SCRIPTS = ("charts.js", "parts.js", "run_page.js", "store_page.js", "page.js")


def write_run_page(path: Path, paths: Sequence[Path], device: str = "auto") -> None:
    """Write the page of one run, or of several that are compared."""
    runs = compare(paths, device)
    found = [
        details(run, each, n, BYTES // len(runs), device) for n, (run, each) in enumerate(zip(runs, paths, strict=True))
    ]
    content: dict[str, Any] = {"runs": [each.content for each in found], "data": {}, "comparison": None}
    for number, each in enumerate(found):
        if each.pool is not None:
            skeleton, clips = each.pool.packed()
            content["data"][str(number)] = {"skeleton": skeleton, "clips": clips}
        each.content["data"] = str(number)
    if len(runs) > 1:
        content["comparison"] = _comparison(runs, found)
        title, lead = "Comparison of training runs", ", ".join(run.name for run in runs)
    else:
        title, lead = f"Training run {runs[0].name}", _lead(runs[0])
    write_page(path, title, lead, content)


def write_page(path: Path, title: str, lead: str, content: Mapping[str, Any]) -> None:
    """Write a page of a title, a sentence below it, and the content that page.js shows."""
    script = "\n".join([player_script(), *map(page_file, SCRIPTS)])
    style = player_style() + page_file("page.css")
    environment = Environment(loader=PackageLoader("psp.report", ""), autoescape=select_autoescape(), trim_blocks=True)
    text = environment.get_template("page.html").render(
        title=title, lead=lead, policy=content_policy([script], [style]), style=style, script=script,
        content=json_for_html(_printable(content)), version=versions_of("psp-learning")["psp-learning"],
        date=date.today().isoformat(), mark=MARK,
    )  # fmt: skip
    write_atomically(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))


def _printable(value: Any) -> Any:
    """Return JSON values with the characters of all text that cannot be seen escaped."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, Mapping):
        return {str(name): _printable(each) for name, each in value.items()}
    return [_printable(each) for each in value] if isinstance(value, list | tuple) else value


def _lead(run: ComparedRun) -> str:
    """Return how good a run is, as text for readers without JavaScript too."""
    found = accuracy_of(run)
    if found is None:
        return "No accuracy is known."
    low, high = found["interval"]
    kind = "test clips" if run.evaluation.get("average") else "labelled clips (estimate)"
    figures = f"{found['top1']:.1f} % (95 % interval {low:.1f} to {high:.1f}) of {found['clips']:,} {kind}"
    return f"A recogniser of {len(run.classes)} classes. It recognises {figures}."


def _comparison(runs: Sequence[ComparedRun], found: Sequence[Details]) -> dict[str, Any]:
    rows = []
    for run in runs:
        accuracy = accuracy_of(run)
        known = {"top1": None} if accuracy is None else {"top1": accuracy["top1"], "interval": accuracy["interval"]}
        rows.append({"name": run.name, "note": "" if run.result else "not finished", **known})
    tables = {"measures": accuracies(runs), "costs": costs(runs), "settings": settings(runs)}
    return {"accuracies": rows, "paired": _paired(runs, found), **tables}


def _paired(runs: Sequence[ComparedRun], found: Sequence[Details]) -> list[list[str]]:
    """Return the differences to the first run of runs with the same labels and test clips; empty without any."""
    rows = []
    for run, own in zip(runs[1:], found[1:], strict=True):
        alike = run.settings.get("labels, sha256") == runs[0].settings.get("labels, sha256")
        change = difference(found[0].right, own.right) if alike else None
        rows += [[run.name, *_in_words(change)]] if change is not None else []
    return [["run", "points", "95 % interval", "clips gained, lost", "p (McNemar)"], *rows] if rows else []


def _in_words(change: Difference) -> list[str]:
    low, high = change.interval
    chance = f"{change.p:.3f}" if change.p >= 0.001 else "below 0.001"
    return [f"{change.points:+.1f}", f"{low:+.1f} to {high:+.1f}", f"{change.gained}, {change.lost}", chance]
