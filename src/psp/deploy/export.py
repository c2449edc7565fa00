"""Export of a trained model as one ONNX file from recorded joints to class probabilities."""

import json
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from psp.dataset.store import Store
from psp.deploy.agreement import Agreement, agreement
from psp.deploy.onnx_runtime import UNSEALED, OnnxRecogniser, optional_module, sealed
from psp.deploy.recogniser import Recogniser
from psp.errors import CheckpointError, DestinationError
from psp.evaluate.trained import open_model
from psp.files import write_atomically
from psp.free_space import require_disk
from psp.model.model_file import HEADER, TrainedModel, header_of

INPUTS = ("joints", "frames", "persons", "confidence")
OUTPUT = "probabilities"
OPSET = 18
TOLERANCE = 1e-4
"""The largest allowed difference of a probability between the exported graph and PyTorch."""


def export_onnx(model: str | Path, out: str | Path, store: Store | None = None) -> Agreement:
    """Write a model file, or the averaged model of a finished run, as ONNX to `out`; return the agreement with PyTorch.

    The inputs of the graph are those of `Padded`. The numbers of clips and frames are free, and that of persons too
    unless absent persons count as zeros in the model. The graph includes filling of gaps, normalisation, resampling and
    modalities. Layout, classes, the sha256 of the file and other facts are JSON in the metadata `psp`, as in the model
    file. Before the file is written, onnxruntime predicts random clips, and clips of `store` if given: CheckpointError
    if they differ. DestinationError if `out` does not end with .onnx or exists.
    """
    trained, out = open_model(model), Path(out)
    if out.suffix != ".onnx":
        raise DestinationError("this is not the name of an ONNX file.", where=str(out), remedy="Let it end with .onnx.")
    if out.exists():
        raise DestinationError("the file already exists.", where=str(out), remedy="Choose another name.")
    require_disk(out, sum(4 * weight.numel() for weight in trained.predictor.parameters()), "the exported model")
    content = onnx_bytes(trained)
    found = agreement(trained, OnnxRecogniser(content), store)
    if not found.largest_difference <= TOLERANCE:
        what = f"the exported model differs from PyTorch by {found.largest_difference:.2g}; nothing was written."
        raise CheckpointError(what, where=str(model), remedy="Report this with the model file.")
    write_atomically(out, lambda temporary: temporary.write_bytes(content))
    return found


def onnx_bytes(model: TrainedModel) -> bytes:
    """Return the content of an ONNX file.

    It is made by tracing (`dynamo=False`), which takes seconds instead of minutes with torch.export.
    """
    onnx = optional_module("onnx")
    recogniser = Recogniser(model).cpu()
    clips, persons, frames = "clips", "persons", "frames"
    slots = {1: persons} if recogniser.any_persons else {}
    with torch.no_grad(), warnings.catch_warnings(), TemporaryDirectory() as folder:
        path = Path(folder) / "recogniser.onnx"
        warnings.simplefilter("ignore")
        torch.onnx.export(
            recogniser,
            _example(recogniser),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=list(INPUTS),
            output_names=[OUTPUT],
            dynamic_axes={
                "joints": {0: clips, **slots, 2: frames},
                "frames": {0: clips},
                "persons": {0: clips, **slots},
                "confidence": {0: clips, **slots, 2: frames},
                OUTPUT: {0: clips},
            },
        )
        graph = onnx.load(path)
    onnx.helper.set_model_props(graph, {HEADER: json.dumps({**header_of(model), "sha256": UNSEALED})})
    return sealed(graph.SerializeToString())


def _example(recogniser: Recogniser) -> tuple[torch.Tensor, ...]:
    """Return the example inputs of the trace: two clips of different lengths above 1, without missing joints."""
    persons = 2 if recogniser.any_persons else recogniser.interface.persons
    joints = torch.linspace(-1, 1, 7 * len(recogniser.layout.joints) * recogniser.interface.channels)
    joints = joints.sin().reshape(1, 1, 7, len(recogniser.layout.joints), -1).repeat(2, persons, 1, 1, 1)
    return joints, torch.tensor([7, 5]), torch.ones(2, persons, dtype=torch.bool), torch.ones(joints.shape[:4])
