"""`psp export`."""

from pathlib import Path

from psp.cli.console import say
from psp.dataset.store import open_store
from psp.deploy.export import export_onnx


def export(model: Path, out: Path | None = None, store: Path | None = None) -> None:
    """Write a trained model as an ONNX file that recognises recordings without PyTorch.

    Args:
        model: a run folder or a model.safetensors
        out: the .onnx file to write, by default recogniser.onnx beside the model
        store: a prepared data set to compare the file with PyTorch on, besides random clips
    """
    out = (model if model.is_dir() else model.parent) / "recogniser.onnx" if out is None else out
    found = export_onnx(model, out, None if store is None else open_store(store))
    stored = f" and {found.stored_clips} stored ones" if found.stored_clips else ""
    compared = f"{found.random_clips} random clips{stored}"
    say(f"written: {out} ({out.stat().st_size / 1e6:.1f} MB)")
    say(f"checked: on {compared} no probability differs from PyTorch by more than {found.largest_difference:.1e}")
