"""A trained run as one ONNX file: recorded joints in, class probabilities out."""

import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from psp.files import write_atomically
from psp.deploy.agreement import Agreement, agreement
from psp.deploy.onnx_runtime import OnnxRecogniser, optional_module
from psp.deploy.recogniser import Recogniser, recogniser_of
from psp.errors import CheckpointError, ConfigError
from psp.train.run import StoredRun, open_run
from psp.versions import versions_of

INPUTS = ("joints", "frames", "persons")
OUTPUT = "probabilities"
OPSET = 18
TOLERANCE = 1e-4
"""How far a probability of the exported graph may be from that of PyTorch."""


def export_onnx(run: str | Path, out: str | Path) -> Agreement:
    """Write a finished run's averaged network to `out`; returns how well the file agrees with PyTorch.

    The graph takes joints (clips, persons, frames, joints, 3) as recorded, the number of frames of each clip and which
    persons exist; the first three lengths are free. Normalisation, resampling, views and network are inside, class
    names and everything else that a user must know in the metadata. It is run by onnxruntime on random and on stored
    clips before anything is written; a difference is a CheckpointError.
    """
    stored, out = open_run(Path(run)), Path(out)
    if out.exists():
        raise ConfigError("the file already exists.", where=str(out), remedy="Choose another name.")
    if not out.parent.is_dir():
        raise ConfigError("the folder does not exist.", where=str(out.parent), remedy="Make it first.")
    recogniser = recogniser_of(stored)
    content = onnx_bytes(recogniser, metadata(stored, recogniser))
    found = agreement(stored, OnnxRecogniser(content))
    if not found.largest_difference <= TOLERANCE:
        what = f"the exported network differs from PyTorch by {found.largest_difference:.2g}; nothing was written."
        raise CheckpointError(what, where=str(run), remedy="Report this with the run's config.json.")
    write_atomically(out, lambda place: place.write_bytes(content))
    return found


def onnx_of_prepared(run: str | Path) -> OnnxRecogniser:
    """A run computed by onnxruntime, for clips that are normalised already, as those of a store are."""
    stored = open_run(Path(run))
    recogniser = recogniser_of(stored, prepared=True)
    return OnnxRecogniser(onnx_bytes(recogniser, metadata(stored, recogniser)))


def onnx_bytes(recogniser: Recogniser, facts: Mapping[str, str]) -> bytes:
    """The recogniser as an ONNX model, with `facts` as its metadata.

    Made by tracing (`dynamo=False`), in seconds where torch.export takes minutes.
    """
    onnx = optional_module("onnx")
    clips, persons, frames = "clips", "persons", "frames"
    with torch.no_grad(), warnings.catch_warnings(), TemporaryDirectory() as folder:
        path = Path(folder) / "recogniser.onnx"
        warnings.simplefilter("ignore")
        torch.onnx.export(
            recogniser.cpu().eval(),
            _example(recogniser),
            path,
            dynamo=False,
            opset_version=OPSET,
            input_names=list(INPUTS),
            output_names=[OUTPUT],
            dynamic_axes={
                "joints": {0: clips, 1: persons, 2: frames} if recogniser.any_persons else {0: clips, 2: frames},
                "frames": {0: clips},
                "persons": {0: clips, 1: persons} if recogniser.any_persons else {0: clips},
                OUTPUT: {0: clips},
            },
        )
        model = onnx.load(path)
    onnx.helper.set_model_props(model, dict(facts))
    return model.SerializeToString()


def metadata(run: StoredRun, recogniser: Recogniser) -> dict[str, str]:
    """What a user of the file must know, every value as JSON."""
    reading, layout, facts = recogniser.reading, recogniser.layout, run.store_facts
    known = {
        "classes": facts["classes"],
        "layout": layout.name,
        "joint names": layout.joints,
        "frames": reading.data.sample.frames,
        "persons": reading.persons,
        "any number of persons": recogniser.any_persons,
        "views": reading.method.views,
        "motion": reading.data.motion,
        "normalisation inside": reading.normalise is not None,
        "preprocessing": facts.get("preprocessing", {}),
        "dataset": facts.get("dataset"),
        "config hash": run.config.hash,
        "budget hash": run.budget.hash,
        "versions": versions_of("psp-learning", "onnx"),
    }
    return {name: json.dumps(value) for name, value in known.items()}


def _example(recogniser: Recogniser) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Two clips of different lengths, to trace with; no length is 1, nothing is missing."""
    persons = 2 if recogniser.any_persons else recogniser.reading.persons
    joints = torch.randn(2, persons, 7, len(recogniser.layout.joints), 3)
    return joints, torch.tensor([7, 5]), torch.ones(2, persons, dtype=torch.bool)
