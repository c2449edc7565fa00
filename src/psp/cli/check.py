"""`psp check`."""

import sys
from json import dumps
from pathlib import Path
from typing import Any

from psp.cli.console import print_table, say
from psp.dataset.check import check as check_data
from psp.dataset.checks.report import KINDS, Finding, Report
from psp.dataset.store import Store, open_store
from psp.figures.check import draw_finding
from psp.files import write_json

SHOWN, DRAWN = 3, 5
"""How many findings of a kind are printed, and how many are drawn."""


def check(store: Path, split: str | None = None, json: str | None = None, pictures: Path | None = None) -> int:
    """Look for faults in a data set: its files, clips, copies, classes and labels.

    The exit code is 0 without an error, 1 if there is one (warnings do not count), and 2 if the check cannot be made.

    Args:
        store: a folder written by 'psp prepare'
        split: which clips train and which test, given as for 'psp train'; by default chosen by the data
        json: the file to write the whole report to, or - to print it instead of the text
        pictures: a folder for pictures of the worst clips
    """
    opened = open_store(store)
    report = check_data(opened, split)
    drawn = {} if pictures is None else _draw(opened, report, pictures)
    if json == "-":
        sys.stdout.write(_as_json(report, drawn))
        return int(report.has_errors)
    if json is not None:
        write_json(Path(json), _content(report, drawn))
    _print(store, report, drawn)
    return int(report.has_errors)


def _draw(store: Store, report: Report, folder: Path) -> dict[Finding, str]:
    """Draw the worst findings of each kind and return the paths of the pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    drawn = {}
    for kind in KINDS:
        for number, finding in enumerate([each for each in report.of(kind) if each.clips][:DRAWN], start=1):
            path = folder / f"{kind}-{number}.png"
            draw_finding(path, store, finding)
            drawn[finding] = str(path)
    return drawn


def _content(report: Report, drawn: dict[Finding, str]) -> dict[str, Any]:
    """Return the report with the picture of each finding that has one."""
    content = report.to_dict()
    for finding, entry in zip(report.findings, content["findings"], strict=True):
        entry["picture"] = drawn.get(finding)
    return content


def _as_json(report: Report, drawn: dict[Finding, str]) -> str:
    return dumps(_content(report, drawn), indent=1) + "\n"


def _print(store: Path, report: Report, drawn: dict[Finding, str]) -> None:
    facts = dict(report.summary)
    classes = facts.pop("clips per class")
    print_table(f"{store}: every file is what was written", ("what", "value"), list(facts.items()))
    print_table("clips per class", ("class", "clips"), list(classes.items()))
    say(f"split: {report.split or 'none'}")
    for kind, about in KINDS.items():
        found = report.of(kind)
        if found:
            say(f"\n{about.severity}: {about.title}: {len(found)} ({kind})")
            for finding in found[:SHOWN]:
                clip = f"{finding.clips[0]}: " if len(finding.clips) == 1 else ""
                say(f"  {clip}{finding.sentence}" + (f" See {drawn[finding]}" if finding in drawn else ""))
            say(f"  {about.remedy}")
    if report.skipped:
        say("")
    for name, reason in report.skipped.items():
        say(f"not examined: {name}: {reason}")
    errors = sum(each.severity == "error" for each in report.findings)
    say(f"\nerrors: {errors}, warnings: {len(report.findings) - errors} (--json FILE has them all)")
