"""Training methods, one module or package each; `METHODS` holds them by name, with those of other packages."""

from importlib.metadata import entry_points

from psp.methods.base import Method
from psp.methods.fixmatch import FixMatch
from psp.methods.mean_teacher import PSPMeanTeacher
from psp.methods.moco import MoCo
from psp.methods.psp import PSP
from psp.methods.supervised import MultiStreamSupervised, Supervised
from psp.methods.vat import VAT

GROUP = "psp.methods"
"""The entry-point group under which other packages offer a Method; the entry point's name is the method's."""

METHODS: dict[str, type[Method]] = {
    "supervised": Supervised,
    "multi-stream-supervised": MultiStreamSupervised,
    "psp": PSP,
    "psp-mean-teacher": PSPMeanTeacher,
    "fixmatch": FixMatch,
    "vat": VAT,
    "moco": MoCo,
} | {point.name: point.load() for point in entry_points(group=GROUP)}

__all__ = ["METHODS", "Method"]
