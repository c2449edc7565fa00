"""Semi-supervised skeleton-based action recognition with PSP Learning."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from psp.dataset.build import prepare
from psp.dataset.labels import LabelBudget
from psp.dataset.split import Split
from psp.dataset.store import Store, open_store
from psp.dataset.writer import StoreWriter
from psp.deploy.export import export_onnx
from psp.deploy.load import load
from psp.deploy.stream import StreamingPredictor
from psp.errors import PSPError
from psp.evaluate.evaluate import evaluate_run
from psp.methods import METHODS
from psp.skeleton.catalogue import layout_by_name, layout_names, open_layout
from psp.skeleton.layout import Layout
from psp.skeleton.recording import Clip, ClipInfo, Recording
from psp.synthetic import SyntheticConfig
from psp.train.api import make_task, preset_config, resume_run, start_run, train_run
from psp.train.config import TrainConfig

if TYPE_CHECKING:
    from psp.dataset.check import check
    from psp.estimator import SkeletonClassifier

__all__ = [
    "METHODS",
    "Clip",
    "ClipInfo",
    "LabelBudget",
    "Layout",
    "PSPError",
    "Recording",
    "SkeletonClassifier",
    "Split",
    "Store",
    "StoreWriter",
    "StreamingPredictor",
    "SyntheticConfig",
    "TrainConfig",
    "check",
    "evaluate_run",
    "export_onnx",
    "layout_by_name",
    "layout_names",
    "load",
    "make_task",
    "open_layout",
    "open_store",
    "prepare",
    "preset_config",
    "resume_run",
    "start_run",
    "train_run",
]


LATE = {"SkeletonClassifier": "psp.estimator", "check": "psp.dataset.check"}
"""Names whose modules are imported only when the name is first used, because they import scikit-learn and SciPy."""


def __getattr__(name: str) -> Any:
    if name in LATE:
        return getattr(import_module(LATE[name]), name)
    raise AttributeError(f"module 'psp' has no attribute {name!r}")
