"""Reading of the JSON files that training and evaluation leave in a run folder."""

from pathlib import Path
from types import NoneType
from typing import Any

from psp.config.json_file import Form, read_json
from psp.errors import CheckpointError

REMEDY = "Restore it, or remove it: 'psp train --resume RUN' and 'psp evaluate RUN' write it again."

DEVICE: Form = {"type": str, "name": str, "threads": int, "cores": (int, NoneType)}
RESULT: Form = {
    "config hash": str,
    "budget": {"spec": str, "seed": int, "hash": str, "labels": int},
    "split": {"name": str},
    "seed": int,
    "steps": int,
    "parameters": int,
    "seconds": float,
    "device": DEVICE,
    "precision?": str,
    "compiled?": bool,
    "versions": {str: str},
    "earlier machines?": [{"device": DEVICE}],
    "noisy labels?": [str],
}
ACCURACY: Form = {
    "clips": int,
    "top1": float,
    "top5": float,
    "interval": [float],
    "per_class": [(float, NoneType)],
    "confusion": [[int]],
}
EVALUATION: Form = {
    "classes": [str],
    "weights": {str: {str: ACCURACY}},
    "calibration?": {str: {"confidence": float, "error": float}},
}
ESTIMATE: Form = {
    "folds": int,
    "kept together": (str, NoneType),
    "classes": [str],
    "accuracy": ACCURACY,
    "clips": [{"id": str, "class": str, "recognised": str, "probability": float}],
}
LABEL_GAIN: Form = {"labels": [int], "accuracies": [float], "error": float}
SUSPECTS: Form = [{"id": str, "label": str, "likely": str, "probability": float, "probability_of_label": float}]


def read_result(path: Path) -> dict[str, Any]:
    """Return the content of `result.json`; CheckpointError names a key that is missing or wrong."""
    return dict(read_json(path, RESULT, CheckpointError, REMEDY))


def has_result(path: Path) -> bool:
    """Return whether `result.json` can be read."""
    try:
        read_result(path)
    except CheckpointError:
        return False
    return True


def read_evaluation(path: Path) -> dict[str, Any]:
    """Return the content of `evaluation.json`; CheckpointError if its tables have not the size of its classes."""
    content = dict(read_json(path, EVALUATION, CheckpointError, REMEDY))
    for sets in content["weights"].values():
        for name, found in sets.items():
            _check_size(found, content["classes"], f"{path}, {name}")
    return content


def read_estimate(path: Path) -> dict[str, Any]:
    """Return the content of `estimate.json`; CheckpointError as `read_evaluation` raises."""
    content = dict(read_json(path, ESTIMATE, CheckpointError, REMEDY))
    _check_size(content["accuracy"], content["classes"], str(path))
    unknown = {each[key] for each in content["clips"] for key in ("class", "recognised")} - set(content["classes"])
    if unknown:
        raise CheckpointError(f"{min(unknown)!r} is not one of its classes.", where=str(path), remedy=REMEDY)
    return content


def read_label_gain(path: Path) -> dict[str, Any]:
    """Return the content of `label_gain.json`."""
    return dict(read_json(path, LABEL_GAIN, CheckpointError, REMEDY))


def read_suspects(path: Path) -> list[dict[str, Any]]:
    """Return the content of `suspects.json`."""
    return list(read_json(path, SUSPECTS, CheckpointError, REMEDY))


def _check_size(accuracy: dict[str, Any], classes: list[str], where: str) -> None:
    rows, size = accuracy["confusion"], len(classes)
    if len(rows) != size or any(len(row) != size for row in rows) or len(accuracy["interval"]) != 2:
        what = f"its confusion or interval has not the size for {size} classes."
        raise CheckpointError(what, where=where, remedy=REMEDY)
