"""Comparison of runs: the settings in which they differ, their learning curves and their accuracies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from os.path import commonpath
from pathlib import Path
from typing import Any

from psp.errors import ConfigError
from psp.evaluate.evaluate import evaluate_run
from psp.train.config import config_as_plain
from psp.train.logging import read_lines
from psp.train.run_files import read_estimate, read_evaluation, read_result
from psp.train.run_folder import StoredRun, open_run

Curves = dict[str, list[tuple[int, float]]]


@dataclass(frozen=True)
class ComparedRun:
    """One run of a report; `evaluation` and `result` are empty for a run that is not finished.

    `evaluation` holds the accuracies of evaluation.json by weights and test set, `calibration` its calibrations by test
    set, `result` the content of result.json and `estimate` that of estimate.json, None if no accuracy was estimated.
    """

    name: str
    settings: Mapping[str, Any]
    classes: tuple[str, ...]
    metrics: Sequence[Mapping[str, float]]
    evaluation: Mapping[str, Mapping[str, Any]]
    result: Mapping[str, Any]
    estimate: Mapping[str, Any] | None = None
    calibration: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


def compare(paths: Sequence[Path], device: str = "auto") -> list[ComparedRun]:
    """Return the runs of folders for a report; finished runs that are not evaluated yet are evaluated."""
    names = short_names(paths)
    return [_open(path, name, device) for path, name in zip(paths, names, strict=True)]


def short_names(paths: Sequence[Path]) -> list[str]:
    """Return the paths relative to their common folder; a run that occurs twice raises ConfigError."""
    full = [path.resolve() for path in paths]
    if len(set(full)) < len(full):
        raise ConfigError("a run is named twice.", remedy="Name each run once.")
    shared = Path(commonpath([path.parent for path in full]))
    return [str(path.relative_to(shared)) for path in full]


def differing_settings(runs: Sequence[ComparedRun]) -> dict[str, list[Any]]:
    """Return the settings that are not the same in all runs, each with its values."""
    names = list(dict.fromkeys(name for run in runs for name in run.settings))
    values = {name: [run.settings.get(name) for run in runs] for name in names}
    return {name: found for name, found in values.items() if any(each != found[0] for each in found)}


def curves(runs: Sequence[ComparedRun], quantity: str) -> Curves:
    """Return a logged quantity over the steps, by run; steps without it (of other stages) are left out."""
    return {run.name: [(int(line["step"]), line[quantity]) for line in run.metrics if quantity in line] for run in runs}


def confusions(runs: Sequence[ComparedRun]) -> dict[str, Sequence[Sequence[int]]]:
    """Return the confusion on the full test set with averaged weights, of runs with the same classes as the first."""
    evaluated = [run for run in runs if "full" in run.evaluation.get("average", {})]
    alike = [run for run in evaluated if run.classes == evaluated[0].classes]
    return {run.name: run.evaluation["average"]["full"]["confusion"] for run in alike}


def machine_names(result: Mapping[str, Any]) -> str:
    """Return the names of the devices on which a run was computed, one after the other."""
    devices = [*(machine["device"] for machine in result.get("earlier machines", [])), result["device"]]
    return ", then ".join(dict.fromkeys(_device_name(device) for device in devices))


def precision_of(result: Mapping[str, Any], configured: str) -> str:
    """Return the precision of a run, and whether it was compiled; `configured` if the result does not state it."""
    precision = str(result.get("precision", configured))
    return f"compiled {precision}" if result.get("compiled") else precision


def _device_name(device: Mapping[str, Any]) -> str:
    """Return the name of the GPU, or the number of CPU threads."""
    if device["type"] == "cuda":
        return str(device["name"])
    return f"{device['threads']} CPU thread{'s' if device['threads'] > 1 else ''}"


def _open(path: Path, name: str, device: str) -> ComparedRun:
    run = open_run(path)
    metrics = read_lines(run.folder.metrics) if run.folder.metrics.exists() else []
    result = read_result(run.folder.result) if run.folder.result.exists() else {}
    found = _evaluation(run, device) if result else {}
    classes = tuple(found.get("classes", run.store_facts["classes"]))
    estimate = read_estimate(run.folder.estimate) if run.folder.estimate.exists() else None
    return ComparedRun(
        name, _settings(run), classes, metrics, found.get("weights", {}), result, estimate, found.get("calibration", {})
    )


def _settings(run: StoredRun) -> dict[str, Any]:
    plain = config_as_plain(run.config)
    stages = plain.pop("stages")
    if len(stages) == 1:
        plain |= {key: value for key, value in stages[0].items() if key != "name"}
    else:
        plain |= {stage.pop("name"): stage for stage in stages}
    facts = {"data set": run.store_facts.get("dataset", ""), "split": run.split.name, "labels": run.labels.spec}
    hashes = {"clips": run.store_facts["fingerprint"], "split": run.split.hash, "labels": run.labels.hash}
    return {**_flat(plain), **facts, **{f"{name}, sha256": value[:8] for name, value in hashes.items()}}


def _evaluation(run: StoredRun, device: str) -> Mapping[str, Any]:
    if not run.folder.evaluation.exists():
        evaluate_run(run.folder.path, None, device)
    return read_evaluation(run.folder.evaluation)


def _flat(plain: Mapping[str, Any], inside: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in plain.items():
        flat |= _flat(value, f"{inside}{name}.") if isinstance(value, dict) else {f"{inside}{name}": value}
    return flat
