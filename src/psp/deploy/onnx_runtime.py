"""Recognition with exported models by onnxruntime."""

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from jaxtyping import Float32

from psp.config.override import override
from psp.deploy.clips import ClipRecogniser, Padded
from psp.errors import CheckpointError, PSPError
from psp.model.backbone import ModelConfig
from psp.model.model_file import interface_from, read_header

REMEDY = "Write it again with 'psp export'."


class OnnxRecogniser(ClipRecogniser):
    """A recogniser that computes a file written by `export_onnx` (or its content) on the CPU.

    `threads` is by default the number of threads of PyTorch. CheckpointError if the file cannot be read.
    """

    def __init__(self, source: str | Path | bytes, threads: int | None = None) -> None:
        runtime = optional_module("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads() if threads is None else threads
        where, content = ("the exported model", source) if isinstance(source, bytes) else (str(source), str(source))
        if isinstance(content, str) and not Path(content).is_file():
            raise CheckpointError("there is no such file.", where=content, remedy="Write it with 'psp export'.")
        refused: tuple[type[Exception], ...] = (KeyError, TypeError, ValueError, *_refusals(runtime))
        try:
            self._session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            header = read_header(self._session.get_modelmeta().custom_metadata_map, where, REMEDY)
            self.interface = interface_from(header)
            self.any_persons = override(ModelConfig(), header["predictor"]["model"]).persons == "present"
        except refused as error:
            what = "this is not a recogniser written by 'psp export'."
            raise CheckpointError(what, where=where, remedy=REMEDY) from error

    def compute(self, batch: Padded) -> Float32[np.ndarray, "n k"]:
        """Return the class probabilities of padded clips."""
        found: np.ndarray = self._session.run(None, dict(vars(batch)))[0]
        return found


def optional_module(name: str) -> ModuleType:
    """Return a package of the extra `onnx`; PSPError if it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        remedy = "Install it with: pip install 'psp-learning[onnx]'"
        raise PSPError(f"{name} is not installed.", remedy=remedy) from error


def _refusals(runtime: ModuleType) -> tuple[type[Exception], ...]:
    """Return the errors that onnxruntime raises for damaged and other files."""
    state = runtime.capi.onnxruntime_pybind11_state
    return state.InvalidProtobuf, state.InvalidGraph, state.Fail, state.InvalidArgument, state.NotImplemented
