"""Predicting stored clips with onnxruntime."""

from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from psp.dataset.store import Store
from psp.deploy.clips import predict_store
from psp.deploy.export import onnx_of_prepared
from psp.evaluate.predict import same_preparation
from psp.train.run import open_run


def predict_clips_onnx(run: str | Path, store: Store) -> tuple[tuple[str, ...], Float[Tensor, "s k"]]:
    """What `predict_clips` returns, computed by onnxruntime; the run is exported in memory first."""
    same_preparation(store, open_run(Path(run)).store_facts)
    recogniser = onnx_of_prepared(run)
    return recogniser.classes, torch.from_numpy(np.concatenate(list(predict_store(recogniser, store))))
