"""`psp report`."""

from pathlib import Path

from psp.cli.console import say
from psp.cli.evaluate import Device
from psp.errors import ConfigError
from psp.report.compare import compare
from psp.report.page import check_page, write_report


def report(runs: list[str], out: Path = Path("report.html"), device: Device = "auto") -> None:
    """Compare training runs: accuracies, the settings that differ, learning curves and confusion.

    Args:
        runs: folders written by 'psp train'; finished ones that were not evaluated yet are evaluated
        out: the page to write, .html (one file) or .md (its pictures beside it)
        device: where to evaluate
    """
    if not runs:
        raise ConfigError("no run is named.", remedy="Write 'psp report RUN [RUN ...]'.")
    check_page(out)
    write_report(out, compare([Path(run) for run in runs], device))
    say(f"written: {out}")
