"""`psp predict`."""

import csv
from pathlib import Path
from typing import Literal

import numpy as np

from psp.cli.console import say
from psp.cli.evaluate import Device
from psp.files import write_atomically
from psp.dataset.store import open_store
from psp.deploy.predict import predict_clips_onnx
from psp.errors import CheckpointError
from psp.evaluate.predict import predict_clips

Runtime = Literal["torch", "onnx"]


def predict(run: Path, store: Path, out: Path, device: Device = "auto", runtime: Runtime = "torch") -> None:
    """Recognise the clips of a stored data set and write a table of ids, classes and probabilities.

    Args:
        run: a folder written by 'psp train'
        store: the clips to recognise; they need no labels
        out: the .csv file to write
        device: where PyTorch computes
        runtime: torch, or onnx to compute with onnxruntime on the CPU
    """
    if out.exists():
        raise CheckpointError("the file already exists.", where=str(out), remedy="Choose another name.")
    if not out.parent.is_dir():
        raise CheckpointError("the folder does not exist.", where=str(out.parent), remedy="Make it first.")
    clips = open_store(store)
    classes, probabilities = predict_clips(run, clips, device) if runtime == "torch" else predict_clips_onnx(run, clips)

    def write(place: Path) -> None:
        with place.open("w", newline="") as file:
            table = csv.writer(file)
            table.writerow(("id", "class", *classes))
            for name, row in zip(clips.clips.id, probabilities.tolist(), strict=True):
                table.writerow((name, classes[int(np.argmax(row))], *(f"{value:.4f}" for value in row)))

    write_atomically(out, write)
    say(f"written: {out} ({len(clips)} clips)")
