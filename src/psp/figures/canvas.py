"""What every figure shares: its colours and how it is saved."""

import os
from pathlib import Path

from matplotlib.figure import Figure

from psp.errors import ConfigError

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#F0E442")
"""Okabe and Ito's colours, which colour-blind readers can tell apart."""

INK = "#333333"
KINDS = (".png", ".svg", ".pdf")


def save(figure: Figure, path: str | os.PathLike[str]) -> None:
    """Write a figure as PNG, SVG or PDF, by the file's extension; another one raises ConfigError."""
    if Path(path).suffix.lower() not in KINDS:
        what = "cannot draw a file of this kind."
        raise ConfigError(what, where=str(path), remedy=f"Let its name end with one of {', '.join(KINDS)}.")
    figure.savefig(path, dpi=150, bbox_inches="tight", facecolor="white")
