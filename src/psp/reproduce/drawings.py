"""The pictures of experiments, by the experiment's name."""

from collections.abc import Callable
from pathlib import Path

from psp.reproduce.draw_features import draw_features
from psp.reproduce.draw_figure7 import draw_figure7
from psp.reproduce.figure5 import draw_figure5
from psp.reproduce.place import Place
from psp.reproduce.table import Stem, Table

Draw = Callable[[Table, Place, Stem], list[Path]]
"""From the results, where the runs are, and how files are named to the files written."""

DRAWINGS: dict[str, Draw] = {
    "figure5": draw_figure5,
    "figure6": draw_features,
    "figure7": draw_figure7,
    "figure8": draw_features,
}
