"""An exported recogniser, computed by onnxruntime."""

import importlib
import json
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64

from psp.errors import CheckpointError, PSPError
from psp.skeleton.layouts import layout_by_name


class OnnxRecogniser:
    """Recognises clips with a file written by `export_onnx` (or its content), on the CPU.

    `threads` is by default as many as PyTorch uses.
    """

    def __init__(self, source: str | Path | bytes, threads: int | None = None) -> None:
        runtime = optional_module("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads() if threads is None else threads
        content = source if isinstance(source, bytes) else str(source)
        if isinstance(content, str) and not Path(content).is_file():
            raise CheckpointError("there is no such file.", where=content, remedy="Write it with psp export.")
        refused: tuple[type[Exception], ...] = (KeyError, ValueError, *_refusals(runtime))
        try:
            self._session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            known = self._session.get_modelmeta().custom_metadata_map
            self.facts = {name: json.loads(value) for name, value in known.items()}
            self.classes: tuple[str, ...] = tuple(self.facts["classes"])
            self.layout = layout_by_name(self.facts["layout"])
            self.frames, self.persons = int(self.facts["frames"]), int(self.facts["persons"])
            self.any_persons = bool(self.facts["any number of persons"])
        except refused as error:
            where = None if isinstance(source, bytes) else str(source)
            what = "this is not a recogniser written by psp export."
            raise CheckpointError(what, where=where, remedy="Write it again with psp export.") from error

    def predict(
        self,
        joints: Float32[np.ndarray, "n m t v 3"],
        frames: Int64[np.ndarray, "n"],
        persons: Bool[np.ndarray, "n m"],
    ) -> Float32[np.ndarray, "n k"]:
        """Class probabilities; of clip i the first frames[i] frames and the persons marked true are read."""
        return self._session.run(None, {"joints": joints, "frames": frames, "persons": persons})[0]


def optional_module(name: str) -> ModuleType:
    """Import a package of the extra `onnx`; PSPError if that is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        remedy = "Install it with: pip install 'psp-learning[onnx]'"
        raise PSPError(f"{name} is not installed.", remedy=remedy) from error


def _refusals(runtime: ModuleType) -> tuple[type[Exception], ...]:
    """What onnxruntime raises when a file is damaged or of another kind."""
    state = runtime.capi.onnxruntime_pybind11_state
    return state.InvalidProtobuf, state.InvalidGraph, state.Fail, state.InvalidArgument, state.NotImplemented
