"""Recognition with exported models by onnxruntime."""

import hashlib
import importlib
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import torch
from jaxtyping import Float32

from psp.config.override import override
from psp.deploy.clips import ClipRecogniser, Padded
from psp.errors import CheckpointError, PSPError
from psp.files import read_regular
from psp.model.backbone import ModelConfig
from psp.model.model_file import DAMAGED, interface_from, read_header

REMEDY = "Write it again with 'psp export'."
UNSEALED = "0" * 64
STATED = re.compile(rb'"sha256": "[0-9a-f]{64}"')

OTHER_FILE = re.compile(rb"[\x00\x08]location")
"""The key under which a tensor names a file with its values, after the last byte of the key's length in protobuf."""


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
        self._where, self._errors = where, _errors(runtime)
        refused: tuple[type[Exception], ...] = (*DAMAGED, *self._errors)
        try:
            self._session = runtime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
            header = read_header(self._session.get_modelmeta().custom_metadata_map, where, REMEDY)
            self.interface = interface_from(header)
            self.any_persons = override(ModelConfig(), header["predictor"]["model"]).persons == "present"
            self._require_shapes()
        except CheckpointError:
            raise
        except refused as error:
            what = "this is not a recogniser written by 'psp export'."
            raise CheckpointError(what, where=where, remedy=REMEDY) from error

    def compute(self, batch: Padded) -> Float32[np.ndarray, "n k"]:
        """Return the class probabilities of padded clips; CheckpointError if the graph does not compute them."""
        shape = len(batch.joints), len(self.classes)
        try:
            found: np.ndarray = self._session.run(None, dict(vars(batch)))[0]
            if found.shape != shape:
                raise ValueError(f"the result has the shape {found.shape}, not {shape}")
        except self._errors as error:
            reason = str(error).partition("\n")[0]
            what = f"the exported model cannot be computed ({reason})."
            raise CheckpointError(what, where=self._where, remedy=REMEDY) from error
        return found

    def _require_shapes(self) -> None:
        """Raise ValueError unless the inputs and the output of the graph are those that the header describes."""
        joints, persons = len(self.layout.joints), None if self.any_persons else self.interface.persons
        expected = {
            "joints": ("tensor(float)", (None, persons, None, joints, self.interface.channels)),
            "frames": ("tensor(int64)", (None,)),
            "persons": ("tensor(bool)", (None, persons)),
            "confidence": ("tensor(float)", (None, persons, None, joints)),
            "probabilities": ("tensor(float)", (None, len(self.classes))),
        }
        found = {each.name: each for each in (*self._session.get_inputs(), *self._session.get_outputs())}
        if found.keys() != expected.keys() or not all(_fits(found[name], *expected[name]) for name in expected):
            raise ValueError("the graph has other inputs or another output")


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
    """Raise CheckpointError unless an exported file has the sha256 that it states and names no other file."""
    if len(STATED.findall(content)) != 1:
        what = "this is not a recogniser written by 'psp export', or it states no sha256."
        raise CheckpointError(what, where=where, remedy=REMEDY)
    if sealed(content) != content:
        what = "the exported model is damaged: its content does not have the stated sha256."
        raise CheckpointError(what, where=where, remedy=REMEDY)
    if OTHER_FILE.search(content):
        raise CheckpointError("the exported model takes weights from other files.", where=where, remedy=REMEDY)


def _fits(value: Any, kind: str, shape: tuple[int | None, ...]) -> bool:
    """Return whether a value of a graph has a type and a shape; sizes of None must be free, others may be."""
    sizes = zip(value.shape, shape, strict=True)
    return value.type == kind and all(size == allowed for size, allowed in sizes if isinstance(size, int))


def _errors(runtime: ModuleType) -> tuple[type[Exception], ...]:
    """Return the errors that a damaged or foreign graph raises."""
    found = vars(runtime.capi.onnxruntime_pybind11_state).values()
    return (ValueError, *(each for each in found if isinstance(each, type) and issubclass(each, Exception)))
