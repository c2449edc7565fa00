"""Write a page that shows what a recogniser learnt, compares runs, or shows a data set.

The page is one file that needs no network: accuracy by class, confusion, clips to play, labels that may be wrong.

Args:
    sources: folders written by 'psp train', which are evaluated if they were not yet, or one written by 'psp prepare'
    out: the page to write, .html (one file); for runs also .md (a comparison with its pictures beside it), for one run
        also .svg (a moving picture of clips that it recognises)
    device: where to evaluate
"""

from collections.abc import Sequence
from pathlib import Path

from psp.cli.console import say
from psp.errors import ConfigError
from psp.free_space import require_disk
from psp.report.compare import compare
from psp.report.destination import refuse_foreign
from psp.report.markdown import write_markdown
from psp.report.page import write_run_page
from psp.report.run_animation import write_run_animation
from psp.report.store_page import write_store_page
from psp.train.device import Device
from psp.train.run_folder import RunFolder


def report(sources: list[str], out: Path = Path("report.html"), device: Device = "auto") -> None:
    """Write a page that shows what a recogniser learnt, compares runs, or shows a data set."""
    if not sources:
        raise ConfigError("no run is named.", remedy="Write 'psp report RUN [RUN ...]' or 'psp report STORE'.")
    paths = [Path(source) for source in sources]
    is_store = len(paths) == 1 and (paths[0] / "manifest.json").is_file()
    _check(out, (".html",) if is_store else (".html", ".md", ".svg") if len(paths) == 1 else (".html", ".md"))
    if is_store:
        write_store_page(out, paths[0])
    elif out.suffix == ".md":
        write_markdown(out, compare(paths, device))
    elif out.suffix == ".svg":
        write_run_animation(out, paths[0], device)
    else:
        write_run_page(out, paths, device)
    say(f"written: {out}")
    for path in () if is_store else paths:
        if not RunFolder(path).result.exists():
            say(f"note: the run {path} is not finished. Continue it with 'psp train --resume {path}'.")


def _check(out: Path, formats: Sequence[str]) -> None:
    """Raise PSPError unless a report can be written to a path, in its format; an earlier report is replaced."""
    if out.suffix not in formats:
        remedy = f"Use a name that ends with {' or '.join(formats)}."
        raise ConfigError("reports of this format cannot be written.", where=str(out), remedy=remedy)
    refuse_foreign(out)
    require_disk(out, 0, "the report")
