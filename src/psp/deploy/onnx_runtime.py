"""Recognition with exported models by onnxruntime."""

import hashlib
import importlib
import re
from pathlib import Path
from types import ModuleType

import numpy as np
import torch
from jaxtyping import Float32

from psp.config.override import override
from psp.deploy.clips import ClipRecogniser, Padded
from psp.errors import CheckpointError, PSPError
from psp.files import read_regular
from psp.model.backbone import ModelConfig
from psp.model.model_file import interface_from, read_header

REMEDY = "Write it again with 'psp export'."
UNSEALED = "0" * 64
STATED = re.compile(rb'"sha256": "[0-9a-f]{64}"')


class OnnxRecogniser(ClipRecogniser):
    """A recogniser that computes a file written by `export_onnx` (or its content) on the CPU.

    `threads` is by default the number of threads of PyTorch. CheckpointError if the file cannot be read.
    """

    def __init__(self, source: str | Path | bytes, threads: int | None = None) -> None:
        runtime = optional_module("onnxruntime")
        options = runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads() if threads is None else threads
        where, content = ("the exported model", source) if isinstance(source, bytes) else _read(Path(source))
        _require_whole(content, where)
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


def sealed(content: bytes) -> bytes:
    """Return the content of an exported file with its sha256, which is computed with UNSEALED in its place."""
    digest = hashlib.sha256(STATED.sub(rb'"sha256": "%s"' % UNSEALED.encode(), content)).hexdigest()
    return STATED.sub(rb'"sha256": "%s"' % digest.encode(), content)


def optional_module(name: str) -> ModuleType:
    """Return a package of the extra `onnx`; PSPError if it is not installed."""
    try:
        return importlib.import_module(name)
    except ImportError as error:
        remedy = "Install it with: pip install 'psp-learning[onnx]'"
        raise PSPError(f"{name} is not installed.", remedy=remedy) from error


def _read(path: Path) -> tuple[str, bytes]:
    """Return the name and the content of a file."""
    try:
        return str(path), read_regular(path)
    except OSError as error:
        what = f"the file cannot be read ({error.strerror or error})."
        raise CheckpointError(what, where=str(path), remedy="Write it with 'psp export'.") from error


def _require_whole(content: bytes, where: str) -> None:
    """Raise CheckpointError unless an exported file has the sha256 that it states."""
    if len(STATED.findall(content)) != 1:
        what = "this is not a recogniser written by 'psp export', or it states no sha256."
        raise CheckpointError(what, where=where, remedy=REMEDY)
    if sealed(content) != content:
        what = "the exported model is damaged: its content does not have the stated sha256."
        raise CheckpointError(what, where=where, remedy=REMEDY)


def _refusals(runtime: ModuleType) -> tuple[type[Exception], ...]:
    """Return the errors that onnxruntime raises for damaged and other files."""
    state = runtime.capi.onnxruntime_pybind11_state
    return state.InvalidProtobuf, state.InvalidGraph, state.Fail, state.InvalidArgument, state.NotImplemented
