"""Colours of figures, and saving of figures."""

import os
from functools import partial
from pathlib import Path

from matplotlib import rc_context
from matplotlib.figure import Figure
from PIL import Image

from psp.errors import ConfigError
from psp.files import write_atomically

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F", "#F0E442")
"""Okabe and Ito's colours, which colour-blind readers can distinguish."""

INK = "#333333"

KINDS = {".png": {}, ".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
"""The file formats, with the metadata that is left out so that equal figures give equal files."""


def check_picture(path: str | os.PathLike[str]) -> None:
    """Raise ConfigError if no picture can be saved at `path`; to be called before long computations."""
    if Path(path).suffix.lower() not in KINDS:
        what = "pictures of this format cannot be written."
        raise ConfigError(what, where=str(path), remedy=f"Use a name that ends with one of {', '.join(KINDS)}.")


def save(figure: Figure, *paths: str | os.PathLike[str]) -> None:
    """Write a figure as PNG, SVG or PDF, by each file's extension; another one raises ConfigError.

    Files are written atomically, and the same figure gives the same bytes.
    """
    for path in paths:
        check_picture(path)
    with rc_context({"svg.hashsalt": "psp"}):
        for path in map(Path, paths):
            write_atomically(path, partial(_write, figure, path.suffix.lower()))


def _write(figure: Figure, kind: str, path: Path) -> None:
    figure.savefig(path, format=kind[1:], metadata=KINDS[kind], dpi=150, bbox_inches="tight", facecolor="white")
    if kind == ".png":  # drawings have few colours: with 64 of them the file is a quarter as large and looks the same
        with Image.open(path) as picture:
            small = picture.convert("RGB").quantize(64, dither=Image.Dither.NONE)
        small.save(path, "PNG", optimize=True)
