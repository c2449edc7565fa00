"""`psp predict`."""

import csv
from pathlib import Path

from psp.cli.console import say
from psp.cli.evaluate import Device
from psp.deploy.predict import Predictions, predict_source
from psp.errors import DestinationError
from psp.files import write_atomically


def predict(
    model: Path, source: Path, out: Path, format: str | None = None, device: Device = "auto", workers: int | None = None
) -> None:
    """Recognise clips or recordings and write a table of ids, classes and probabilities.

    Args:
        model: a run folder, a model.safetensors or a file written by 'psp export'
        source: a prepared data set, or recordings of any known format; they need no labels
        out: the .csv file to write
        format: the format of the recordings, by default found out
        device: where PyTorch computes
        workers: processes that prepare recordings, by default one per core
    """
    if out.exists():
        raise DestinationError("the file already exists.", where=str(out), remedy="Choose another name.")
    if not out.parent.is_dir():
        raise DestinationError("the folder does not exist.", where=str(out.parent), remedy="Make it first.")
    found = predict_source(model, source, format, device, workers)
    write_atomically(out, lambda temporary: write_table(found, temporary))
    say(f"written: {out} ({len(found.ids)} clips)")


def write_table(found: Predictions, path: Path) -> None:
    """Write predictions as CSV: id, class and the probability of every class."""
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(("id", "class", *found.classes))
        for name, label, row in zip(found.ids, found.labels, found.probabilities.tolist(), strict=True):
            table.writerow((name, label, *(f"{value:.4f}" for value in row)))
