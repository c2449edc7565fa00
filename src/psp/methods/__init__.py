"""Training methods, one module or package each; `METHODS` holds them by name, with those of other packages."""

from importlib.metadata import entry_points

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

FOREIGN: dict[str, type[Method]] = {point.name: point.load() for point in entry_points(group=GROUP)}
"""The methods of other packages."""

METHODS: dict[str, type[Method]] = {
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
} | FOREIGN

__all__ = ["METHODS", "Method"]
