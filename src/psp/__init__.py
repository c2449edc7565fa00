"""Semi-supervised skeleton-based action recognition with PSP Learning."""

from psp.preprocess.prepare import prepare
from psp.dataset.store import Store, open_store
from psp.synthetic import SyntheticConfig
from psp.dataset.writer import StoreWriter
from psp.deploy.export import export_onnx
from psp.deploy.onnx_runtime import OnnxRecogniser
from psp.deploy.stream import StreamingPredictor
from psp.errors import PSPError
from psp.evaluate.evaluate import evaluate_run
from psp.evaluate.predict import predict_clips
from psp.skeleton.clip import Clip
from psp.skeleton.layout import Layout
from psp.skeleton.layouts import LAYOUTS
from psp.train.config import TrainConfig
from psp.train.presets import PRESETS
from psp.train.schedule import rescheduled
from psp.train.train import resume_run, start_run, train_run

__all__ = [
    "LAYOUTS",
    "PRESETS",
    "Clip",
    "Layout",
    "OnnxRecogniser",
    "PSPError",
    "Store",
    "StoreWriter",
    "StreamingPredictor",
    "SyntheticConfig",
    "TrainConfig",
    "evaluate_run",
    "export_onnx",
    "open_store",
    "predict_clips",
    "prepare",
    "rescheduled",
    "resume_run",
    "start_run",
    "train_run",
]
