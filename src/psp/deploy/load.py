"""Opening of trained models for recognition."""

from pathlib import Path

import torch

from psp.deploy.clips import ClipRecogniser
from psp.deploy.onnx_runtime import OnnxRecogniser
from psp.deploy.recogniser import Recogniser
from psp.evaluate.trained import open_model


def load(path: str | Path, device: torch.device | str = "cpu") -> ClipRecogniser:
    """Return the recogniser of a run folder, a model.safetensors or an .onnx file.

    >>> recogniser = psp.load("model.safetensors")
    >>> probabilities = recogniser.predict(clips)  # a list of (t, v, c) or (m, t, v, c) arrays
    >>> recogniser.classes[probabilities[0].argmax()]

    It computes with PyTorch on `device`, or with onnxruntime on the CPU. CheckpointError if the model cannot be read.
    """
    return OnnxRecogniser(path) if Path(path).suffix == ".onnx" else Recogniser(open_model(path, device=device))
