"""Opening a trained model for recognising recordings."""

from pathlib import Path

import torch

from psp.deploy.clips import ClipRecogniser
from psp.deploy.onnx_runtime import OnnxRecogniser
from psp.deploy.recogniser import Recogniser
from psp.evaluate.trained import open_model


def load(path: str | Path, device: torch.device | str = "cpu") -> ClipRecogniser:
    """Return the recogniser of a run folder, a model.safetensors or an .onnx file; nothing else is read.

    >>> recogniser = psp.load("model.safetensors")
    >>> probabilities = recogniser.predict(clips)  # a list of (t, v, c) or (m, t, v, c) arrays
    >>> recogniser.classes[probabilities[0].argmax()]

    PyTorch computes on `device`, onnxruntime on the CPU. CheckpointError if the model cannot be read.
    """
    return OnnxRecogniser(path) if Path(path).suffix == ".onnx" else Recogniser(open_model(path, device=device))
