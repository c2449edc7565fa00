"""Accuracy on recordings that nothing was tuned on, against what a user could take instead, on the same labels."""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float64, Int64
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.findings import show
from benchmarks.machine import provenance
from benchmarks.own_data import OWN_DATA, OwnData
from psp import SkeletonClassifier
from psp.errors import ConfigError
from psp.evaluate.arrays import AS_GIVEN, recordings_of
from psp.files import write_json
from psp.preprocess.normalise import NormaliseConfig
from psp.preprocess.prepare import prepare_recording

FRAMES, DTW_FRAMES, LINEAR_FRAMES = 64, 32, 16
"""Frames that clips are resampled to for the peers, which take series of one length."""

FORMAT = "psp-own-recordings-1"


@dataclass(frozen=True, eq=False)
class Labelled:
    """A data set with the clips whose labels a system may use, by their numbers."""

    data: OwnData
    chosen: Int64[np.ndarray, "l"]
    seed: int

    @property
    def test(self) -> Int64[np.ndarray, "s"]:
        """The numbers of the test clips."""
        return np.flatnonzero(self.data.tests)


def own_method(method: str | None) -> Callable[[Labelled], list[str]]:
    """Return a system: preset `best` with a method, trained on all training clips; None is the method of the preset."""

    def predict(task: Labelled) -> list[str]:
        train = np.flatnonzero(~task.data.tests)
        labels = np.array(["-1"] * len(train), dtype=object)
        own = np.isin(train, task.chosen)
        labels[own] = np.array(task.data.labels, dtype=object)[train[own]]
        model = SkeletonClassifier(
            task.data.layout, up=task.data.up, method=method, init="none", random_state=task.seed, device="cpu"
        )
        model.fit([task.data.clips[number] for number in train], labels.tolist())
        return model.predict([task.data.clips[number] for number in task.test]).tolist()

    return predict


def peer(make: Callable[[int], Any], frames: int, flat: bool = False) -> Callable[[Labelled], list[str]]:
    """Return a system of another library, trained on the labelled clips: normalised, filled in and resampled."""

    def predict(task: Labelled) -> list[str]:
        series = _series(task.data, [*task.chosen, *task.test], frames)
        series = series.reshape(len(series), -1) if flat else series
        labels = np.array([task.data.labels[number] for number in task.chosen])
        model = make(task.seed).fit(series[: len(labels)], labels)
        return list(model.predict(series[len(labels) :]))

    return predict


def _multi_rocket_hydra(seed: int) -> Any:
    from aeon.classification.convolution_based import MultiRocketHydraClassifier

    return MultiRocketHydraClassifier(random_state=seed)


def _mini_rocket(seed: int) -> Any:
    from aeon.classification.convolution_based import MiniRocketClassifier

    return MiniRocketClassifier(random_state=seed)


def _dtw(seed: int) -> Any:
    from aeon.classification.distance_based import KNeighborsTimeSeriesClassifier

    return KNeighborsTimeSeriesClassifier(n_neighbors=1, distance="dtw", distance_params={"window": 0.2})


def _logistic(seed: int) -> Any:
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))


SYSTEMS: dict[str, Callable[[Labelled], list[str]]] = {
    "logistic regression": peer(_logistic, LINEAR_FRAMES, flat=True),
    "1-NN DTW": peer(_dtw, DTW_FRAMES),
    "MiniRocket": peer(_mini_rocket, FRAMES),
    "MultiRocket-Hydra": peer(_multi_rocket_hydra, FRAMES),
    "supervised baseline": own_method("supervised"),
    "best": own_method(None),
}
BUDGETS = ("2", "5", "all")


def own_recordings(
    samples: Path,
    out: Path = Path("results/own-recordings.json"),
    systems: list[str] = list(SYSTEMS),  # noqa: B006
    data: list[str] = list(OWN_DATA),  # noqa: B006
    labels: list[str] = list(BUDGETS),  # noqa: B006
    draws: int = 5,
) -> None:
    """Measure accuracy on own recordings, best by data size, against peers on the same clips and labels.

    Args:
        samples: the folder of the recordings
        out: the .json file of results; what it holds already is not measured again
        systems: which systems; those of aeon need `pip install aeon`
        data: which data sets
        labels: how many labelled clips of a class, 2, 5 or all
        draws: how many times labels are drawn; the seed of a draw is its number
    """
    torch.set_num_threads(1)
    for name in (*(each for each in systems if each not in SYSTEMS), *(each for each in data if each not in OWN_DATA)):
        known = ", ".join([*SYSTEMS, *OWN_DATA])
        raise ConfigError(f"there is no system or data set {name!r}.", remedy=f"Choose from {known}.")
    runs = _read(out)
    done = {_key(run) for run in runs}
    opened = {name: OWN_DATA[name](samples) for name in data}
    for draw, budget, name, system in product(range(draws), labels, data, systems):
        if (name, budget, draw, system) not in done and not (budget == "all" and draw and system in DETERMINISTIC):
            found = measure(opened[name], name, budget, draw, system)
            runs = sorted([*_read(out), found], key=_key)
            write_json(out, {"format": FORMAT, "machine": provenance(torch.device("cpu")), "runs": runs})
    for (name, budget), accuracies in summary(runs).items():
        show(f"{name}, {budget} labels of a class", {"accuracy": accuracies})


DETERMINISTIC = ("logistic regression", "1-NN DTW")
"""Systems without random numbers: with all labels every draw is the same."""


def measure(data: OwnData, name: str, budget: str, draw: int, system: str) -> dict[str, Any]:
    """Return the result of one run: accuracy in percent, balanced over the classes where they are very unequal."""
    task, start = Labelled(data, draw_labels(data, budget, draw), draw), time.perf_counter()
    predicted = SYSTEMS[system](task)
    truth = [data.labels[number] for number in task.test]
    accuracy = float(np.mean(np.array(truth) == np.array(predicted)))
    return {
        "data": name,
        "labels": budget,
        "draw": draw,
        "system": system,
        "accuracy": round(100 * accuracy, 2),
        "balanced accuracy": round(100 * float(balanced_accuracy_score(truth, predicted)), 2),
        "labelled": len(task.chosen),
        "test clips": len(truth),
        "seconds": round(time.perf_counter() - start, 1),
    }


def draw_labels(data: OwnData, budget: str, seed: int) -> Int64[np.ndarray, "l"]:
    """Return the numbers of the labelled training clips, so many of each class as the budget says."""
    draw, labels = np.random.default_rng(seed), np.array(data.labels)
    chosen = []
    for label in sorted(set(data.labels)):
        own = np.flatnonzero((labels == label) & ~data.tests)
        chosen.append(own if budget == "all" else draw.permutation(own)[: int(budget)])
    return np.sort(np.concatenate(chosen))


def summary(runs: Iterable[dict[str, Any]]) -> dict[tuple[str, str], dict[str, str]]:
    """Return mean and standard deviation over the draws by data set and budget, for each system.

    Where classes are very unequal (mice) the accuracy is the balanced one.
    """
    found: dict[tuple[str, str], dict[str, list[float]]] = {}
    for run in runs:
        accuracy = run["balanced accuracy" if run["data"] == "mice" else "accuracy"]
        found.setdefault((run["data"], run["labels"]), {}).setdefault(run["system"], []).append(accuracy)
    return {key: {name: _in_words(values) for name, values in each.items()} for key, each in found.items()}


def table(runs: Iterable[dict[str, Any]]) -> str:
    """Return the accuracies as a table in Markdown, the best of a line in bold."""
    cells = summary(runs)
    lines = [
        "| recordings | labels of a class | " + " | ".join(SYSTEMS) + " |",
        "|---|---" + "|---" * len(SYSTEMS) + "|",
    ]
    for data, budget in product(OWN_DATA, BUDGETS):
        each = cells.get((data, budget), {})
        most = max((float(text.split()[0]) for text in each.values()), default=0.0)
        shown = [each.get(system, "-") for system in SYSTEMS]
        bold = [f"**{text}**" if text != "-" and float(text.split()[0]) == most else text for text in shown]
        lines += [f"| {data} | {budget} | " + " | ".join(bold) + " |"] if each else []
    return "\n".join(lines)


def _in_words(values: Sequence[float]) -> str:
    return f"{np.mean(values):.1f}" + (f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else "")


def _series(data: OwnData, numbers: Iterable[int], frames: int) -> Float64[np.ndarray, "n d frames"]:
    """Return clips as multivariate series of one length, prepared as psp prepares them; absent persons are zeros."""
    found, width = [], data.clips[0][0, 0].size * len(data.clips[0])
    for recording in recordings_of([data.clips[number] for number in numbers], data.layout, data.up):
        clip, _ = prepare_recording(recording, data.layout, AS_GIVEN, NormaliseConfig())
        rows = clip.joints.transpose(1, 0, 2, 3).reshape(clip.frames, -1).astype(np.float64)
        at = np.linspace(0, clip.frames - 1, frames)
        rows = np.pad(rows, ((0, 0), (0, width - rows.shape[1])))
        found.append([np.interp(at, np.arange(clip.frames), column) for column in rows.T])
    return np.array(found)


def _read(out: Path) -> list[dict[str, Any]]:
    return json.loads(out.read_text())["runs"] if out.exists() else []


def _key(run: dict[str, Any]) -> tuple[str, str, int, str]:
    return run["data"], run["labels"], run["draw"], run["system"]
