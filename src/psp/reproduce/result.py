"""The result of one run as it is kept in `results/`: what was run, what came out, on what."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from psp.files import write_json
from psp.errors import CheckpointError
from psp.evaluate.evaluate import Evaluation
from psp.reproduce.experiment import PlannedRun
from psp.train.run import open_run

Key = tuple[str, str, str]
FORMAT = "psp-result-1"


@dataclass(frozen=True)
class RunResult:
    """What tables need to know of a finished run; `top1` is by weights and test set, in per cent.

    `best_on_test` is the best epoch's accuracy by test set, where every epoch was evaluated: it is chosen on the
    test clips and therefore no result.
    """

    key: Key
    seed: int
    size: str
    epochs: int
    parameters: int
    seconds: float
    device: str
    precision: str
    top1: Mapping[str, Mapping[str, float]]
    best_on_test: Mapping[str, float] | None


def write_run_result(
    path: Path, run: PlannedRun, folder: Path, evaluation: Evaluation, best_on_test: Mapping[str, float] | None
) -> None:
    """Write configuration, hashes, seeds, versions, device, wall time and accuracies of a finished run.

    The ids of the labelled clips stay in the run's folder: the budget is drawn again from its spec and seed, and has
    the same hash.
    """
    stored = open_run(folder)
    outcome = json.loads(stored.folder.result.read_text())
    del outcome["labelled clips"]
    content = {
        "format": FORMAT,
        "system": run.row.title,
        "size": run.size,
        **outcome,
        "store": stored.store_facts["dataset"],
        "store fingerprint": stored.store_facts["fingerprint"],
        "accuracy": {kind: _accuracies(sets) for kind, sets in evaluation.items()},
        "best epoch on the test set, not a result": best_on_test,
        "config": json.loads(stored.folder.config.read_text())["config"],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, content)


def read_results(results: Path) -> dict[Key, RunResult]:
    """Every run result in the folders of `results`, by its key; a damaged one raises CheckpointError.

    Of a run that was trained twice, once with an accuracy of every epoch, the other training counts, and of this one
    the best epoch only.
    """
    found = (_read(path) for path in sorted(results.glob("*/*.json")))
    by_key: dict[Key, RunResult] = {}
    for result in sorted((each for each in found if each is not None), key=lambda each: each.best_on_test is not None):
        if result.key not in by_key:
            by_key[result.key] = result
        elif result.best_on_test is not None:
            by_key[result.key] = replace(by_key[result.key], best_on_test=result.best_on_test)
    return by_key


def is_result(content: Any) -> bool:
    """Whether the content of a JSON file is the result of a run."""
    return isinstance(content, dict) and content.get("format") == FORMAT


def is_measured(key: Key, found: Mapping[Key, RunResult], every_epoch: bool) -> bool:
    """Whether a run has a result; with `every_epoch` it must hold the accuracy of every epoch."""
    return key in found and (found[key].best_on_test is not None or not every_epoch)


def results_of(runs: Iterable[PlannedRun], found: Mapping[Key, RunResult]) -> dict[tuple[str, str], list[RunResult]]:
    """The results by row and column, in the order of the seeds."""
    cells: dict[tuple[str, str], list[RunResult]] = {}
    for run in runs:
        if run.key in found:
            cells.setdefault((run.row.name, run.column.name), []).append(found[run.key])
    return cells


def _accuracies(sets: Mapping[str, Any]) -> dict[str, Any]:
    return {name: {key: value for key, value in asdict(found).items() if key != "confusion"} for name, found in
            sets.items()}  # fmt: skip


def _read(path: Path) -> RunResult | None:
    """Read a result; None for JSON files of another kind."""
    try:
        content = json.loads(path.read_text())
        return _result(content) if is_result(content) else None
    except (ValueError, KeyError, TypeError) as error:
        remedy = "Remove it: the run is then evaluated, or trained, again."
        raise CheckpointError(f"this result is damaged ({error!r}).", where=str(path), remedy=remedy) from error


def _result(content: Mapping[str, Any]) -> RunResult:
    return RunResult(
        key=(content["config hash"], content["store fingerprint"], content["budget"]["hash"]),
        seed=content["seed"],
        size=content["size"],
        epochs=content["config"]["epochs"],
        parameters=content["parameters"],
        seconds=content["seconds"],
        device=device_names(content),
        precision=precision_of(content, content["config"].get("precision", "float32")),
        top1={kind: {name: each["top1"] for name, each in sets.items()} for kind, sets in content["accuracy"].items()},
        best_on_test=content["best epoch on the test set, not a result"],
    )


def device_names(content: Mapping[str, Any]) -> str:
    """What a run was computed on, in words, one after the other where it moved."""
    places = [*(machine["device"] for machine in content.get("earlier machines", [])), content["device"]]
    return ", then ".join(dict.fromkeys(_device_name(place) for place in places))


def precision_of(content: Mapping[str, Any], configured: str) -> str:
    """How exactly a run was computed, and whether compiled; one that does not say how was computed as configured."""
    precision = str(content.get("precision", configured))
    return f"compiled {precision}" if content.get("compiled") else precision


def _device_name(device: Mapping[str, Any]) -> str:
    """The GPU, or how many threads."""
    if device["type"] == "cuda":
        return str(device["name"])
    return f"{device['threads']} CPU thread{'s' if device['threads'] > 1 else ''}"
