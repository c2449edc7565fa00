"""Accuracy over the number of labels when the labeller chooses the clips, against random and class-balanced ones."""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Int64
from sklearn.linear_model import LogisticRegression

from benchmarks.findings import show
from benchmarks.label_curves import draw_accuracy_over_labels
from benchmarks.machine import provenance
from benchmarks.own_data import OWN_DATA
from benchmarks.pretraining import VIEWS
from psp.dataset.budget import LabelBudget
from psp.dataset.split import FULL, Split, resolve_split
from psp.dataset.store import Store, open_store
from psp.errors import ConfigError
from psp.evaluate.arrays import AS_GIVEN, recordings_of
from psp.evaluate.embed import unit
from psp.figures.canvas import check_picture, save
from psp.files import write_json
from psp.label.features import joint_features, recognise
from psp.label.select import EVERY, Pool, propose
from psp.model.encoder import Size
from psp.preprocess.clean import CleanConfig
from psp.preprocess.normalise import NormaliseConfig
from psp.preprocess.prepare import prepare_recording
from psp.skeleton.catalogue import layout_by_name
from psp.skeleton.recording import recording_of_clip
from psp.synthetic import SyntheticConfig, synthetic_clips
from psp.train.api import preset_config
from psp.train.run import Run
from psp.train.run_folder import Task

FORMAT, BUILT_IN = "psp-active-selection-1", "built-in"
STRATEGIES = ("typical", "random", "class-balanced", "typical-only")
BATCH = 10
"""Queries that the labelling page computes together."""


@dataclass(frozen=True, eq=False)
class Replay:
    """A data set whose labels are known, of which a labeller sees only those that it asked for."""

    store: Store
    split: Split

    @property
    def train(self) -> Int64[np.ndarray, "n"]:
        """The clip indices of the clips to label."""
        return self.split.train_index(self.store)

    @property
    def test(self) -> Int64[np.ndarray, "s"]:
        """The clip indices of the test clips."""
        return self.split.test_index(self.store)

    @cached_property
    def features(self) -> np.ndarray:
        """Features of the joints of the clips to label, then of the test clips."""
        return joint_features(self.store, np.concatenate([self.train, self.test]))


@dataclass(frozen=True, eq=False)
class Learnt:
    """What a recogniser knows after a training: its accuracy in per cent, features of the clips, probabilities."""

    accuracy: float
    features: np.ndarray
    probabilities: np.ndarray


Learner = Callable[[Replay, Int64[np.ndarray, "l"], int], Learnt]
"""A function of a data set, the labelled ones of its clips to label, and a seed."""


def active_selection(
    out: Path = Path("results/active-selection.json"),
    data: list[str] = [BUILT_IN],  # noqa: B006
    samples: Path | None = None,
    nw_ucla: Path | None = None,
    recogniser: str = "linear",
    strategies: list[str] = list(STRATEGIES),  # noqa: B006
    labels: list[int] = [1, 2, 3, 5],  # noqa: B006
    seeds: int = 5,
    clips: int = 600,
    epochs: int | None = None,
    size: Size | None = None,
    waiting: int = 10_000,
    picture: Path | None = None,
) -> None:
    """Replay the labeller on data with known labels: accuracy over labels, and seconds to wait for a proposal.

    Args:
        out: the .json file of results; what it holds already is not measured again
        data: built-in, NATOPS, JHMDB (with --samples), NW-UCLA 1 to 2, NW-UCLA 2 to 1 (with --nw-ucla) or folders
            written by 'psp prepare'
        samples: the folder of own recordings
        nw_ucla: a prepared data set of Northwestern-UCLA, of which views 1 and 2 are used
        recogniser: network (the preset best, as 'psp label' trains it) or linear (logistic regression of joints)
        strategies: typical (the labeller), random, class-balanced (which knows the labels), typical-only (the labeller
            without random clips)
        labels: numbers of labels per class, on average, at which accuracy is measured
        seeds: how many times each strategy is replayed
        clips: how many clips of the built-in data are made
        epochs: length of every training of a network
        size: the size of the network
        waiting: the number of clips for which the time of a proposal is measured, 0 for none
        picture: the .png, .svg or .pdf file to draw, of everything that `out` holds
    """
    if picture:
        check_picture(picture)
    torch.set_num_threads(1)
    learners: Mapping[str, Learner] = {"linear": linear, "network": network(epochs, size)}
    for name in (*({recogniser} - set(learners)), *(set(strategies) - set(STRATEGIES))):
        raise ConfigError(f"{name!r} is not known.", remedy=f"Use {', '.join((*learners, *STRATEGIES))}.")
    found = _read(out)
    opened = {name: open_replay(name, samples, nw_ucla, clips) for name in data}
    for seed, name, strategy in product(range(seeds), data, strategies):
        key = {"data": name, "recogniser": recogniser, "strategy": strategy, "seed": seed, "labels": sorted(labels)}
        if not any(key.items() <= each.items() for each in found["runs"]):
            curve = replay(opened[name], learners[recogniser], strategy, sorted(labels), seed)
            found = _read(out)
            found["runs"] = [*found["runs"], {**key, **curve}]
            write_json(out, found | {"machine": provenance(torch.device("cpu"))})
    if waiting and str(waiting) not in found["seconds per proposal"]:
        found["seconds per proposal"][str(waiting)] = seconds_per_proposal(waiting)
        write_json(out, found)
    for name, each in summary(found["runs"]).items():
        show(name, each)
    show("seconds per proposal", {"clips": found["seconds per proposal"]})
    if picture:
        save(draw_accuracy_over_labels(found["runs"]), picture)


def open_replay(name: str, samples: Path | None, nw_ucla: Path | None, clips: int) -> Replay:
    """Return a data set by name."""
    if name == BUILT_IN:
        config, layout = SyntheticConfig(clips=clips), layout_by_name("ntu25")
        recorded = (recording_of_clip(clip) for clip in synthetic_clips(config))
        made = [prepare_recording(each, layout, CleanConfig(), NormaliseConfig())[0] for each in recorded]
        store = Store.in_memory(made, layout, config.classes, up="y", dataset="synthetic")
        return Replay(store, resolve_split("synthetic-xsub", store))
    if name in VIEWS:
        if nw_ucla is None:
            raise ConfigError(f"{name} needs a prepared data set.", remedy="Name it with --nw-ucla.")
        store = open_store(nw_ucla)
        return Replay(store, resolve_split(VIEWS[name], store))
    if name not in OWN_DATA:
        store = open_store(name)
        return Replay(store, resolve_split(None, store))
    if samples is None:
        raise ConfigError(f"{name} is read from the folder of own recordings.", remedy="Name it with --samples.")
    own = OWN_DATA[name](samples)
    classes = sorted(set(own.labels))
    made = [
        prepare_recording(each, own.layout, AS_GIVEN, NormaliseConfig())[0]
        for each in recordings_of(own.clips, own.layout, own.up)
    ]
    named = [
        replace(clip, info=replace(clip.info, id=f"clip{number:04}", label=classes.index(own.labels[number])))
        for number, clip in enumerate(made)
    ]
    store = Store.in_memory(named, own.layout, classes, up=own.up)
    ids = np.array([clip.info.id for clip in named])
    return Replay(store, Split.of_ids(store, ids[~own.tests].tolist(), {FULL: ids[own.tests].tolist()}))


def replay(data: Replay, learn: Learner, strategy: str, labels: Sequence[int], seed: int) -> dict[str, Any]:
    """Return the accuracies of a recogniser at increasing numbers of labels per class."""
    truth, start = data.store.clips.label[data.train], time.perf_counter()
    classes, chosen = len(np.unique(truth)), list[int]()
    order = _order(truth, strategy, seed)
    state: Learnt | None = None
    first = data.features[: len(truth)]
    accuracies, covered = [], []
    for count in (each * classes for each in labels):
        while len(chosen) < count:
            if not strategy.startswith("typical"):
                chosen = order[:count]
                break
            every = EVERY if strategy == "typical" else 0
            chosen += ask(first, state, truth, chosen, count - len(chosen), seed, every)
        state = learn(data, np.array(chosen), seed)
        accuracies.append(round(state.accuracy, 2))
        covered.append(len(np.unique(truth[chosen])))
    facts = {"labels": list(labels), "accuracy": accuracies, "classes with labels": covered, "classes": classes}
    return {**facts, "clips": len(truth), "seconds": round(time.perf_counter() - start, 1)}


def ask(
    first: np.ndarray,
    state: Learnt | None,
    truth: Int64[np.ndarray, "n"],
    chosen: Sequence[int],
    most: int,
    seed: int,
    every: int,
) -> list[int]:
    """Return what the labelling page would ask for next; every `every`-th query is random, none with 0."""
    known = np.full(len(truth), -1)
    known[list(chosen)] = truth[list(chosen)]
    features = first if state is None else state.features
    pool = Pool(features, known, known < 0, None if state is None else state.probabilities)
    count = most if not chosen else min(most, BATCH)
    return [clip for clip, _ in propose(pool, count, asked=len(chosen), seed=seed, every=every)]


def linear(data: Replay, chosen: Int64[np.ndarray, "l"], seed: int) -> Learnt:
    """Return a logistic regression of the features of the joints."""
    features, labels, border = data.features, data.store.clips.label, len(data.train)
    model = LogisticRegression(max_iter=2000, C=10.0).fit(features[chosen], labels[data.train[chosen]])
    accuracy = 100 * float((model.predict(features[border:]) == labels[data.test]).mean())
    return Learnt(accuracy, unit(features[:border]), model.predict_proba(features[:border]))


def network(epochs: int | None, size: Size | None) -> Learner:
    """Return a learner that trains as `psp train` does."""

    def learn(data: Replay, chosen: Int64[np.ndarray, "l"], seed: int) -> Learnt:
        ids = tuple(sorted(data.store.clips.id[data.train[chosen]].tolist()))
        task = Task(data.store, data.split, LabelBudget("chosen", data.split.name, seed, ids))
        run = Run(task, preset_config(task, epochs=epochs, size=size, seed=seed), None, "cpu")
        run.train()
        model, maker = run.model(), run.data.maker
        own = recognise(model, maker, data.train, run.config.runtime.precision)
        test = recognise(model, maker, data.test, run.config.runtime.precision)
        names = np.array(test.classes)[test.probabilities.argmax(axis=1)]
        truth = np.array(data.store.classes)[data.store.clips.label[data.test]]
        return Learnt(100 * float((names == truth).mean()), own.features, own.probabilities)

    return learn


def seconds_per_proposal(clips: int, labels: int = 100, dimensions: int = 64) -> float:
    """Return the seconds that the selection of one of `clips` clips takes, computed in batches as the page does."""
    draw = np.random.default_rng(0)
    centres = draw.normal(0, 1, (30, dimensions))
    features = unit(centres[draw.integers(0, 30, clips)] + draw.normal(0, 0.5, (clips, dimensions))).astype(np.float32)
    known = np.full(clips, -1)
    known[draw.permutation(clips)[:labels]] = draw.integers(0, 20, labels)
    pool, start = Pool(features, known, known < 0), time.perf_counter()
    chosen = propose(pool, BATCH, asked=labels)
    return round((time.perf_counter() - start) / len(chosen), 4)


def summary(runs: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, dict[str, str]]]:
    """Return mean and standard deviation of the accuracies by data set, strategy and number of labels."""
    found: dict[str, dict[str, dict[str, list[float]]]] = {}
    for run in runs:
        own = found.setdefault(f"{run['data']}, {run['recogniser']}", {}).setdefault(run["strategy"], {})
        for count, accuracy in zip(run["labels"], run["accuracy"], strict=True):
            own.setdefault(f"{count} labels of a class", []).append(accuracy)
    return {
        name: {strategy: {key: _in_words(values) for key, values in own.items()} for strategy, own in each.items()}
        for name, each in found.items()
    }


def _order(truth: Int64[np.ndarray, "n"], strategy: str, seed: int) -> list[int]:
    """Return all clips in a random order; class-balanced: one of every class, then a second one of every class, ..."""
    order = np.random.default_rng(seed).permutation(len(truth))
    if strategy != "class-balanced":
        return order.tolist()
    turn = np.empty(len(truth), dtype=np.int64)
    for label in np.unique(truth):
        own = order[truth[order] == label]
        turn[own] = np.arange(len(own))
    return order[np.argsort(turn[order], kind="stable")].tolist()


def _in_words(values: Sequence[float]) -> str:
    return f"{np.mean(values):.1f}" + (f" ± {np.std(values, ddof=1):.1f}" if len(values) > 1 else "")


def _read(out: Path) -> dict[str, Any]:
    return json.loads(out.read_text()) if out.exists() else {"format": FORMAT, "runs": [], "seconds per proposal": {}}
