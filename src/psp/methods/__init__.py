"""Training methods, one module or package each; `METHODS` holds them by name, with those of other packages."""

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

from psp.errors import ConfigError
from psp.methods.al_k import ALK
from psp.methods.assl import ASSL
from psp.methods.base import Method
from psp.methods.colorization import Colorization
from psp.methods.cpm import CPM
from psp.methods.cross_modal import CMD, CrosSCLR
from psp.methods.displacement import GLTransformer
from psp.methods.engan_pose_rnn import EnGANPoseRNN
from psp.methods.fixmatch import FixMatch
from psp.methods.freematch import FreeMatch, SoftMatch
from psp.methods.holden import Holden
from psp.methods.isc import ISC
from psp.methods.joint_embedding import BYOL, USDRL, SimCLR, VICReg
from psp.methods.longt_gan import LongTGAN
from psp.methods.masked_motion import MAMP, SkeletonMAE
from psp.methods.mean_teacher import PSPMeanTeacher
from psp.methods.moco import ASCAL, MoCo
from psp.methods.ms2l import MS2L
from psp.methods.plain_teacher import MeanTeacher
from psp.methods.pseudo_labels import PseudoLabels
from psp.methods.psp import PSP
from psp.methods.s4l import S4L
from psp.methods.supervised import MultiStreamSupervised, Supervised
from psp.methods.vat import VAT, VATEntMin
from psp.methods.x_car import XCAR

GROUP = "psp.methods"
"""The entry-point group under which other packages offer a Method; the entry point's name is the method's."""

BUILT_IN: dict[str, type[Method]] = {
    "supervised": Supervised,
    "multi-stream-supervised": MultiStreamSupervised,
    "psp": PSP,
    "psp-mean-teacher": PSPMeanTeacher,
    "pseudo-labels": PseudoLabels,
    "mean-teacher": MeanTeacher,
    "fixmatch": FixMatch,
    "freematch": FreeMatch,
    "softmatch": SoftMatch,
    "vat": VAT,
    "vat-entmin": VATEntMin,
    "s4l": S4L,
    "assl": ASSL,
    "al-k": ALK,
    "x-car": XCAR,
    "moco": MoCo,
    "as-cal": ASCAL,
    "isc": ISC,
    "crosclr": CrosSCLR,
    "cmd": CMD,
    "cpm": CPM,
    "simclr": SimCLR,
    "byol": BYOL,
    "vicreg": VICReg,
    "usdrl": USDRL,
    "ms2l": MS2L,
    "gl-transformer": GLTransformer,
    "mamp": MAMP,
    "skeleton-mae": SkeletonMAE,
    "colorization": Colorization,
    "longt-gan": LongTGAN,
    "holden": Holden,
    "engan-pose-rnn": EnGANPoseRNN,
}


def foreign_methods(points: Iterable[EntryPoint]) -> dict[str, type[Method]]:
    """Return the methods of other packages by name.

    A name or a Config that another method has raises ConfigError: stored runs know a method by these.
    """
    found: dict[str, type[Method]] = {}
    for point in points:
        kind, known = point.load(), BUILT_IN | found
        if point.name in known:
            what = f"{point.value} is called {point.name!r}, and so is another method."
            raise ConfigError(what, remedy="Give its entry point another name.")
        if same := [name for name, other in known.items() if other.Config is kind.Config]:
            what = f"the options of the method {point.name!r} ({point.value}) are those of {same[0]!r}."
            raise ConfigError(what, remedy="Give it a Config of its own, which may be an empty subclass.")
        found[point.name] = kind
    return found


FOREIGN = foreign_methods(entry_points(group=GROUP))
"""The methods of other packages."""


def packages_of(methods: Iterable[str]) -> set[str]:
    """Return the names of the other packages that have some of the methods."""
    wanted = set(methods)
    return {point.dist.name for point in entry_points(group=GROUP) if point.dist and point.name in wanted}


METHODS = BUILT_IN | FOREIGN

__all__ = ["METHODS", "Method"]
