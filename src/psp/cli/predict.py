"""Recognise recordings of any known format, whole or as a timeline of their actions.

Recordings that cannot be used do not stop the others: they are named at the end, and the exit code is 2.

Args:
    model: a run folder, a model.safetensors or a file written by 'psp export'
    files: recordings - files, folders or archives, or prepared data sets; they need no labels
    out: the .csv or .jsonl (JSON lines) file to write
    show: what to print
    window: predict a timeline from windows of this length, such as 2s or 60 frames
    stride: how far apart windows begin, by default a quarter of a window
    min_duration: shorter segments of a timeline become parts of a neighbour, such as 0.5s or 15 frames
    none_below: answer none where the best class has a lower probability than this; auto takes the probability that 95 %
        of the clips reach which a run recognises correctly among labelled training and validation clips whose labels
        it did not train with, or in the cross-validation of 'psp train --estimate'; by default there is no none
    format: the format of the recordings, by default found by the files (docs/formats.md lists them)
    layout: the joints - a built-in name or a YAML file, by default as the files state, else the model's
    up: the axis that points up, by default as the files state, else the model's
    fps: frames a second, by default as the files state
    size: WIDTHxHEIGHT of the image in pixels, for coordinates in shares of it
    table: labels to compare with, by default clips.csv in the folder
    device: the device that PyTorch computes on
"""

import csv
import io
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from psp.cli.console import print_table, progress_bar, say
from psp.cli.prepare import size_of
from psp.deploy.foreign import Options
from psp.deploy.predict import Prediction, Predictions, Windows, predict_files
from psp.errors import ConfigError, DestinationError
from psp.evaluate.threshold import threshold_of_run
from psp.files import write_atomically
from psp.free_space import require_disk
from psp.skeleton.recording import Up
from psp.text import for_csv, for_terminal
from psp.train.device import Device

ROWS, LEFT_OUT, LABELS = 50, 20, 5
"""How many predictions, left-out recordings and unknown labels are shown on the terminal."""

LEVELS, ENOUGH = (0.5, 0.7, 0.9), 20
"""The probabilities above which the accuracy is shown, and how many labelled recordings that takes at least."""


def predict(
    model: Path,
    files: list[str],
    out: Path | None = None,
    show: Literal["table", "csv", "jsonl"] = "table",
    window: str | None = None,
    stride: str | None = None,
    min_duration: str | None = None,
    none_below: float | Literal["auto"] = 0.0,
    format: str | None = None,
    layout: str | None = None,
    up: Up | None = None,
    fps: float | None = None,
    size: str | None = None,
    table: Path | None = None,
    device: Device = "auto",
) -> int:
    """Recognise recordings of any known format, whole or as a timeline of their actions."""
    write = None if out is None else _writer(out)
    options = Options(format, layout, up, fps, size_of(size), table)
    below = _chosen(model, device) if none_below == "auto" else none_below
    windows = Windows(window, stride, min_duration, below)
    with progress_bar("recordings", hidden=show != "table") as progress:
        found = predict_files(model, files, options, windows, device, progress)
    if out is not None and write is not None:
        write_atomically(out, lambda path: path.write_text(write(found), encoding="utf-8", newline=""))
    if show == "table":
        _show(found, whole=window is None)
    else:
        sys.stdout.write(WRITERS[f".{show}"](found))
    _say_rest(found, out)
    return 2 if found.skipped else 0


def _chosen(model: Path, device: Device) -> float:
    """Return the threshold that is chosen on held-out clips of a run, and say it."""
    found = threshold_of_run(model, device)
    share = f"{found.right} of {found.clips} held-out clips are recognised correctly"
    text = f"none below {found.probability:.2f}: {share}, 95 % of these with this probability or more"
    sys.stderr.write(f"psp: {text}\n")
    return found.probability


def as_csv(found: Predictions) -> str:
    """Return predictions as CSV, with a column for the probability of each class.

    Text that a spreadsheet would calculate is prefixed with an apostrophe.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("id", "label", "probability", "true_label", "start", "end", "unit", *map(for_csv, found.classes)))
    for each in found.found:
        label, true = for_csv(each.label or _no_class(found)), for_csv(each.true_label or "")
        values = [""] * len(found.classes) if each.probabilities is None else map(_number, each.probabilities.tolist())
        best = "" if each.probability is None else _number(each.probability)
        table.writerow((for_csv(each.id), label, best, true, f"{each.start:g}", f"{each.end:g}", each.unit, *values))
    return text.getvalue()


def as_json_lines(found: Predictions) -> str:
    """Return predictions as JSON lines; values that are not known are null."""
    return "".join(json.dumps(_object(each, found)) + "\n" for each in found.found)


WRITERS: Mapping[str, Callable[[Predictions], str]] = {".csv": as_csv, ".jsonl": as_json_lines}


def _writer(out: Path) -> Callable[[Predictions], str]:
    """Return the function that formats a file of this ending; refuse a path that cannot be written before any work."""
    if out.suffix not in WRITERS:
        raise ConfigError("this is neither a .csv nor a .jsonl file.", where=str(out), remedy="Choose one of these.")
    if out.exists():
        raise DestinationError("the file already exists.", where=str(out), remedy="Choose another name.")
    require_disk(out, 0, "the file of predictions")
    return WRITERS[out.suffix]


def _object(each: Prediction, found: Predictions) -> dict[str, object]:
    rows = None if each.probabilities is None else [round(value, 6) for value in each.probabilities.tolist()]
    return {
        "id": each.id,
        "label": each.label,
        "probability": None if each.probability is None else round(each.probability, 6),
        "probabilities": None if rows is None else dict(zip(found.classes, rows, strict=True)),
        "true_label": each.true_label,
        "start": round(each.start, 6),
        "end": round(each.end, 6),
        "unit": each.unit,
    }


def _no_class(found: Predictions) -> str:
    """Return the word for no class, which must not be the name of one."""
    return "none" if "none" not in found.classes else "no class"


def _number(value: float) -> str:
    return f"{value:.4f}"


def _show(found: Predictions, whole: bool) -> None:
    """Print the first predictions as a table, and how many are right where labels are known."""
    known = any(each.true_label is not None for each in found.found)
    columns = ["recording", *([] if whole else ["start", "end"]), "class", "probability", *["true class"] * known]
    rows = []
    for each in found.found[:ROWS]:
        times = [] if whole else [f"{value:.2f} s" if each.fps else f"{value:.0f}" for value in (each.start, each.end)]
        best = "" if each.probability is None else f"{each.probability:.2f}"
        true = [each.true_label or ""] * known
        rows.append([each.id, *times, each.label or _no_class(found), best, *true])
    print_table("predictions", columns, rows)
    if len(found.found) > ROWS:
        say(f"and {len(found.found) - ROWS} more; --out FILE writes all of them")
    if known:
        _show_accuracy(found, whole)


def _show_accuracy(found: Predictions, whole: bool) -> None:
    """Print how many of the labelled predictions are right: recordings, or the share of the time."""
    labelled = [each for each in found.found if each.true_label in found.classes]
    unknown = {each.true_label for each in found.found} - {None, *found.classes}
    if unknown:
        names = sorted(filter(None, unknown))
        more = f" and {len(names) - LABELS} more" if len(names) > LABELS else ""
        say(f"labels that the model does not know, which are not counted: {', '.join(names[:LABELS])}{more}")
    if not labelled:
        return
    weight = np.array([1 if whole else each.frames[1] - each.frames[0] for each in labelled])
    right = np.array([each.label == each.true_label for each in labelled])
    share = 100 * np.average(right, weights=weight)
    recordings = len({each.id for each in labelled})
    noun = "recording" if recordings == 1 else "recordings"
    what = "of" if whole else "of the time of"
    say(f"accuracy: {share:.1f} % {what} {recordings} labelled {noun}")
    if whole and len(labelled) >= ENOUGH and all(each.label for each in labelled):
        _show_levels(np.array([each.probability for each in labelled]), right)


def _show_levels(probability: np.ndarray, right: np.ndarray) -> None:
    """Print how many predictions several thresholds would keep, which helps to choose --none-below."""
    rows = []
    for level in LEVELS:
        kept = probability >= level
        correct = f"{100 * right[kept].mean():.1f} %" if kept.any() else ""
        rows.append((f"{level}", f"{100 * kept.mean():.1f} %", correct))
    print_table("what --none-below would leave", ("none below", "recognised", "of these right"), rows)


def _say_rest(found: Predictions, out: Path | None) -> None:
    """Write to the standard error what was converted, written and left out."""
    lines = list(found.notes)
    if out is not None:
        lines.append(f"written: {out} ({len(found.found)} predictions)")
    lines += [f"left out: {each.where}: {each.reason}" for each in found.skipped[:LEFT_OUT]]
    if len(found.skipped) > LEFT_OUT:
        lines.append(f"left out: {len(found.skipped) - LEFT_OUT} more")
    sys.stderr.write("".join(f"psp: {for_terminal(line)}\n" for line in lines))
