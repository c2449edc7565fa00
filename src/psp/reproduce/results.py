"""The results of runs: `runs.csv` has one line for each run, `configs.json` the configurations, each once.

Configurations stay as they were stored, with the version of their form. The seed and the label budget, which differ
between the runs of a system, are in the line instead of the configuration.
"""

import csv
import hashlib
import io
import json
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from psp.config.json_file import Form, parse_json, read_json
from psp.config.upgrade import CONFIG_VERSION
from psp.errors import CheckpointError, DestinationError
from psp.evaluate.accuracy import Accuracy
from psp.evaluate.evaluate import Evaluation
from psp.files import destination_lock, write_atomically
from psp.report.compare import machine_names, precision_of
from psp.reproduce.experiment import Key, PlannedRun
from psp.train.config import TrainConfig, config_differences, config_from_plain
from psp.train.run_files import read_result
from psp.train.run_folder import open_run

RUNS, CONFIGS = "runs.csv", "configs.json"
LONGEST = 100_000_000
"""The most characters of a field of runs.csv; the ids of clips with doubtful labels are one field."""

BEST = "best epoch "
"""Begins the columns of the best epoch on a test set, which is chosen on the test clips and so is not a result."""

WAIT_SECONDS = 60.0

STORED: Form = {str: {"version": int, "config": dict}}
"""The form of configs.json."""

Line = dict[str, str]


@dataclass(frozen=True)
class RunResult:
    """The facts of a finished run that tables show; `top1` is by weights and test set, in per cent.

    `best_on_test` is the accuracy of the best epoch by test set, if every epoch was evaluated: it is chosen on the
    test clips and so is not a result.
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


def result_line(
    run: PlannedRun, experiment: str, folder: Path, evaluation: Evaluation, best_on_test: Mapping[str, float] | None
) -> Line:
    """Return the line of a finished run: hashes, seeds, versions, device, wall time and accuracies."""
    stored = open_run(folder)
    outcome = read_result(stored.folder.result)
    facts = {
        "experiment": experiment,
        "system": run.row.name,
        "title": run.row.title,
        "column": run.column.name,
        "dataset": stored.store_facts["dataset"],
        "split": run.column.split_name,
        "split hash": stored.split.hash,
        "size": run.size,
        "epochs": sum(stage.epochs for stage in run.config.stages),
        "config version": CONFIG_VERSION,
        "store fingerprint": run.fingerprint,
        "noisy labels": ";".join(outcome.get("noisy labels", ())),
    }
    facts |= flat_outcome(outcome) | flat_evaluation(evaluation)
    facts |= {f"{BEST}{name} top1": value for name, value in (best_on_test or {}).items()}
    return {name: "" if value is None else str(value) for name, value in facts.items()}


def flat_outcome(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a run's result.json as columns of a line."""
    budget, device = outcome["budget"], outcome["device"]
    earlier = outcome.get("earlier machines")
    return {
        "budget": budget["spec"], "budget seed": budget["seed"], "budget hash": budget["hash"],
        "labels": budget["labels"], "seed": outcome["seed"], "config hash": outcome["config hash"],
        "steps": outcome["steps"], "seconds": outcome["seconds"], "parameters": outcome["parameters"],
        "precision": outcome.get("precision"), "compiled": outcome.get("compiled"),
        "device type": device["type"], "device": device["name"], "threads": device["threads"],
        "cores": device["cores"], "earlier machines": None if earlier is None else json.dumps(earlier),
        **outcome["versions"],
    }  # fmt: skip


def flat_evaluation(evaluation: Mapping[Any, Mapping[str, Accuracy]]) -> dict[str, Any]:
    """Return accuracies by weights and test set as columns of a line; those of classes, rounded, are joined by ';'."""
    flat: dict[str, Any] = {}
    for weights, sets in evaluation.items():
        for name, found in sets.items():
            flat |= {f"{weights} {name} {key}": getattr(found, key) for key in ("top1", "top5", "clips")}
            classes = ("" if value is None else f"{value:.2f}" for value in found.per_class)
            flat[f"{weights} {name} per class"] = ";".join(classes)
    return flat


def add_result(results: Path, line: Line, config: TrainConfig) -> None:
    """Append a run to the table in the folder `results`; processes that write at the same time wait for each other."""
    results.mkdir(parents=True, exist_ok=True)
    plain = config_differences(config)
    plain.pop("seed", None)
    entry = {"version": CONFIG_VERSION, "config": plain}
    with ExitStack() as stack:
        _wait_for(results / RUNS, stack)
        configs, lines = read_configs(results), read_lines(results)
        name = config_name(entry)
        write_configs(results, {**configs, name: entry})
        write_lines(results, [*lines, {**line, "config": name, "stored hash": line["config hash"]}])


def config_name(entry: Mapping[str, Any]) -> str:
    """Return the name of an entry of configs.json."""
    return hashlib.sha256(json.dumps(entry, sort_keys=True).encode()).hexdigest()[:12]


def read_configs(results: Path) -> dict[str, dict[str, Any]]:
    """Return the configurations as they were stored, without seed and label budget, each with its version.

    Those of version 2 and later hold what differs from the defaults.
    """
    path = results / CONFIGS
    return dict(read_json(path, STORED, CheckpointError, "Restore the file.")) if path.exists() else {}


def write_configs(results: Path, configs: Mapping[str, Mapping[str, Any]]) -> None:
    """Write configs.json, one line for each configuration."""
    lines = (f" {json.dumps(name)}: {json.dumps(entry, separators=(',', ':'))}" for name, entry in configs.items())
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    write_atomically(results / CONFIGS, lambda path: path.write_text(text))


def read_lines(results: Path) -> list[Line]:
    """Return the lines of runs.csv as text by column, none without such a file; CheckpointError if it is no table."""
    path = results / RUNS
    if not path.exists():
        return []
    usual = csv.field_size_limit(LONGEST)
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        what = f"this is no table of results ({error})."
        raise CheckpointError(what, where=str(path), remedy="Restore it.") from error
    finally:
        csv.field_size_limit(usual)


def write_lines(results: Path, lines: Iterable[Line]) -> None:
    """Write runs.csv; a column that only some lines have is empty in the others."""
    lines = list(lines)
    text = io.StringIO()
    columns = list(dict.fromkeys(name for line in lines for name in line))
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    write_atomically(results / RUNS, lambda path: path.write_text(text.getvalue(), encoding="utf-8"))


def stored_config(line: Line, configs: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return the plain configuration of a run, in the form of its version."""
    entry = configs[line["config"]]
    own: dict[str, Any] = {"seed": int(line["seed"])}
    if entry["version"] == 1:
        own |= {"protocol": line["split"], "budget": line["budget"], "budget_seed": int(line["budget seed"])}
    return {**entry["config"], **own}


def read_results(results: Path) -> dict[Key, RunResult]:
    """Return every run in the folder `results` by its key; a damaged table raises CheckpointError.

    If a run was trained twice, once with an accuracy of every epoch, only the best epoch is taken from that training
    and everything else from the other.
    """
    configs: dict[str, dict[str, Any]] = {}
    found = []
    for number, line in enumerate(read_lines(results), start=2):
        try:
            configs = configs or read_configs(results)
            found.append(_result(line, configs))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            remedy = "Restore the file, or remove the line: the run is then evaluated, or trained, again."
            where = f"{results / RUNS}, line {number}"
            raise CheckpointError(f"this result is damaged ({error!r}).", where=where, remedy=remedy) from error
    by_key: dict[Key, RunResult] = {}
    for result in sorted(found, key=lambda each: each.best_on_test is not None):
        if result.key not in by_key:
            by_key[result.key] = result
        elif result.best_on_test is not None:
            by_key[result.key] = replace(by_key[result.key], best_on_test=result.best_on_test)
    return by_key


def is_measured(key: Key, found: Mapping[Key, RunResult], every_epoch: bool) -> bool:
    """Return whether a run has a result; with `every_epoch` it must hold the accuracy of every epoch."""
    return key in found and (found[key].best_on_test is not None or not every_epoch)


def results_of(runs: Iterable[PlannedRun], found: Mapping[Key, RunResult]) -> dict[tuple[str, str], list[RunResult]]:
    """Return the results by row and column, in the order of the seeds."""
    cells: dict[tuple[str, str], list[RunResult]] = {}
    for run in runs:
        if run.key in found:
            cells.setdefault((run.row.name, run.column.name), []).append(found[run.key])
    return cells


def config_hash(line: Line, configs: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the hash that the configuration of a run has in this version of psp."""
    return config_from_plain(stored_config(line, configs), configs[line["config"]]["version"]).hash


def _result(line: Line, configs: Mapping[str, Mapping[str, Any]]) -> RunResult:
    is_current = int(line["config version"]) == CONFIG_VERSION
    name = line["config hash"] if is_current else config_hash(line, configs)
    device = {"type": line["device type"], "name": line["device"], "threads": int(line["threads"])}
    machine = {"device": device, "earlier machines": _machines(line["earlier machines"])}
    computed = {"precision": line["precision"] or configured_precision(configs[line["config"]])}
    top1: dict[str, dict[str, float]] = {}
    for column, value in line.items():
        if column.endswith(" top1") and value:
            measured = column.removesuffix(" top1")
            is_best = measured.startswith(BEST)
            weights, test_set = (BEST, measured.removeprefix(BEST)) if is_best else measured.split(" ", 1)
            top1.setdefault(weights, {})[test_set] = float(value)
    best = top1.pop(BEST, None)
    return RunResult(
        key=(name, line["store fingerprint"], line["split"], line["budget hash"]),
        seed=int(line["seed"]),
        size=line["size"],
        epochs=int(line["epochs"]),
        parameters=int(line["parameters"]),
        seconds=float(line["seconds"]),
        device=machine_names(machine),
        precision=precision_of({**computed, "compiled": line["compiled"] == "True"}, "float32"),
        top1=top1,
        best_on_test=best,
    )


def _machines(text: str) -> list[dict[str, Any]]:
    """Return the machines on which a run was begun, from a cell of the table."""
    found = parse_json(
        text or "[]",
        [{"device": {"type": str, "name": str, "threads": int}}],
        CheckpointError,
        "earlier machines",
        "Empty the cell.",
    )
    return list(found)


def configured_precision(entry: Mapping[str, Any]) -> str:
    """Return the precision that a stored configuration asks for."""
    config = entry["config"]
    own = config if entry["version"] == 1 else config.get("runtime", {})
    return str(own.get("precision", "float32"))


def _wait_for(path: Path, stack: ExitStack) -> None:
    """Hold the lock of a file until the end of the stack; wait for other processes that hold it."""
    deadline = time.monotonic() + WAIT_SECONDS
    while True:
        try:
            stack.enter_context(destination_lock(path))
            return
        except DestinationError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
