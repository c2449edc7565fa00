"""The results of a measurement: shown as a table, and written as JSON to a file that did not exist before."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psp.cli.console import print_table, say
from psp.errors import ConfigError
from psp.files import write_json


def show(title: str, cases: Mapping[str, Mapping[str, Any]]) -> None:
    """Print a table with a column for every case and a line for every figure that one of them has."""
    names = list(dict.fromkeys(name for case in cases.values() for name in case))
    print_table(title, ("", *cases), [(name, *(_shown(case.get(name)) for case in cases.values())) for name in names])


def _shown(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "-" if value is None else f"{value:,.3g}" if isinstance(value, float) and value < 1000 else f"{value:,.0f}"


def refuse_existing(out: Path | None) -> None:
    """Raise ConfigError, before anything is measured, if the result could not be written."""
    if out is not None and out.exists():
        raise ConfigError("the file already exists.", where=str(out), remedy="Choose another name for --out.")
    if out is not None and not out.parent.is_dir():
        raise ConfigError("the folder does not exist.", where=str(out.parent), remedy="Create it first.")


def keep(found: Mapping[str, Any], out: Path | None) -> None:
    """Write the figures, if a file was named."""
    if out is not None:
        write_json(out, found)
        say(f"written: {out}")
