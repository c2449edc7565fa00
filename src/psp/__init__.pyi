"""The public names of `psp`, for type checkers and for `lazy_loader`, which reads this file."""

from .dataset.budget import LabelBudget as LabelBudget
from .dataset.build import prepare as prepare
from .dataset.check import check as check
from .dataset.split import Split as Split
from .dataset.store import Store as Store
from .dataset.store import open_store as open_store
from .dataset.writer import StoreWriter as StoreWriter
from .deploy.export import export_onnx as export_onnx
from .deploy.load import load as load
from .deploy.stream import StreamingPredictor as StreamingPredictor
from .errors import PSPError as PSPError
from .estimator import SkeletonClassifier as SkeletonClassifier
from .evaluate.evaluate import evaluate_run as evaluate_run
from .methods import METHODS as METHODS
from .reproduce.compare import compare as compare
from .skeleton.catalogue import layout_by_name as layout_by_name
from .skeleton.catalogue import layout_names as layout_names
from .skeleton.catalogue import open_layout as open_layout
from .skeleton.layout import Layout as Layout
from .skeleton.recording import Clip as Clip
from .skeleton.recording import ClipInfo as ClipInfo
from .skeleton.recording import Recording as Recording
from .synthetic import SyntheticConfig as SyntheticConfig
from .train.api import make_task as make_task
from .train.api import preset_config as preset_config
from .train.api import resume_run as resume_run
from .train.api import start_run as start_run
from .train.api import train_run as train_run
from .train.config import TrainConfig as TrainConfig

__version__: str
