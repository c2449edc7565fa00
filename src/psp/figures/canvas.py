"""What every figure shares: its colours and how it is saved."""

import os
from functools import partial
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure

from psp.errors import ConfigError
from psp.files import write_atomically

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#F0E442")
"""Okabe and Ito's colours, which colour-blind readers can tell apart."""

INK = "#333333"

KINDS = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
"""The files that can be drawn, with what is left out of them so that equal pictures are equal files."""


def check_picture(path: str | os.PathLike[str]) -> None:
    """Raise ConfigError if no picture can be saved at `path`, before hours are spent on what it shows."""
    if Path(path).suffix.lower() not in KINDS:
        what = "cannot draw a file of this kind."
        raise ConfigError(what, where=str(path), remedy=f"Let its name end with one of {', '.join(KINDS)}.")
    if not Path(path).parent.is_dir():
        raise ConfigError("the folder does not exist.", where=str(Path(path).parent), remedy="Make it first.")


def save(figure: Figure, *paths: str | os.PathLike[str]) -> None:
    """Write a figure as PNG, SVG or PDF, by each file's extension; another one raises ConfigError.

    Each file is complete or as it was before, and the same figure gives the same bytes.
    """
    for path in paths:
        check_picture(path)
    with rc_context({"svg.hashsalt": "psp"}):
        for path in map(Path, paths):
            write_atomically(path, partial(_write, figure, path.suffix.lower()))


def _write(figure: Figure, kind: str, path: Path) -> None:
    figure.savefig(path, format=kind[1:], metadata=KINDS[kind], dpi=150, bbox_inches="tight", facecolor="white")
