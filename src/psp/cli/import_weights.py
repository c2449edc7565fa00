"""`psp import-weights`."""

from pathlib import Path

from psp.cli.console import say
from psp.errors import CheckpointError
from psp.model.published import import_published
from psp.model.weights import save_network
from psp.skeleton.layouts import layout_by_name


def import_weights(checkpoint: Path, out: Path, layout: str = "ntu25") -> None:
    """Turn a checkpoint of PSP Learning's published program into weights of this one.

    Args:
        checkpoint: .pt, .pth or .safetensors; read without running any code in it
        out: the .safetensors file to write
        layout: the skeleton layout it was trained for
    """
    if out.exists():
        raise CheckpointError("the file already exists.", where=str(out), remedy="Choose another name.")
    network = import_published(checkpoint, layout_by_name(layout))
    save_network(out, network)
    say(f"written: {out} ({network.classes} classes, {network.frames} frames, {layout})")
