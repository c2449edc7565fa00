"""`psp export`."""

from pathlib import Path

from psp.cli.console import say
from psp.deploy.export import export_onnx
from psp.errors import ConfigError


def export(run: Path, onnx: bool = False, out: Path | None = None) -> None:
    """Write a trained run as one file that recognises recordings without PyTorch.

    Args:
        run: a folder written by 'psp train'
        onnx: as an ONNX graph, for onnxruntime
        out: the file to write, by default recogniser.onnx in the run's folder
    """
    if not onnx:
        raise ConfigError("no format is named.", remedy="Add --onnx.")
    place = run / "recogniser.onnx" if out is None else out
    found = export_onnx(run, place)
    compared = f"{found.random_clips} random and {found.stored_clips} stored clips"
    say(f"written: {place} ({place.stat().st_size / 1e6:.1f} MB)")
    say(f"checked: on {compared} no probability differs from PyTorch by more than {found.largest_difference:.1e}")
