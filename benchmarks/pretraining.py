"""What encoders pre-trained on generated recordings bring, on training clips alone: no test clip is seen."""

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.findings import show
from benchmarks.machine import provenance
from benchmarks.own_data import OWN_DATA, OwnData
from psp.dataset.divide import Split
from psp.dataset.store import Store
from psp.errors import ConfigError
from psp.evaluate.arrays import AS_GIVEN, recordings_of
from psp.evaluate.evaluate import evaluate_model
from psp.files import write_json
from psp.preprocess.normalise import NormaliseConfig
from psp.preprocess.prepare import prepare_recording
from psp.train.api import make_task, preset_config
from psp.train.run import Run
from psp.train.run_folder import Task

VIEWS = {"NW-UCLA 1 to 2": "nw-ucla-view1-to-view2", "NW-UCLA 2 to 1": "nw-ucla-view2-to-view1"}
HALVES = ("JHMDB", "NATOPS")
"""Recordings of which one half of the training part is trained on, and the other half tests."""

METHODS = {"best": None, "supervised baseline": "multi-stream-supervised"}
STARTS = ("none", "made")
FORMAT = "psp-pretraining-1"


def pretraining(
    nw_ucla: Path,
    samples: Path,
    out: Path = Path("results/pretraining.json"),
    data: list[str] = [*HALVES, *VIEWS],  # noqa: B006
    systems: list[str] = ["best"],  # noqa: B006
    labels: list[str] = ["1", "5"],  # noqa: B006
    draws: int = 3,
) -> None:
    """Measure the accuracy of training from made encoders and from random weights, on the same labels and seeds.

    Args:
        nw_ucla: a prepared data set of Northwestern-UCLA, of which views 1 and 2 are used
        samples: the folder of own recordings
        out: the .json file of results; what it holds already is not measured again
        data: which data sets
        systems: best, supervised baseline
        labels: how many labelled clips of a class
        draws: how many times labels are drawn; the seed of a draw is its number
    """
    torch.set_num_threads(1)
    for name in (
        *(each for each in data if each not in (*HALVES, *VIEWS)),
        *(each for each in systems if each not in METHODS),
    ):
        known = ", ".join([*HALVES, *VIEWS, *METHODS])
        raise ConfigError(f"there is no system or data set {name!r}.", remedy=f"Choose from {known}.")
    halves = {name: half_of(OWN_DATA[name](samples)) for name in data if name in HALVES}
    for draw, budget, name, system, start in product(range(draws), labels, data, systems, STARTS):
        if (name, budget, draw, system, start) in {_key(run) for run in _read(out)}:
            continue
        store, split = halves[name] if name in halves else (nw_ucla, VIEWS[name])
        task = make_task(store, f"{budget}/class", split, draw)
        found = {"data": name, "labels": budget, "draw": draw, "system": system, "start": start}
        runs = sorted([*_read(out), found | measure(task, system, start, draw)], key=_key)
        write_json(out, {"format": FORMAT, "machine": provenance(torch.device("cpu")), "runs": runs})
    for (name, budget, system), accuracies in summary(_read(out)).items():
        show(f"{name}, {budget} labels of a class, {system}", {"accuracy": accuracies})


def measure(task: Task, system: str, start: str, seed: int) -> dict[str, Any]:
    """Return the accuracy of one run in percent, what it started from, and its identity."""
    config, begin = preset_config(task, "best", method=METHODS[system], seed=seed, init=start), time.perf_counter()
    run = Run(task, config, None, "cpu")
    run.train(handle_signals=False)
    return {
        "accuracy": round(evaluate_model(run.model(), run.data.maker, task.split)["full"].top1, 2),
        "weights": config.stages[0].initialise,
        "config": config.hash,
        "label hash": task.labels.hash,
        "seconds": round(time.perf_counter() - begin, 1),
    }


def half_of(data: OwnData) -> tuple[Store, Split]:
    """Return the training part of a data set as a store, and its division into halves."""
    train, names = np.flatnonzero(~data.tests), sorted(set(data.labels))
    clips, normalise = [], NormaliseConfig()
    recordings = recordings_of([data.clips[number] for number in train], data.layout, data.up)
    for number, recording in zip(train.tolist(), recordings, strict=True):
        info = replace(recording.info, id=f"clip {number:05}", label=names.index(data.labels[number]))
        clips.append(prepare_recording(replace(recording, info=info), data.layout, AS_GIVEN, normalise)[0])
    store = Store.in_memory(
        clips, data.layout, names, up=normalise.vertical(recordings[0].up), normalise=normalise, clean=AS_GIVEN
    )
    return store, Split.stratified(store, 0.5)


def summary(runs: Iterable[dict[str, Any]]) -> dict[tuple[str, str, str], dict[str, str]]:
    """Return mean accuracies and the mean paired difference with its standard error, by data, budget and system."""
    found: dict[tuple[str, str, str], dict[int, dict[str, float]]] = {}
    for run in runs:
        key = run["data"], run["labels"], run["system"]
        found.setdefault(key, {}).setdefault(run["draw"], {})[run["start"]] = run["accuracy"]
    pairs = {key: [each for each in draws.values() if len(each) == len(STARTS)] for key, draws in found.items()}
    return {key: _in_words(each) for key, each in pairs.items() if each}


def table(runs: Iterable[dict[str, Any]]) -> str:
    """Return the accuracies as a table in Markdown."""
    lines = [
        "| recordings | labels of a class | random weights | made encoders | difference | draws |",
        "|---" * 6 + "|",
    ]
    for (data, labels, _), found in summary(run for run in runs if run["system"] == "best").items():
        cells = (data, labels, found["none"], found["made"], found["difference"], found["draws"])
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _in_words(pairs: Sequence[dict[str, float]]) -> dict[str, str]:
    means = {name: f"{np.mean([pair[name] for pair in pairs]):.1f}" for name in STARTS}
    gains = [pair["made"] - pair["none"] for pair in pairs]
    spread = f" ± {np.std(gains, ddof=1) / len(gains) ** 0.5:.1f}" if len(gains) > 1 else ""
    return means | {"difference": f"{np.mean(gains):+.1f}{spread}", "draws": str(len(pairs))}


def _read(path: Path) -> list[dict[str, Any]]:
    runs: list[dict[str, Any]] = json.loads(path.read_text())["runs"] if path.exists() else []
    return runs


def _key(run: dict[str, Any]) -> tuple[str, str, int, str, str]:
    return run["data"], run["labels"], run["draw"], run["system"], run["start"]
