"""What the page of a run shows without its clips: accuracies, confusion, learning curves, settings and versions."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from psp.evaluate.accuracy import FEWEST, wilson
from psp.report.advice import Facts
from psp.report.compare import ComparedRun
from psp.report.words import setting
from psp.train.run_files import read_label_gain

CURVE = 400
"""The most points of a curve."""


def numbers_of(run: ComparedRun) -> dict[str, Any]:
    """Return what needs no clip: accuracies, confusion, learning curves, configuration and hashes."""
    accuracy = accuracy_of(run)
    versions = dict(run.result.get("versions", {}))
    found: dict[str, Any] = {"name": run.name, "classes": list(run.classes), "curves": _curves(run.metrics)}
    found |= {"settings": [[name, setting(value)] for name, value in run.settings.items()]}
    found |= {"versions": [[name, str(value)] for name, value in versions.items()], "accuracy": None}
    if accuracy is not None:
        rows = accuracy["confusion"]
        classes = [
            {"name": name, "clips": sum(row), "right": row[number], "interval": list(wilson(row[number], sum(row)))}
            for number, (name, row) in enumerate(zip(run.classes, rows, strict=True))
            if sum(row)
        ]
        found |= {"accuracy": {key: accuracy[key] for key in ("top1", "top5", "interval", "clips")}}
        found |= {"estimated": not run.evaluation.get("average")}
        found |= {"perClass": classes, "confusion": rows}
        if accuracy["clips"] >= FEWEST:
            found |= {"calibration": next(iter(run.calibration.values()), None)}
    return found


def accuracy_of(run: ComparedRun) -> Mapping[str, Any] | None:
    """Return the accuracy with averaged weights on the first test set, or the estimate; None if there is neither."""
    sets = run.evaluation.get("average") or {}
    if sets:
        return dict(next(iter(sets.values())))
    return None if run.estimate is None else dict(run.estimate["accuracy"])


def facts_of(run: ComparedRun, path: Path) -> Facts:
    """Return what the advice depends on, without the numbers of suspects and copies."""
    accuracy, gain = accuracy_of(run), path / "label_gain.json"
    known = read_label_gain(gain) if gain.exists() else None
    return Facts(str(path), bool(run.result), accuracy, run.classes, 0, 0, known)


def _curves(metrics: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the logged quantities over the steps, at most CURVE points of each."""
    names = list(dict.fromkeys(name for line in metrics for name in line if name not in ("step", "stage")))
    found = []
    for name in names:
        points = [[int(line["step"]), line[name]] for line in metrics if name in line]
        step = max(1, len(points) // CURVE)
        kept = [[at, float(f"{value:.4g}")] for at, value in points[::step] if np.isfinite(value)]
        found.append({"name": name, "points": kept})
    return [each for each in found if len(each["points"]) > 1]
